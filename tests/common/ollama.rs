//! Ollama stores from bytes, right and wrong, as Ollama lays them out.

use std::{fs, path::Path};

use pkggen::digest::sha256;
use serde_json::{Value as Json, json};

use super::gguf;

/// A model to put into a store.
pub struct Model<'a> {
    pub name: &'a str,
    pub gguf: Vec<u8>,
    pub license: Option<&'a str>,
    pub requires: Option<&'a str>,
}

impl<'a> Model<'a> {
    pub fn new(name: &'a str) -> Self {
        let gguf = gguf::tiny(0).bytes();
        Self { name, gguf, license: Some("Permission is granted.\n"), requires: None }
    }
}

/// How a store may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    BlobMissing,
    BlobShort,
    BlobChanged,
    Partial,
    /// As before Ollama 0.1.30: nothing is wrong.
    Colon,
    ManifestCut,
    Remote,
    ManifestMissing,
}

/// Adds a model; the SHA-256 of its weights.
pub fn add(store: &Path, model: &Model<'_>) -> String {
    put(store, model, None)
}

/// Adds a model that is wrong.
pub fn add_broken(store: &Path, model: &Model<'_>, broken: Broken) -> String {
    put(store, model, Some(broken))
}

fn put(store: &Path, model: &Model<'_>, broken: Option<Broken>) -> String {
    let blobs = store.join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    let blob = |bytes: &[u8], media: &str| {
        let digest = sha256(bytes).to_string();
        fs::write(blobs.join(format!("sha256-{digest}")), bytes).unwrap();
        json!({ "mediaType": media, "digest": format!("sha256:{digest}"), "size": bytes.len() })
    };
    let layer =
        |bytes: &[u8], kind: &str| blob(bytes, &format!("application/vnd.ollama.image.{kind}"));
    let mut layers = vec![layer(&model.gguf, "model"), layer(b"{{ .Prompt }}", "template")];
    layers.extend(model.license.map(|text| layer(text.as_bytes(), "license")));
    layers.push(layer(br#"{"stop":["</s>"]}"#, "params"));
    let mut config = json!({
        "model_format": "gguf", "model_family": "llama", "model_families": ["llama"],
        "model_type": "4K", "file_type": "F32", "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    if let Some(oldest) = model.requires {
        config["requires"] = json!(oldest);
    }
    if broken == Some(Broken::Remote) {
        config["remote_host"] = json!("https://ollama.com:443");
        layers.clear();
    }
    let config =
        blob(config.to_string().as_bytes(), "application/vnd.docker.container.image.v1+json");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": config, "layers": layers,
    });
    let weights = sha256(&model.gguf).to_string();
    break_blob(&blobs, &weights, broken);
    write_manifest(store, model.name, &manifest, broken);
    weights
}

fn break_blob(blobs: &Path, weights: &str, broken: Option<Broken>) {
    let file = blobs.join(format!("sha256-{weights}"));
    let mut bytes = fs::read(&file).unwrap();
    match broken {
        Some(Broken::BlobMissing) => fs::remove_file(file).unwrap(),
        Some(Broken::BlobShort) => fs::write(file, &bytes[..bytes.len() - 4096]).unwrap(),
        Some(Broken::BlobChanged) => {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(file, bytes).unwrap();
        }
        Some(Broken::Partial) => {
            fs::rename(&file, blobs.join(format!("sha256-{weights}-partial"))).unwrap();
        }
        Some(Broken::Colon) => {
            for entry in fs::read_dir(blobs).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().replace("256-", "256:");
                fs::rename(&path, path.with_file_name(name)).unwrap();
            }
        }
        _ => {}
    }
}

fn write_manifest(store: &Path, name: &str, manifest: &Json, broken: Option<Broken>) {
    let (model, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let path = match model.matches('/').count() {
        0 => format!("registry.ollama.ai/library/{model}"),
        1 => format!("registry.ollama.ai/{model}"),
        _ => model.to_owned(),
    };
    let path = store.join("manifests").join(path).join(tag);
    let text = manifest.to_string();
    let text = match broken {
        Some(Broken::ManifestMissing) => return,
        Some(Broken::ManifestCut) => &text[..text.len() / 2],
        _ => &text,
    };
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
