//! The ELF files of a package: which there are, and which of their libraries it brings along.

mod shipped;

use std::collections::BTreeMap;

pub(super) use shipped::Shipped;

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    package::{
        Os, Target,
        program::{Container, Machine, Program, ProgramError},
    },
    tree::{InstallPath, Node, Tree},
};

/// An ELF file for the target.
pub(super) struct ElfFile<'a> {
    pub path: &'a InstallPath,
    pub node: &'a Node,
    pub program: Program,
}

/// Files that no dependencies are taken from: the first and how many there are, by reason.
#[derive(Default)]
pub(super) struct LeftOut(BTreeMap<&'static str, (String, u64)>);

impl LeftOut {
    pub(super) fn add(&mut self, why: &'static str, path: &InstallPath) {
        self.0.entry(why).or_insert_with(|| (path.to_string(), 0)).1 += 1;
    }

    /// One sentence per reason.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = |(why, (first, count)): (&&str, &(String, u64))| {
            let like =
                if *count > 1 { format!(", like {} more", count - 1) } else { String::new() };
            format!("`/{first}` {why}{like}: no automatic dependency comes of that")
        };
        self.0.iter().map(note).collect()
    }
}

/// All ELF files for a target; others are noted.
pub(super) fn programs<'a>(
    tree: &'a Tree,
    target: Target,
    left_out: &mut LeftOut,
    errors: &mut Diagnostics,
) -> Vec<ElfFile<'a>> {
    let fits = |m: &Machine| m.os == Some(Os::Linux) && m.arch == Some(target.arch);
    let mut found = Vec::new();
    for (path, node) in tree.iter() {
        let Some(blob) = node.blob() else { continue };
        match Program::of_blob(blob) {
            Ok(Some(program)) if program.container != Container::Elf => {}
            Ok(Some(program)) if program.machines.iter().any(fits) => {
                found.push(ElfFile { path, node, program });
            }
            Ok(Some(_)) => left_out.add("is for another machine", path),
            Ok(None) => {}
            Err(ProgramError::Malformed { .. }) => {
                left_out.add("starts like an ELF file and is damaged", path);
            }
            Err(error) => errors.error(
                Diagnostic::failed("payload.unreadable", format!("cannot read `/{path}`"))
                    .at(node.place.clone())
                    .caused_by(&error),
            ),
        }
    }
    found
}
