//! Archives: a folder that works wherever it is unpacked.
//!
//! Paths are relative to that folder, so that the program can be moved. Nothing in it is installed:
//! units, icons and state directories of the system have no place in it.

use crate::{
    diagnostic::Diagnostics,
    package::{Entry, Package},
    tree::{InstallPath, Node, PayloadType, Tree},
};

use super::{
    Layout, fhs,
    place::{self, Rules, Shell},
};

/// The layout.
pub struct Portable;

/// The layout.
pub static PORTABLE: Portable = Portable;

impl Layout for Portable {
    #[rustfmt::skip]
    fn dir(&self, role: PayloadType, name: &str, _: &str) -> String {
        match role {
            PayloadType::Bin        => "bin".into(),
            PayloadType::Libexec    => "libexec".into(),
            PayloadType::Lib        => "lib".into(),
            PayloadType::Config     => "etc".into(),
            PayloadType::Data       => "share".into(),
            PayloadType::Model      => "share/models".into(),
            // the XDG base directories' defaults: an archive has no place of its own to write to
            PayloadType::State      => format!("~/.local/state/{name}"),
            PayloadType::Log        => format!("~/.local/state/{name}/log"),
            PayloadType::Cache      => format!("~/.cache/{name}"),
            PayloadType::Service    => "share/systemd".into(),
            PayloadType::Icon       => "share/icons".into(),
            PayloadType::Doc        => "share/doc".into(),
            PayloadType::Man        => "share/man".into(),
            PayloadType::License    => "share/licenses".into(),
            PayloadType::Completion => "share/bash-completion/completions".into(),
        }
    }

    fn place(&self, package: &Package) -> Result<Tree, Diagnostics> {
        let installed = |entry: &&Entry| !not_in_archives(entry.role);
        let entries = package.entries.iter().filter(installed).cloned().collect();
        place::place(self, &Package { entries, ..package.clone() })
    }
}

/// Types that only an installed package has.
fn not_in_archives(role: PayloadType) -> bool {
    use PayloadType::{Cache, Icon, Log, Service, State};
    matches!(role, Service | Icon | State | Log | Cache)
}

impl Rules for Portable {
    fn special(&self, entry: &Entry, below: &InstallPath, _: &Package) -> Option<String> {
        match entry.role {
            PayloadType::Man => fhs::man("share/man", below),
            PayloadType::Completion => Some(completion(below)),
            _ => None,
        }
    }

    fn companions(&self, _: &InstallPath, _: &Entry) -> Vec<(String, Node)> {
        Vec::new()
    }

    fn absolute(&self) -> bool {
        false
    }
}

fn completion(below: &InstallPath) -> String {
    match place::completion(below) {
        (Shell::Bash, name) => format!("share/bash-completion/completions/{name}"),
        (Shell::Zsh, name) => format!("share/zsh/site-functions/{name}"),
        (Shell::Fish, name) => format!("share/fish/vendor_completions.d/{name}"),
        (Shell::Other, name) => format!("share/completions/{name}"),
    }
}
