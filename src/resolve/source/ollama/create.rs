//! A store made from a bare GGUF file, as `ollama create` would lay it out: the same file and name
//! give the same bytes.

use serde::Serialize;

use super::{manifest::MEDIA_TYPE, name::Name};
use crate::{
    digest::{Sha256Digest, sha256},
    payload::Blob,
    resolve::source::{
        Found, Item, ItemKind,
        gguf::{self, Header},
    },
};

/// Media types of the manifest and of the config.
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";

#[derive(Serialize)]
struct Config<'a> {
    model_format: &'static str,
    model_family: &'a str,
    model_families: [&'a str; 1],
    model_type: String,
    file_type: String,
    architecture: &'static str,
    os: &'static str,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: &'a Layer,
    layers: &'a [Layer],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    media_type: String,
    digest: String,
    size: u64,
}

/// What is known of the weights.
pub(in crate::resolve) struct Weights<'a> {
    /// The file.
    pub(in crate::resolve) blob: &'a Blob,
    /// Its digest.
    pub(in crate::resolve) sha256: Sha256Digest,
    /// What it says of itself.
    pub(in crate::resolve) header: &'a Header,
}

/// The store with one model of that name, and these texts of licences in it.
pub(in crate::resolve) fn create(
    name: &Name,
    weights: &Weights<'_>,
    licenses: Vec<Vec<u8>>,
) -> Found {
    let mut store = Store { found: Found { shared: true, ..Found::default() }, layers: Vec::new() };
    store.layer(&format!("{MEDIA_TYPE}model"), weights.sha256, weights.blob.clone());
    for text in licenses {
        store.layer(&format!("{MEDIA_TYPE}license"), sha256(&text), Blob::from_bytes(text));
    }
    let config = config(weights.header, &store.layers);
    store.layer(CONFIG, sha256(&config), Blob::from_bytes(config));
    let config = store.layers.pop().expect("it was added last");
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        config: &config,
        layers: &store.layers,
    };
    let below = format!("manifests/{}", name.parts().join("/"));
    let text = serde_json::to_vec(&manifest).expect("texts and numbers are JSON");
    store.add(below, Blob::from_bytes(text));
    store.found.items.sort_by(|a, b| a.below.cmp(&b.below));
    store.found
}

struct Store {
    found: Found,
    layers: Vec<Layer>,
}

impl Store {
    fn layer(&mut self, media_type: &str, sha256: Sha256Digest, blob: Blob) {
        let (media_type, digest) = (media_type.to_owned(), format!("sha256:{sha256}"));
        self.layers.push(Layer { media_type, digest, size: blob.len() });
        self.add(format!("blobs/sha256-{sha256}"), blob);
    }

    fn add(&mut self, below: String, blob: Blob) {
        if !self.found.items.iter().any(|item| item.below == below) {
            let kind = ItemKind::File { blob, executable: false };
            self.found.items.push(Item { below, kind });
        }
    }
}

fn config(header: &Header, layers: &[Layer]) -> Vec<u8> {
    let family = header.architecture.as_deref().unwrap_or("unknown");
    let config = Config {
        model_format: "gguf",
        model_family: family,
        model_families: [family],
        model_type: gguf::short(header.parameters),
        file_type: header.file_type.map_or_else(|| "unknown".into(), gguf::quantisation),
        // The models of the registry say these, whatever they run on.
        architecture: "amd64",
        os: "linux",
        rootfs: RootFs {
            r#type: "layers",
            diff_ids: layers.iter().map(|layer| layer.digest.clone()).collect(),
        },
    };
    serde_json::to_vec(&config).expect("texts and numbers are JSON")
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::resolve::source::{gguf::sample, ollama};

    fn store(licenses: &[&str]) -> Found {
        let bytes = sample::tiny(0).bytes();
        let header = gguf::read(&mut Cursor::new(&bytes), bytes.len() as u64).unwrap();
        let blob = Blob::from_bytes(bytes);
        let weights = Weights { blob: &blob, sha256: blob.digests().sha256, header: &header };
        let licenses = licenses.iter().map(|text| text.as_bytes().to_vec()).collect();
        create(&Name::parse("tiny:4k").unwrap(), &weights, licenses)
    }

    fn bytes<'a>(found: &'a Found, below: &str) -> &'a [u8] {
        let item = found.items.iter().find(|item| item.below == below).unwrap();
        match &item.kind {
            ItemKind::File { blob, .. } => blob.bytes().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_store_reads_back_as_one() {
        let found = store(&["Permission is granted.\n"]);
        let manifest = bytes(&found, "manifests/registry.ollama.ai/library/tiny/4k");
        let manifest = ollama::Manifest::parse(manifest).unwrap();
        let kinds: Vec<_> = manifest.blobs().iter().map(|layer| layer.kind.as_str()).collect();
        assert_eq!(kinds, ["config", "model", "license"]);
        for layer in manifest.blobs() {
            let content = bytes(&found, &format!("blobs/{}", layer.file_name()));
            assert_eq!((sha256(content), content.len() as u64), (layer.sha256, layer.len));
        }
        let config = bytes(&found, &format!("blobs/{}", manifest.config.file_name()));
        let config = ollama::Config::parse(config).unwrap();
        assert_eq!(config.model_type.as_deref(), Some("4K"));
        assert_eq!(config.file_type.as_deref(), Some("F32"));
        assert_eq!(config.model_family.as_deref(), Some("llama"));
    }

    #[test]
    fn the_same_file_gives_the_same_store() {
        assert_eq!(store(&["a"]), store(&["a"]));
        assert_eq!(store(&[]).items.len(), 3);
        // The same text twice is one blob.
        assert_eq!(store(&["a", "a"]).items.len(), 4);
    }
}
