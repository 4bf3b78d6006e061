//! `$auto`: what the files of a package need and provide, as rpm's own generators say it. Without
//! any tool, for any target.
//!
//! Sources: rpm 4.18 `tools/elfdeps.c`, `scripts/script.req`, `fileattrs/{desktop,metainfo}.attr`.
//! Ours on top: libraries in private directories are nobody else's, libraries of drivers are never
//! required. See docs/formats/rpm.md, "automatic relations".

use std::{collections::BTreeSet, io::Read as _};

use super::{relation::Relation, tags::sense};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::{
        elf::{self, ElfFile, LeftOut, Shipped},
        linux,
    },
    package::{Target, gpu::is_of_gpu},
    payload::{self, Blob},
    tree::{InstallPath, Kind, Node, Tree},
};

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Auto {
    /// What the files need, sorted.
    pub requires: BTreeSet<Relation>,
    /// What they are good for, sorted.
    pub provides: BTreeSet<Relation>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Where the loader of rpm's distributions looks without being told.
const ALWAYS: [&str; 4] = ["lib", "usr/lib", "lib64", "usr/lib64"];

/// The longest first line that names an interpreter: the kernel's own limit.
const MAX_LINE: u64 = 256;

/// What the files of a tree need and provide. All errors at once.
///
/// # Errors
/// Files that cannot be read.
pub fn auto(tree: &Tree, target: Target) -> Result<Auto, Diagnostics> {
    let (mut auto, mut left_out, mut errors) =
        (Auto::default(), LeftOut::default(), Diagnostics::default());
    let files = elf::programs(tree, target, &mut left_out, &mut errors);
    let search = Search {
        shipped: Shipped::of(tree),
        always: ALWAYS.map(str::to_owned).to_vec(),
        public: public_dirs(tree),
    };
    for file in &files {
        search.requires(file, &mut auto.requires, &mut left_out);
        search.provides(file, &mut auto.provides);
    }
    for (path, node) in tree.iter() {
        match text_file(path, node, &mut auto) {
            Ok(()) => {}
            Err(error) => errors.error(error),
        }
    }
    auto.notes = left_out.notes();
    if errors.is_ok() { Ok(auto) } else { Err(errors) }
}

struct Search<'a> {
    shipped: Shipped<'a>,
    always: Vec<String>,
    /// Directories whose libraries every program finds.
    public: BTreeSet<String>,
}

/// The loader's own directories and those that the package adds to them.
fn public_dirs(tree: &Tree) -> BTreeSet<String> {
    let confs = tree.iter().filter(|(path, _)| path.starts_with("etc/ld.so.conf.d"));
    let texts = confs.filter_map(|(_, node)| linux::content(node.blob()?, node).ok());
    let added = texts.flat_map(|text| {
        let text = String::from_utf8_lossy(&text).into_owned();
        let dirs = text.lines().map(|line| line.trim().trim_matches('/').to_owned());
        dirs.filter(|dir| !dir.is_empty() && !dir.starts_with('#')).collect::<Vec<_>>()
    });
    added.chain(ALWAYS.map(str::to_owned)).collect()
}

impl Search<'_> {
    fn requires(
        &self,
        file: &ElfFile<'_>,
        requires: &mut BTreeSet<Relation>,
        left_out: &mut LeftOut,
    ) {
        let linking = &file.program.linking;
        // A library that happens to have a loader's name is no program: libc.so.6 without +x.
        if !linking.loadable || (linking.interpreter.is_some() && !is_executable(file.node)) {
            return;
        }
        let add = |name: String| Relation::with_flags(name, sense::FIND_REQUIRES);
        let libraries: BTreeSet<_> = linking.needed.iter().chain(linking.versions.keys()).collect();
        for library in libraries {
            if !is_library(library) || is_of_gpu(library) || self.is_own(file, library) {
                continue;
            }
            if self.shipped.anywhere(library) && !self.is_public(library) {
                left_out.add(
                    "needs a library of this package that is not on its search path",
                    file.path,
                );
                continue;
            }
            let versions = linking.versions.get(library);
            requires.extend(
                versions.into_iter().flatten().map(|v| add(soname(library, v, linking.wide))),
            );
            if linking.needed.contains(library) {
                requires.insert(add(soname(library, "", linking.wide)));
            }
        }
        if linking.gnu_hash_only {
            requires.insert(add("rtld(GNU_HASH)".to_owned()));
        }
    }

    /// Found in a private directory of the package. Public ones are provided as well.
    fn is_own(&self, file: &ElfFile<'_>, library: &str) -> bool {
        let linking = &file.program.linking;
        self.shipped.reachable(file.path, linking, library, &self.always)
            && !self.is_public(library)
    }

    /// Whether the package ships a library of this name where every program finds it.
    fn is_public(&self, library: &str) -> bool {
        self.public.iter().any(|dir| self.shipped.has(&format!("{dir}/{library}")))
    }

    fn provides(&self, file: &ElfFile<'_>, provides: &mut BTreeSet<Relation>) {
        let linking = &file.program.linking;
        let dir = file.path.parent();
        let public = dir.is_some_and(|dir| self.public.contains(dir.as_str()));
        if !linking.loadable || !public {
            return;
        }
        let add = |name: String| Relation::with_flags(name, sense::FIND_PROVIDES);
        for (base, versions) in linking.defined.iter().filter(|(base, _)| is_library(base)) {
            provides.extend(versions.iter().map(|v| add(soname(base, v, linking.wide))));
        }
        if linking.shared && !linking.debug {
            let name = linking.soname.as_deref().unwrap_or(file.path.file_name());
            if is_library(name) {
                provides.insert(add(soname(name, "", linking.wide)));
            }
        }
    }
}

