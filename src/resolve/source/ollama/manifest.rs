//! What a store says of a model: the manifest, and the config it names.

use serde::Deserialize;

use crate::digest::Sha256Digest;

/// The manifest of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What the model is.
    pub config: Layer,
    /// Weights, template, licence and so on.
    pub layers: Vec<Layer>,
}

/// A blob that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The last word of its media type: `model`, `template`, `license`; `config` for the config.
    pub kind: String,
    /// SHA-256 of its content.
    pub sha256: Sha256Digest,
    /// Length in bytes.
    pub len: u64,
}

/// As it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "schemaVersion")]
    schema: u64,
    config: Blob,
    // Cloud models have `null`.
    layers: Option<Vec<Blob>>,
}

#[derive(Deserialize)]
struct Blob {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
    size: u64,
}

/// Before the kind of a layer.
pub(super) const MEDIA_TYPE: &str = "application/vnd.ollama.image.";

/// What a config says, as far as it matters here.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Config {
    /// `gguf` or `safetensors`.
    pub model_format: Option<String>,
    /// Architecture.
    pub model_family: Option<String>,
    /// Number of parameters: `3.1B`.
    pub model_type: Option<String>,
    /// Quantisation: `Q4_K_M`.
    pub file_type: Option<String>,
    /// The oldest Ollama that can run it.
    pub requires: Option<String>,
    /// The server that runs a cloud model.
    pub remote_host: Option<String>,
}

impl Manifest {
    /// Reads one; why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let written: Written = serde_json::from_slice(bytes).map_err(|error| why(&error))?;
        if written.schema != 2 {
            return Err(format!("`schemaVersion` is {}, not 2", written.schema));
        }
        let layers = written.layers.unwrap_or_default().into_iter();
        let layers: Result<_, _> = layers.map(|blob| Layer::new(blob, None)).collect();
        Ok(Self { config: Layer::new(written.config, Some("config"))?, layers: layers? })
    }

    /// Config and layers, each content once.
    pub fn blobs(&self) -> Vec<&Layer> {
        let mut blobs = vec![&self.config];
        for layer in &self.layers {
            if !blobs.iter().any(|blob| blob.sha256 == layer.sha256) {
                blobs.push(layer);
            }
        }
        blobs
    }

    /// Length of all blobs, in bytes.
    pub fn len(&self) -> u64 {
        self.blobs().iter().fold(0, |len, layer| len.saturating_add(layer.len))
    }

    /// Whether it names no layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Layer {
    fn new(blob: Blob, kind: Option<&str>) -> Result<Self, String> {
        let Blob { media_type, digest, size } = blob;
        let hex = digest.strip_prefix("sha256:").or_else(|| digest.strip_prefix("sha256-"));
        let sha256 = hex.and_then(Sha256Digest::parse);
        let sha256 = sha256.ok_or_else(|| format!("`{}` is no digest", digest.escape_debug()))?;
        let kind = kind.unwrap_or_else(|| {
            let bare = media_type.split(';').next().unwrap_or_default();
            bare.strip_prefix(MEDIA_TYPE).unwrap_or(bare)
        });
        Ok(Self { kind: kind.escape_debug().to_string(), sha256, len: size })
    }

    /// The name of its file in `blobs/`.
    pub fn file_name(&self) -> String {
        format!("sha256-{}", self.sha256)
    }
}

impl Config {
    /// Reads one; why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let config: Self = serde_json::from_slice(bytes).map_err(|error| why(&error))?;
        let requires = config.requires.map(|oldest| oldest.escape_debug().to_string());
        Ok(Self { requires, ..config })
    }
}

fn why(error: &serde_json::Error) -> String {
    if error.is_eof() {
        format!("end of file at line {} column {}", error.line(), error.column())
    } else {
        error.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(kind: &str, digit: &str) -> String {
        format!(
            r#"{{"mediaType":"application/vnd.ollama.image.{kind}","digest":"sha256:{}","size":7,"from":"x"}}"#,
            digit.repeat(64)
        )
    }

    fn manifest(schema: u8, layers: &str) -> String {
        let config = layer("config", "c");
        format!(r#"{{"schemaVersion":{schema},"config":{config},"layers":{layers}}}"#)
    }

    #[test]
    fn config_and_layers_are_read() {
        let text = manifest(
            2,
            &format!(
                "[{},{},{}]",
                layer("model", "a"),
                layer("license", "b"),
                layer("params", "a")
            ),
        );
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        let kinds: Vec<_> = manifest.blobs().iter().map(|layer| layer.kind.as_str()).collect();
        assert_eq!(kinds, ["config", "model", "license"]);
        assert_eq!((manifest.layers.len(), manifest.len()), (3, 21));
        assert_eq!(manifest.layers[0].file_name(), format!("sha256-{}", "a".repeat(64)));
    }

    #[test]
    fn what_is_no_manifest_says_why() {
        let whole = manifest(2, "[]");
        let cut = &whole[..whole.len() / 2];
        let why = Manifest::parse(cut.as_bytes()).unwrap_err();
        assert_eq!(why, format!("end of file at line 1 column {}", cut.len()));
        let why = Manifest::parse(manifest(1, "[]").as_bytes()).unwrap_err();
        assert_eq!(why, "`schemaVersion` is 1, not 2");
        let odd = whole.replace("sha256:", "sha512:");
        assert!(Manifest::parse(odd.as_bytes()).unwrap_err().ends_with("is no digest"));
        assert!(Manifest::parse(b"{}").unwrap_err().contains("schemaVersion"));
        assert!(Manifest::parse(manifest(2, "null").as_bytes()).unwrap().is_empty());
    }
}
