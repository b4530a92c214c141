//! `vmbuild image list` and `show`: what is known, and what is here.

use crate::cli::NamedImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, Cell};
use serde_json::json;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_image::{GoldenInventory, Image, ImageInventory, description, inventory, inventory_of};

/// Prints every known image.
pub(super) fn list(context: &CommandContext) -> Result<CommandExit, Failure> {
    let images = inventory(&context.store)?;
    let text = if context.json {
        format!("{}\n", json!({ "schema": 1, "images": images }))
    } else {
        let head = ["NAME", "SOURCE", "RELEASE", "BASE", "GOLDEN", "DISKS", "SIZE", ""].map(Cell::from).to_vec();
        let rows = images.iter().map(|image| row(image).into_iter().map(Cell::from).collect());
        report::columns(&std::iter::once(head).chain(rows).collect::<Vec<Vec<Cell>>>())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

fn row(image: &ImageInventory) -> Vec<String> {
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let words = |golden: &mut dyn Iterator<Item = &GoldenInventory>| {
        or_dash(golden.map(|golden| golden.role).collect::<Vec<_>>().join(", "))
    };
    vec![
        image.name.clone(),
        image.source.to_owned(),
        image.release.clone(),
        if image.base { "here" } else { "-" }.to_owned(),
        words(&mut image.golden.iter()),
        words(&mut image.golden.iter().filter(|golden| golden.disk.is_some())),
        if image.bytes == 0 { "-".to_owned() } else { vmbuild_core::format::size(image.bytes) },
        remarks(image).join("; "),
    ]
}

fn remarks(image: &ImageInventory) -> Vec<String> {
    let default = image.default.then(|| "default".to_owned());
    let others = match image.others.len() {
        0 => None,
        others => Some(format!("{others} out of date: `vmbuild image prune`")),
    };
    default.into_iter().chain(others).collect()
}

/// Prints one image.
pub(super) fn show(context: &CommandContext, args: &NamedImage) -> Result<CommandExit, Failure> {
    let here = inventory_of(&context.store, &args.name)?;
    let description = description(&context.store, &args.name)?;
    let lists = Image::load(&args.name, &context.store)?.lists()?;
    let text = if context.json {
        let packages = json!({
            "toolchain": lists.toolchain,
            "cpython": lists.cpython,
            "runtime": lists.runtime,
        });
        format!("{}\n", json!({ "schema": 1, "description": description, "packages": packages, "here": here }))
    } else {
        let mut rows = described(&description, "");
        let count =
            format!("{} to compile, {} to run", lists.toolchain.len() + lists.cpython.len(), lists.runtime.len());
        rows.extend([("packages asked for".to_owned(), count), ("key".to_owned(), here.key.clone())]);
        rows.extend(here.golden.iter().flat_map(golden));
        rows.extend([
            ("size".to_owned(), vmbuild_core::format::size(here.bytes)),
            ("out of date".to_owned(), here.others.join(" ")),
        ]);
        let cells = |(name, value): (String, String)| vec![Cell::from(name), Cell::from(value)];
        report::columns(&rows.into_iter().filter(|(_, value)| !value.is_empty()).map(cells).collect::<Vec<_>>())
    };
    report::to_stdout(&text)?;
    Ok(Exit::Success.into())
}

/// The description's fields, one a row, with dotted names.
fn described(value: &serde_json::Value, name: &str) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(fields) => {
            let below = |field: &str| if name.is_empty() { field.to_owned() } else { format!("{name}.{field}") };
            fields.iter().flat_map(|(field, value)| described(value, &below(field))).collect()
        }
        serde_json::Value::Array(values) => {
            let words: Vec<&str> = values.iter().filter_map(serde_json::Value::as_str).collect();
            vec![(name.to_owned(), words.join(" "))]
        }
        serde_json::Value::String(text) => vec![(name.to_owned(), text.clone())],
        other => vec![(name.to_owned(), other.to_string())],
    }
}

fn golden(golden: &GoldenInventory) -> Vec<(String, String)> {
    let name = |field: &str| format!("{} {field}", golden.role);
    let disk = golden.disk.as_ref();
    let recorded = disk.and_then(|disk| disk.blocks_sha256.clone());
    vec![
        (name("digest"), golden.digest.clone()),
        (name("made"), format!("{:.0} from {}", golden.made, golden.archive)),
        (name("packages"), format!("{}, listed in {}", golden.packages, golden.package_list.display())),
        (
            name("disk"),
            disk.map(|disk| format!("{}, {}", disk.path.display(), vmbuild_core::format::size(disk.bytes)))
                .unwrap_or_default(),
        ),
        (name("disk's blocks"), recorded.unwrap_or_default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::described;
    use serde_json::json;

    #[test]
    fn fields_get_dotted_names() {
        let rows = described(&json!({ "schema": 1, "source": { "kind": "bootstrap", "components": ["a", "b"] } }), "");
        let rows: Vec<String> = rows.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(rows, ["schema=1", "source.kind=bootstrap", "source.components=a b"]);
    }
}
