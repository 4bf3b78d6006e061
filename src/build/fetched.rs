//! `components.json`: what is downloaded later, where to, and what it must be.

use serde::Serialize;

use crate::{
    diagnostic::Diagnostic,
    package::{Entry, Fetched, FetchedFile, Package},
    payload::Blob,
    tree::{InstallPath, PayloadType},
};

/// Its name in the directory of type `data`.
const NAME: &str = "components.json";

/// What stands for the digest in an address.
const DIGEST: &str = "{{ sha256 }}";

#[derive(Serialize)]
struct File<'a> {
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct Component<'a> {
    name: &'a str,
    summary: &'a str,
    version: String,
    required: bool,
    files: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    path: &'a str,
    url: String,
    size: u64,
    sha256: String,
}

/// Reads payloads, so that their digests are known.
pub type Read<'a> = &'a dyn Fn(&[Blob]) -> Result<(), Diagnostic>;

/// Adds the list to a package that has parts to be downloaded.
pub(super) fn add(package: &mut Package, read: Read<'_>) -> Result<(), Diagnostic> {
    if package.family.fetched.is_empty() {
        return Ok(());
    }
    let files = package.family.fetched.iter().flat_map(|part| &part.files);
    let blobs: Vec<_> = files.map(|file| file.blob.clone()).collect();
    read(&blobs)?;
    let components = package.family.fetched.iter().map(component).collect();
    let text = serde_json::to_string_pretty(&File { components }).expect("it has only texts");
    let dest = InstallPath::parse(NAME).expect("it is a file name");
    let list = Blob::from_bytes(text + "\n");
    package.entries.push(Entry::file(PayloadType::Data, dest, list, 0o644));
    Ok(())
}

fn component(part: &Fetched) -> Component<'_> {
    Component {
        name: &part.component,
        summary: &part.summary,
        version: part.version.to_string(),
        required: part.required,
        files: part.files.iter().map(row).collect(),
    }
}

fn row(file: &FetchedFile) -> Row<'_> {
    let sha256 = file.blob.digests().sha256.to_string();
    Row { path: &file.path, url: file.url.replace(DIGEST, &sha256), size: file.blob.len(), sha256 }
}
