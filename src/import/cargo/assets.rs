//! `assets`: what cargo-deb would install, found on disk and at its installed path.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    compile::Compile,
    deb::{Asset, FileAsset},
    glob,
    metadata::Package,
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    tree::InstallPath,
};

/// Something to install.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Where it goes.
    pub(super) dest: InstallPath,
    /// What it is.
    pub(super) what: What,
    /// Permission bits, when they were written.
    pub(super) mode: Option<u32>,
    /// Where it was written.
    pub(super) place: Option<Place>,
}

/// What an [`Item`] is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A file of the package's directory, or of another place on this machine.
    File(PathBuf),
    /// A file below the folder that Cargo builds into, which depends on the target.
    Built(String),
    /// A program by Cargo's name for it, which gets `.exe` on Windows.
    Program(String),
    /// A symbolic link.
    Link(String),
}

/// Where assets are looked for.
pub(super) struct Finder<'a> {
    /// The package.
    pub(super) package: &'a Package,
    /// Its name in Debian.
    pub(super) name: &'a str,
    /// What is compiled.
    pub(super) compile: &'a Compile,
    /// Where a build for the first target ends up: globs are looked up there.
    pub(super) out_dir: &'a Path,
    /// `preserve-symlinks`.
    pub(super) preserve_symlinks: bool,
}

/// Items by their path: the first one wins.
#[derive(Debug, Default)]
pub(super) struct Items(BTreeMap<InstallPath, Item>);

impl Items {
    /// Adds an item unless its path is taken, which earns a warning.
    pub(super) fn add(&mut self, item: Item, found: &mut Diagnostics) {
        if let Some(first) = self.0.get(&item.dest) {
            if first.what != item.what {
                let message = format!("`/{}` is listed twice; the first one wins", item.dest);
                found.warning(Diagnostic::usage("cargo.twice", message).at(item.place));
            }
            return;
        }
        self.0.insert(item.dest.clone(), item);
    }

    /// Adds an item unless its path is taken.
    pub(super) fn add_default(&mut self, item: Item) {
        self.0.entry(item.dest.clone()).or_insert(item);
    }

    /// Whether something goes there.
    pub(super) fn has(&self, path: &str) -> bool {
        InstallPath::parse(path).is_ok_and(|path| self.0.contains_key(&path))
    }

    /// By path.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.0.values()
    }
}

