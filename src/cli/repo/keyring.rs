//! The package that brings key and address to users' machines: with it, a new key is an upgrade.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

use serde::Serialize;

use super::Said;
use crate::{
    build::{self, Loaded, Prepared, Signers, Wish},
    cli::{args::Flags, session::Session, ui::Ui},
    diagnostic::{Diagnostic, Diagnostics},
    format::TABLES,
    manifest::{self, Manifest, Value},
    publish::Published,
    resolve::Settings,
    sign::openpgp::Identity,
    template::render,
};

/// What is made of a published repository.
pub(super) struct Keyring<'a> {
    /// The manifest of the package.
    pub(super) template: &'static str,
    /// `deb`, `rpm`.
    pub(super) format: &'static str,
    /// What the repository is called.
    pub(super) name: &'a str,
    /// Of the package.
    pub(super) version: &'a str,
    /// Whose key it is.
    pub(super) signer: &'a Identity,
    /// What the manifest of the repository says.
    pub(super) said: &'a Said,
    /// Seconds since 1970.
    pub(super) now: u64,
    pub(super) published: &'a Published,
}

/// Values of the manifest, as TOML strings.
#[derive(Serialize)]
struct Values {
    name: String,
    version: String,
    author: String,
    file: String,
}

/// A folder that is gone when the package has been published.
pub(super) struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Diagnostic> {
        let path = env::temp_dir().join(format!("pkggen-keyring-{}", process::id()));
        let made = fs::create_dir(&path);
        made.map(|()| Self(path.clone())).map_err(|error| unwritable(&path, &error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::failed("write.failed", format!("cannot write `{}`", path.display()))
        .caused_by(error)
}

impl Keyring<'_> {
    /// Builds the package; it is there as long as the folder is.
    pub(super) fn make(&self, flags: &Flags, ui: &Ui) -> Result<(Folder, PathBuf), Diagnostics> {
        let folder = Folder::new()?;
        let dir = folder.0.clone();
        let (file, text) = &self.published.client;
        for (name, text) in [
            ("pkggen.toml", self.manifest()),
            (file.as_str(), text.clone()),
            ("key.asc", self.signer.certificate_armored()),
        ] {
            let path = dir.join(name);
            fs::write(&path, text).map_err(|error| unwritable(&path, &error))?;
        }
        let flags = Flags {
            manifest: Some(dir.join("pkggen.toml")),
            out: Some(dir.join("dist")),
            sets: Vec::new(),
            sign: false,
            ..flags.clone()
        };
        fs::create_dir(dir.join("dist")).map_err(|error| unwritable(&dir, &error))?;
        let session = Session::open(&flags, ui)?;
        let prepared = self.prepare(&dir)?;
        let bench = session.bench()?;
        let built = build::make(
            prepared.planned,
            (&prepared.lock, prepared.rule),
            session.out(),
            false,
            &bench,
            &mut |_| (),
        );
        match built.made.first() {
            Some(made) if built.found.is_ok() => Ok((folder, made.path.clone())),
            _ => Err(built.found),
        }
    }

    /// The package is signed as the repository is: `[sign]` is that of its manifest.
    fn prepare(&self, dir: &Path) -> Result<Prepared, Diagnostics> {
        let Said { tree, env, dir: signed_from, .. } = self.said;
        let mut node = manifest::read("keyring.toml", self.manifest())?;
        let sign = tree.rows().find(|(key, _)| key.name == "sign");
        if let (Value::Table(rows), Some((key, sign))) = (&mut node.value, sign) {
            rows.insert(key.clone(), sign.clone());
        }
        let loaded = Loaded { manifest: Manifest::new(node, TABLES)?, dir: dir.to_owned() };
        let settings = Settings {
            formats: vec![self.format.to_owned()],
            env: env.clone(),
            made: vec![self.format],
            ..Settings::default()
        };
        let signers = Signers::new(Wish::AsManifest, env.clone(), signed_from, self.now);
        let prepared = build::prepare(&loaded, &settings, &signers, &|_| Ok(()))?;
        if prepared.found.is_ok() { Ok(prepared) } else { Err(prepared.found) }
    }

    fn manifest(&self) -> String {
        let toml = |text: &str| serde_json::Value::from(text).to_string();
        let user = self.signer.user_id().filter(|user| user.contains('<') && user.contains('@'));
        let author = user.unwrap_or_else(|| format!("{0} <root@localhost>", self.name));
        let values = Values {
            name: toml(self.name).trim_matches('"').to_owned(),
            version: toml(self.version),
            author: toml(&author),
            file: toml(&self.published.client.0).trim_matches('"').to_owned(),
        };
        render(self.template, &values)
    }
}
