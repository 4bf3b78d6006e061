//! `$auto`: what the ELF files of a package need, as Debian relations. Without any tool, for any
//! target.
//!
//! Libraries that the tables of `builtin` know come from there, so that a build gives the same
//! package on every host; others from dpkg's database, when the build host has one. See
//! docs/formats/deb.md, section 12.

mod builtin;
mod database;

use std::collections::{BTreeMap, BTreeSet};

use super::version::compare;
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::elf::{self, ElfFile, LeftOut, Shipped},
    package::{Arch, Libc, Target, gpu::is_of_gpu, program::Program},
    tree::Tree,
};
pub use database::Database;

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Auto {
    /// Relations as in `Depends`, sorted, one per package.
    pub relations: Vec<String>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// What the ELF files of a tree need on a target. All errors at once.
pub fn auto(tree: &Tree, target: Target, database: &Database) -> Result<Auto, Diagnostics> {
    let mut errors = Diagnostics::default();
    let mut search = Search::new(tree, target, database);
    let files = elf::programs(tree, target, &mut search.left_out, &mut errors);
    for file in &files {
        search.file(file, &mut errors);
    }
    if errors.is_ok() { Ok(search.found()) } else { Err(errors) }
}

struct Search<'a> {
    target: Target,
    database: &'a Database,
    shipped: Shipped<'a>,
    /// Where the loader looks without being told.
    always: Vec<String>,
    relations: Relations,
    left_out: LeftOut,
}

impl<'a> Search<'a> {
    fn new(tree: &'a Tree, target: Target, database: &'a Database) -> Self {
        Self {
            target,
            database,
            shipped: Shipped::of(tree),
            always: default_dirs(target.arch),
            relations: Relations::default(),
            left_out: LeftOut::default(),
        }
    }

    fn file(&mut self, file: &ElfFile<'_>, errors: &mut Diagnostics) {
        if file.program.libc() == Some(Libc::Musl) {
            self.relations.add("musl", None);
        }
        for library in &file.program.linking.needed {
            self.library(file, library, errors);
        }
    }

    fn library(&mut self, file: &ElfFile<'_>, library: &str, errors: &mut Diagnostics) {
        let musl = file.program.libc() == Some(Libc::Musl);
        if musl && (library.starts_with("libc.musl-") || library == "libc.so") {
            return; // the loader itself
        }
        if is_of_gpu(library)
            || self.shipped.reachable(file.path, &file.program.linking, library, &self.always)
        {
            return;
        }
        let none = BTreeSet::new();
        let versions = file.program.linking.versions.get(library).unwrap_or(&none);
        match builtin::lookup(library, versions) {
            Some(Ok(known)) => self.relations.add_known(&known),
            Some(Err(unknown)) => errors.error(unknown_version(file, library, &unknown.0)),
            None => self.other_library(file, library, errors),
        }
    }

    fn other_library(&mut self, file: &ElfFile<'_>, library: &str, errors: &mut Diagnostics) {
        let blob = file.node.blob().expect("an ELF file has content");
        // Without section headers no symbols are known; then the library's lowest minimum counts.
        let symbols = Program::undefined_symbols(blob).unwrap_or_default();
        match self.database.lookup(library, self.target.arch.debarch(), &symbols) {
            Some(relations) => relations.iter().for_each(|text| self.relations.add_text(text)),
            None if self.shipped.anywhere(library) => {
                self.left_out.add(
                    "needs a library of this package that is not on its search path",
                    file.path,
                );
            }
            None => errors.error(unknown_library(file, library)),
        }
    }

    fn found(self) -> Auto {
        Auto { relations: self.relations.text(), notes: self.left_out.notes() }
    }
}

/// Where Debian's loader looks without being told.
fn default_dirs(arch: Arch) -> Vec<String> {
    let multiarch = match arch {
        Arch::X86_64 => "x86_64-linux-gnu",
        Arch::Aarch64 => "aarch64-linux-gnu",
        Arch::Armv7 => "arm-linux-gnueabihf",
        Arch::I686 => "i386-linux-gnu",
        Arch::Riscv64 => "riscv64-linux-gnu",
        Arch::Powerpc64le => "powerpc64le-linux-gnu",
        Arch::S390x => "s390x-linux-gnu",
        Arch::Loongarch64 | Arch::Universal => "loongarch64-linux-gnu",
    };
    let tops = ["lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib"].map(str::to_owned);
    tops.into_iter().chain(["lib", "usr/lib"].map(|top| format!("{top}/{multiarch}"))).collect()
}

fn unknown_library(file: &ElfFile<'_>, library: &str) -> Diagnostic {
    let path = file.path;
    Diagnostic::usage(
        "deb.depends",
        format!("`/{path}` needs `{library}`, and no Debian package is known to have it"),
    )
    .at(file.node.place.clone())
    .hint(format!(
        "ship `{library}` beside it and link with the run path `$ORIGIN`, name the package in \
         [deb] depends and leave out \"$auto\",\nor build on a Debian host where the library is \
         installed: its dpkg database is asked"
    ))
}

fn unknown_version(file: &ElfFile<'_>, library: &str, version: &str) -> Diagnostic {
    let message = if version == "GLIBC_PRIVATE" {
        format!("`/{}` uses private parts of `{library}`, which no version promises", file.path)
    } else {
        format!("`/{}` needs `{version}` of `{library}`, which is not known", file.path)
    };
    Diagnostic::usage("deb.depends", message)
        .at(file.node.place.clone())
        .hint("write the package and its version into [deb] depends instead of \"$auto\"")
}

/// Packages, each with the highest minimum that anything needs.
#[derive(Default)]
struct Relations {
    minima: BTreeMap<String, Option<String>>,
    /// What is not `name (>= version)`: kept as it is.
    others: BTreeSet<String>,
}

impl Relations {
    fn add(&mut self, packages: &str, minimum: Option<&str>) {
        let there = self.minima.entry(packages.to_owned()).or_default();
        let higher =
            |minimum: &&str| there.as_ref().is_none_or(|old| compare(old, minimum).is_lt());
        if let Some(minimum) = minimum.filter(higher) {
            *there = Some(minimum.to_owned());
        }
    }

    fn add_known(&mut self, known: &builtin::Known) {
        self.add(&known.packages.join(" | "), known.minimum.as_deref());
    }

    fn add_text(&mut self, relation: &str) {
        let simple = relation.strip_suffix(')').and_then(|text| text.split_once(" (>= "));
        match simple {
            Some((name, version)) if !version.contains(['(', '|']) => self.add(name, Some(version)),
            None if !relation.contains(['(', '|', ' ']) => self.add(relation, None),
            _ => {
                self.others.insert(relation.to_owned());
            }
        }
    }

    fn text(self) -> Vec<String> {
        let with = |(packages, minimum): (String, Option<String>)| match minimum {
            None => packages,
            Some(minimum) => {
                let each = packages.split(" | ").map(|name| format!("{name} (>= {minimum})"));
                each.collect::<Vec<_>>().join(" | ")
            }
        };
        let mut all: Vec<_> = self.minima.into_iter().map(with).chain(self.others).collect();
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests;