impl Finder<'_> {
    /// Finds all assets: the explicit ones first, so that they win over `$auto`.
    pub(super) fn find(&self, assets: &[Asset], found: &mut Diagnostics) -> Items {
        let mut items = Items::default();
        for asset in assets {
            match asset {
                Asset::File(file) => self.files(file, &mut items, found),
                Asset::Link { dest, target } => {
                    let what = What::Link(target.value.clone());
                    let name = target.rsplit('/').next().unwrap_or(target);
                    add(what, &joined(dest, name), dest.place.as_ref(), None, &mut items, found);
                }
                Asset::Auto(_) => {}
            }
        }
        for place in assets.iter().filter_map(|asset| match asset {
            Asset::Auto(place) => Some(place),
            _ => None,
        }) {
            self.auto(place.as_ref(), &mut items, found);
        }
        items
    }

    fn files(&self, asset: &FileAsset, items: &mut Items, found: &mut Diagnostics) {
        let place = asset.source.place.as_ref();
        let built = self.below_out_dir(&asset.source);
        let (base, source) = match built {
            Some(rest) => (self.out_dir, rest),
            None => (self.package.dir(), asset.source.as_str()),
        };
        if !glob::is_glob(source) {
            let name = source.rsplit('/').next().unwrap_or(source);
            let dest = joined(&asset.dest, name);
            if base.join(source).is_dir() {
                found.error(
                    Diagnostic::usage("cargo.directory", format!("`{source}` is a directory"))
                        .at(place.cloned())
                        .hint(format!("`{source}/**/*` takes the files in it and below")),
                );
                return;
            }
            let what = match built {
                Some(rest) => What::Built(rest.to_owned()),
                None => self.on_disk(base.join(source), asset),
            };
            return add(what, &dest, place, asset.mode, items, found);
        }
        match glob::files(base, source) {
            Ok(files) if files.is_empty() => found.error(no_match(&asset.source, base, place)),
            Ok(files) => {
                for (path, rest) in files {
                    let dest = format!("{}/{rest}", asset.dest.value);
                    let what = match built {
                        Some(_) => What::Built(below(&path, base)),
                        None => self.on_disk(path, asset),
                    };
                    add(what, &dest, place, asset.mode, items, found);
                }
            }
            Err(error) => found.error(unreadable(&asset.source, &error, place)),
        }
    }

    /// A link stays one if it is to be preserved, or points nowhere on this machine.
    fn on_disk(&self, path: PathBuf, asset: &FileAsset) -> What {
        let preserve = asset.preserve_symlinks.unwrap_or(self.preserve_symlinks);
        match fs::read_link(&path) {
            Ok(target) if preserve || !path.exists() => {
                What::Link(target.to_string_lossy().into_owned())
            }
            Ok(_) => What::File(path.canonicalize().unwrap_or(path)),
            Err(_) => What::File(path),
        }
    }

    /// What follows `target/release/`, or `target/PROFILE/` with a profile of that name.
    fn below_out_dir<'a>(&self, source: &'a str) -> Option<&'a str> {
        let source = source.trim_start_matches("./");
        let below =
            |dir: &str| source.strip_prefix("target/")?.strip_prefix(dir)?.strip_prefix('/');
        below("release").or_else(|| below(self.compile.profile_dir()))
    }

    /// Programs, shared libraries and the readme.
    fn auto(&self, place: Option<&Place>, items: &mut Items, found: &mut Diagnostics) {
        let mut none = true;
        for target in &self.package.targets {
            let (program, library) = (target.is("bin"), target.is("cdylib"));
            if !program && !library {
                continue;
            }
            if !self.compile.builds(self.package, target) {
                let message = format!(
                    "`{}` is left out: it needs the features {}",
                    target.name,
                    target.required_features.join(", ")
                );
                found.warning(Diagnostic::usage("cargo.features", message).at(place.cloned()));
                continue;
            }
            none = false;
            let (dest, what, mode) = if program {
                let what = What::Program(target.name.clone());
                (format!("usr/bin/{}", target.name), what, 0o755)
            } else {
                let file = format!("lib{}.so", target.name.replace('-', "_"));
                (format!("usr/lib/{file}"), What::Built(file), 0o644)
            };
            add_default(what, &dest, mode, place, items);
        }
        if none {
            found.error(
                Diagnostic::usage(
                    "cargo.nothing",
                    format!("`{}` builds no program and no shared library", self.package.name),
                )
                .at(place.cloned())
                .hint("list what to install in [package.metadata.deb] assets, or name another package with -p"),
            );
        }
        if let Some(readme) = &self.package.readme {
            let path = self.package.dir().join(readme);
            let name = readme.rsplit('/').next().unwrap_or(readme);
            let dest = format!("usr/share/doc/{}/{name}", self.name);
            add_default(What::File(path), &dest, 0o644, place, items);
        }
    }
}

fn add(
    what: What,
    dest: &str,
    place: Option<&Place>,
    mode: Option<u32>,
    items: &mut Items,
    found: &mut Diagnostics,
) {
    match InstallPath::parse(dest) {
        Ok(dest) => items.add(Item { dest, what, mode, place: place.cloned() }, found),
        Err(why) => {
            found.error(Diagnostic::usage("path.invalid", why.to_string()).at(place.cloned()));
        }
    }
}

fn add_default(what: What, dest: &str, mode: u32, place: Option<&Place>, items: &mut Items) {
    if let Ok(dest) = InstallPath::parse(dest) {
        items.add_default(Item { dest, what, mode: Some(mode), place: place.cloned() });
    }
}

/// A destination that ends in `/` is a folder.
fn joined(dest: &str, name: &str) -> String {
    if dest.ends_with('/') { format!("{dest}{name}") } else { dest.to_owned() }
}

fn below(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned()
}

fn no_match(source: &str, base: &Path, place: Option<&Place>) -> Diagnostic {
    Diagnostic::usage("source.missing", format!("no file matches `{source}`"))
        .at(place.cloned())
        .label(format!("looked in {}", base.display()))
}

fn unreadable(source: &str, error: &io::Error, place: Option<&Place>) -> Diagnostic {
    Diagnostic::usage("source.unreadable", format!("`{source}` cannot be looked up"))
        .at(place.cloned())
        .caused_by(error)
}
