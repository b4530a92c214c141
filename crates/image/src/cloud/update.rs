//! Moving an image's pins to the publisher's newest release.

use super::checksum_list::listed;
use super::description_file::{DescriptionFile, find_description};
use super::publisher::{ImagePublisher, PublisherAnswer};
use super::releases::{compare, newest};
use super::{CloudError, CloudImage, CloudSettings, FileDigest, PinProvenance};
use crate::{Image, ImageError, ImageSource};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;
use toml_edit::{DocumentMut, Item, Value};
use vmbuild_core::event::{Events, Part};
use vmbuild_core::store::{Store, write_atomically};
use vmbuild_fetch::download::FetchError;

/// Outcome of a pin's update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinUpdate {
    /// The image's name.
    pub image: String,
    /// The description's file.
    pub file: PathBuf,
    /// The release pinned before.
    pub from: String,
    /// The release pinned now. Equal to `from` if there is no newer one; nothing is written then.
    pub to: String,
    /// The new pins, by architecture.
    pub digests: BTreeMap<String, FileDigest>,
    /// Their provenance.
    pub provenance: PinProvenance,
}

/// Finds the publisher's newest release of `image` (a name, or the path of a description), verifies its checksums, and
/// rewrites release and digests in the description, keeping its comments. The program's own descriptions are copied into
/// the store's `images.d` for that, where they take precedence.
pub async fn update(
    image: &str,
    store: &Store,
    settings: &CloudSettings,
    events: &Events,
    cancel: &CancellationToken,
) -> Result<PinUpdate, ImageError> {
    let place = find_description(image, store)?;
    let described = Image::parse(&place.text, &place.file)?;
    let ImageSource::CloudImage(cloud) = &described.source else {
        return Err(CloudError::NotCloud { image: described.name }.into());
    };
    let publisher = ImagePublisher { image: cloud, store, settings, events, cancel };
    let updater = PinUpdater { name: &described.name, publisher };
    let running = events.phase(Part::Image, "update", described.name.clone());
    let to = updater.newest().await?;
    let (digests, provenance) = updater.digests(&to).await?;
    let updated = PinUpdate {
        image: described.name.clone(),
        file: place.writable.clone(),
        from: cloud.release.clone(),
        to,
        digests,
        provenance,
    };
    updater.write(&place, &updated)?;
    running.finish(format!("{} -> {}, {}", updated.from, updated.to, updated.provenance));
    Ok(updated)
}

/// Updates one image's pin.
#[derive(Debug)]
struct PinUpdater<'a> {
    name: &'a str,
    publisher: ImagePublisher<'a>,
}

impl PinUpdater<'_> {
    fn cloud(&self) -> &CloudImage {
        self.publisher.image
    }

    /// The publisher's newest release, or the pinned one if that is newer.
    async fn newest(&self) -> Result<String, CloudError> {
        let arch = self.cloud().file.keys().next().map_or("", String::as_str);
        let url = self.cloud().listing_url(arch);
        let page = self.publisher.get(&url).await.map_err(|error| self.publisher_error(&url, error))?;
        let entry = self.cloud().newest.entry.replace("{arch}", arch);
        let found = newest(&String::from_utf8_lossy(&page), &entry);
        let found = found.ok_or_else(|| CloudError::NoRelease { image: self.name.to_owned(), url })?;
        let pinned = &self.cloud().release;
        Ok(if compare(&found, pinned).is_gt() { found } else { pinned.clone() })
    }

    /// The digests of every architecture in `release`, as the publisher signed them.
    async fn digests(&self, release: &str) -> Result<(BTreeMap<String, FileDigest>, PinProvenance), CloudError> {
        let (mut digests, mut lists, mut provenance) = (BTreeMap::new(), BTreeMap::new(), None);
        for (arch, file) in &self.cloud().file {
            let url = self.cloud().sums_url(release, arch);
            if !lists.contains_key(&url) {
                let sums = match self.publisher.sums(release, arch).await? {
                    PublisherAnswer::Found(sums) => sums,
                    PublisherAnswer::Missing { url, reason } => return Err(self.publisher_error(&url, reason)),
                };
                provenance = Some(sums.provenance);
                lists.insert(url.clone(), sums.text);
            }
            let name = file.name_in(release, arch);
            let digest = lists.get(&url).and_then(|list| listed(list, &name));
            let digest = digest.ok_or_else(|| CloudError::NotListed { url: url.clone(), name })?;
            if *release == self.cloud().release && digest != file.digest {
                let (image, pinned, listed) = (self.name.to_owned(), file.digest.to_string(), digest.to_string());
                return Err(CloudError::PinDisagrees { image, url, pinned, listed });
            }
            digests.insert(arch.clone(), digest);
        }
        let nothing = || CloudError::NoRelease { image: self.name.to_owned(), url: self.cloud().listing_url("") };
        Ok((digests, provenance.ok_or_else(nothing)?))
    }

    fn publisher_error(&self, url: &str, error: FetchError) -> CloudError {
        match error {
            FetchError::Local(source) => source.into(),
            FetchError::Cancelled => CloudError::Cancelled,
            reason => {
                CloudError::Publisher { image: self.name.to_owned(), url: url.to_owned(), reason: reason.to_string() }
            }
        }
    }

    fn write(&self, place: &DescriptionFile, updated: &PinUpdate) -> Result<(), ImageError> {
        if updated.from == updated.to {
            return Ok(());
        }
        let text = rewrite(&place.text, updated)
            .map_err(|source| CloudError::Edit { file: place.file.clone(), source: Box::new(source) })?;
        // The new text must parse.
        Image::parse(&text, &place.file)?;
        if let Some(folder) = place.writable.parent() {
            fs_err::create_dir_all(folder)?;
        }
        if place.file != place.writable.display().to_string() {
            let text = format!("`{}` is now described by {}", self.name, place.writable.display());
            self.publisher.events.note(Part::Image, text);
        }
        Ok(write_atomically(&place.writable, text.as_bytes())?)
    }
}

/// The description with other pins; everything else stays as it is.
fn rewrite(text: &str, updated: &PinUpdate) -> Result<String, toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let source = &mut document["source"];
    replace(&mut source["release"], &updated.to);
    for (arch, digest) in &updated.digests {
        replace(&mut source["file"][arch]["digest"], &digest.to_string());
    }
    Ok(document.to_string())
}

/// Puts another value in the place of one, with the space and the comments around it.
fn replace(item: &mut Item, text: &str) {
    let decor = item.as_value().map(|value| value.decor().clone()).unwrap_or_default();
    let mut value = Value::from(text);
    *value.decor_mut() = decor;
    *item = Item::Value(value);
}

#[cfg(test)]
mod tests {
    use super::{FileDigest, PinProvenance, PinUpdate, rewrite};
    use std::collections::BTreeMap;

    #[test]
    fn only_the_pins_change() {
        let text = "# about\n[source] # the source\nkind = \"cloud-image\"\nrelease = \"1\" # a date\n\n# arm\n\
                    [source.file.aarch64]\n  digest   =  \"old\"   # pinned\nname=\"b\"\n";
        let new = FileDigest::Sha256([0xab; 32]);
        let updated = PinUpdate {
            image: String::new(),
            file: "/x".into(),
            from: "1".to_owned(),
            to: "2".to_owned(),
            digests: BTreeMap::from([("aarch64".to_owned(), new)]),
            provenance: PinProvenance::PinAlone { reason: String::new() },
        };
        let expect = text.replace("\"1\"", "\"2\"").replace("old", &new.to_string());
        assert_eq!(rewrite(text, &updated).expect("TOML"), expect);
    }
}