fn is_executable(node: &Node) -> bool {
    node.mode.0 & 0o111 != 0
}

/// Names that are no library's are dropped, as `elfdeps` does.
fn is_library(name: &str) -> bool {
    let starts = ["lib", "ld.", "ld-", "ld64.", "ld64-"];
    name.contains(".so") && starts.iter().any(|start| name.starts_with(start))
}

/// `libx.so.1(V)(64bit)`, `libx.so.1()(64bit)`, `libx.so.1(V)`, `libx.so.1`.
fn soname(library: &str, version: &str, wide: bool) -> String {
    match (version, wide) {
        ("", false) => library.to_owned(),
        (version, false) => format!("{library}({version})"),
        (version, true) => format!("{library}({version})(64bit)"),
    }
}

/// Scripts, menu entries and AppStream files.
fn text_file(path: &InstallPath, node: &Node, auto: &mut Auto) -> Result<(), Diagnostic> {
    let Kind::File(blob) = &node.kind else { return Ok(()) };
    let name = path.file_name();
    let provide = |name: String| Relation::with_flags(name, sense::FIND_PROVIDES);
    if is_executable(node) && !path.starts_with("usr/share/doc") {
        let programs = interpreters(&first_line(blob, node)?);
        let relation = |name| Relation::with_flags(name, sense::FIND_REQUIRES);
        auto.requires.extend(programs.into_iter().map(relation));
    }
    if path.starts_with("usr/share/applications") && name.ends_with(".desktop") {
        let text = linux::content(blob, node)?;
        auto.provides.extend(desktop(name, &String::from_utf8_lossy(&text)).map(provide));
    }
    let appstream = ["appdata", "metainfo"].iter().any(|kind| {
        path.parent().is_some_and(|dir| dir.as_str() == format!("usr/share/{kind}"))
            && [".appdata.xml", ".metainfo.xml"].iter().any(|end| name.ends_with(end))
    });
    if appstream {
        let names = ["metainfo()".to_owned(), format!("metainfo({name})")];
        auto.provides.extend(names.map(provide));
    }
    Ok(())
}

fn first_line(blob: &Blob, node: &Node) -> Result<String, Diagnostic> {
    let mut head = Vec::new();
    if !blob.head()?.starts_with(b"#!") {
        return Ok(String::new());
    }
    payload::open(blob)?.take(MAX_LINE).read_to_end(&mut head).map_err(|error| {
        Diagnostic::failed("payload.unreadable", "cannot read the start of a program")
            .at(node.place.clone())
            .caused_by(&error)
    })?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(line).into_owned())
}

/// `#!/usr/bin/python3 -E` → `/usr/bin/python3`; `#!/usr/bin/env /opt/x` → both.
fn interpreters(line: &str) -> Vec<String> {
    let Some(rest) = line.strip_prefix("#!") else { return Vec::new() };
    let mut words = rest.split_whitespace().filter(|word| word.starts_with('/'));
    let Some(program) = words.next().filter(|_| rest.trim_start().starts_with('/')) else {
        return Vec::new();
    };
    let argument = rest.split_whitespace().nth(1);
    let argument = argument.filter(|word| program.ends_with("/bin/env") && word.starts_with('/'));
    [program].into_iter().chain(argument).map(str::to_owned).collect()
}

/// Format: Desktop Entry Specification 1.5, as rpm's generator reads it: line by line.
fn desktop(name: &str, text: &str) -> impl Iterator<Item = String> {
    let value = |line: &str, key: &str| {
        let rest = line.strip_prefix(key)?.trim_start().strip_prefix('=')?;
        Some(rest.trim().to_owned())
    };
    let is_program = text.lines().any(|line| {
        value(line, "Exec").is_some()
            || value(line, "Type").is_some_and(|kind| kind == "Application")
    });
    let types = text.lines().rev().find_map(|line| value(line, "MimeType")).unwrap_or_default();
    let types: Vec<_> = types
        .split(';')
        .filter(|kind| !kind.trim().is_empty())
        .map(|kind| format!("mimehandler({})", kind.trim()))
        .collect();
    let names = ["application()".to_owned(), format!("application({name})")];
    names.into_iter().chain(types).filter(move |_| is_program)
}

#[cfg(test)]
mod tests;
