//! A container image of one layer. Source: OCI Image Format Specification 1.0, `image-layout`, `manifest`, `config`.

use super::compress::compress;
use super::job::{ExportJob, ExportOutput, hashed};
use super::plain_tar::{self, TarEntry};
use super::{Compression, ExportError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The fixed time of everything that needs one (`bootstrap::EPOCH`), as RFC 3339 writes it.
const CREATED: &str = "2023-11-14T22:13:20Z";

/// The search path of programs in the image.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the layout as a folder.
pub(super) async fn layout(job: &ExportJob<'_>) -> Result<ExportOutput, ExportError> {
    let root = job.work("oci");
    let blobs = root.join("blobs/sha256");
    fs_err::create_dir_all(&blobs)?;
    job.report("packing the tree");
    job.tree.tar("layer.tar", job.cancel).await?;
    job.report("compressing");
    let layer = compress(job.work("layer.tar"), job.work("layer"), job.compression).await?;
    fs_err::remove_file(job.work("layer.tar"))?;
    fs_err::rename(job.work("layer"), blobs.join(&layer.sha256))?;

    let config = blob(&blobs, &config(job, &layer.plain))?;
    let layer = described(layer_type(job.compression), &layer.sha256, layer.bytes);
    let bytes = config.bytes + layer["size"].as_u64().unwrap_or(0);
    let config = described("application/vnd.oci.image.config.v1+json", &config.sha256, config.bytes);
    let manifest = blob(&blobs, &manifest(&config, &layer, job.golden.digest()))?;
    let index = index(&manifest, job.golden.role().as_str());
    write_synced(&root.join("oci-layout"), &text(&json!({ "imageLayoutVersion": "1.0.0" })))?;
    write_synced(&root.join("index.json"), &text(&index))?;
    for folder in [blobs.as_path(), &root.join("blobs"), &root] {
        vmbuild_core::store::sync_folder(folder)?;
    }
    Ok(ExportOutput { path: root, sha256: manifest.sha256, bytes: bytes + manifest.bytes })
}

/// Makes the layout as one tar file.
pub(super) async fn archive(job: &ExportJob<'_>) -> Result<ExportOutput, ExportError> {
    let root = layout(job).await?.path;
    let mut names: Vec<String> = Vec::new();
    for entry in fs_err::read_dir(root.join("blobs/sha256"))? {
        names.push(format!("blobs/sha256/{}", entry?.file_name().to_string_lossy()));
    }
    names.sort();
    let folders = ["blobs", "blobs/sha256"].map(|name| TarEntry { name: name.to_owned(), file: None });
    let files = ["oci-layout", "index.json"].map(str::to_owned).into_iter().chain(names);
    let files = files.map(|name| TarEntry { file: Some(root.join(&name)), name });
    let to = job.work("oci.tar");
    plain_tar::write(to.clone(), folders.into_iter().chain(files).collect()).await?;
    hashed(to).await
}

/// A file whose name is its digest.
struct OciBlob {
    sha256: String,
    bytes: u64,
}

fn blob(folder: &Path, contents: &Value) -> std::io::Result<OciBlob> {
    let bytes = text(contents);
    let sha256 = hex::encode(Sha256::digest(&bytes));
    write_synced(&folder.join(&sha256), &bytes)?;
    Ok(OciBlob { sha256, bytes: bytes.len() as u64 })
}

fn write_synced(path: &PathBuf, bytes: &[u8]) -> std::io::Result<()> {
    fs_err::write(path, bytes)?;
    fs_err::File::open(path)?.sync_all()
}

fn text(value: &Value) -> Vec<u8> {
    format!("{value}\n").into_bytes()
}

fn layer_type(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "application/vnd.oci.image.layer.v1.tar",
        Compression::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
        Compression::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
    }
}

fn described(kind: &str, sha256: &str, bytes: u64) -> Value {
    json!({ "mediaType": kind, "digest": format!("sha256:{sha256}"), "size": bytes })
}

fn config(job: &ExportJob<'_>, diff: &str) -> Value {
    // The specification names processors as Go does.
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    json!({
        "created": CREATED,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "Env": [PATH],
            "Cmd": ["/bin/sh"],
            "WorkingDir": "/",
            "Labels": {
                "vmbuild.image": job.golden.image(),
                "vmbuild.role": job.golden.role().as_str(),
                "vmbuild.golden": job.golden.digest(),
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{diff}")] },
        "history": [{ "created": CREATED, "created_by": "vmbuild image export" }],
    })
}

fn manifest(config: &Value, layer: &Value, golden: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": [layer],
        "annotations": { "org.opencontainers.image.created": CREATED, "vmbuild.golden": golden },
    })
}

fn index(manifest: &OciBlob, tag: &str) -> Value {
    let mut entry = described("application/vnd.oci.image.manifest.v1+json", &manifest.sha256, manifest.bytes);
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
    json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry] })
}
