//! `vmbuild image show`

use crate::cli::NamedImage;
use crate::commands::context::CommandContext;
use crate::commands::program::CommandExit;
use crate::report::{self, TableCell};
use serde_json::json;
use vmbuild_core::failure::{Exit, Failure};
use vmbuild_core::format::size;
use vmbuild_image::GoldenInventory;
use vmbuild_operations::image::{self, ImageShowOutcome, ImageShowRequest};

/// Prints one image.
pub(super) async fn show(context: &CommandContext, args: NamedImage) -> Result<CommandExit, Failure> {
    let outcome = image::show(context, ImageShowRequest { image: args.name }).await?;
    report::to_stdout(&if context.json { as_json(&outcome) } else { as_table(&outcome) })?;
    Ok(Exit::Success.into())
}

fn as_json(outcome: &ImageShowOutcome) -> String {
    let lists = &outcome.packages;
    let packages = json!({ "toolchain": lists.toolchain, "cpython": lists.cpython, "runtime": lists.runtime });
    let (description, here) = (&outcome.description, &outcome.inventory);
    format!("{}\n", json!({ "schema": 1, "description": description, "packages": packages, "here": here }))
}

fn as_table(outcome: &ImageShowOutcome) -> String {
    let (lists, here) = (&outcome.packages, &outcome.inventory);
    let mut rows = described(&outcome.description, "");
    let count = format!("{} to compile, {} to run", lists.toolchain.len() + lists.cpython.len(), lists.runtime.len());
    rows.extend([("packages asked for".to_owned(), count), ("key".to_owned(), here.key.clone())]);
    rows.extend(here.golden.iter().flat_map(golden));
    rows.extend([("size".to_owned(), size(here.bytes)), ("out of date".to_owned(), here.others.join(" "))]);
    let cells = |(name, value): (String, String)| vec![TableCell::from(name), TableCell::from(value)];
    report::columns(&rows.into_iter().filter(|(_, value)| !value.is_empty()).map(cells).collect::<Vec<_>>())
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
        (name("disk"), disk.map(|disk| format!("{}, {}", disk.path.display(), size(disk.bytes))).unwrap_or_default()),
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
