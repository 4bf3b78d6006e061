//! `layout = "opt"`: one folder below `/opt`, configuration and state beside it.
//!
//! Source: FHS 3.0, sections 3.13, 3.7.4 and 5.12.

use crate::{
    diagnostic::Diagnostics,
    package::{Entry, Package},
    tree::{InstallPath, Kind, Node, PayloadType, Tree},
};

use super::{
    Layout, fhs,
    place::{self, Rules, Shell},
};

/// The layout.
pub struct Opt;

/// The layout.
pub static OPT: Opt = Opt;

impl Layout for Opt {
    #[rustfmt::skip]
    fn dir(&self, role: PayloadType, name: &str, title: &str) -> String {
        match role {
            PayloadType::Bin        => format!("/opt/{name}/bin"),
            PayloadType::Libexec    => format!("/opt/{name}/libexec"),
            PayloadType::Lib        => format!("/opt/{name}/lib"),
            PayloadType::Config     => format!("/etc/opt/{name}"),
            PayloadType::Data       => format!("/opt/{name}/share"),
            PayloadType::Model      => format!("/opt/{name}/models"),
            PayloadType::State      => format!("/var/opt/{name}"),
            PayloadType::Log        => format!("/var/opt/{name}/log"),
            PayloadType::Cache      => format!("/var/opt/{name}/cache"),
            PayloadType::Doc        => format!("/opt/{name}/share/doc"),
            PayloadType::Man        => format!("/opt/{name}/share/man"),
            PayloadType::License    => format!("/opt/{name}/share/licenses"),
            PayloadType::Completion => format!("/opt/{name}/share/bash-completion/completions"),
            PayloadType::Service | PayloadType::Icon => fhs::DEBIAN.dir(role, name, title),
        }
    }

    fn place(&self, package: &Package) -> Result<Tree, Diagnostics> {
        place::place(self, package)
    }
}

impl Rules for Opt {
    fn special(&self, entry: &Entry, below: &InstallPath, package: &Package) -> Option<String> {
        let share = format!("/opt/{}/share", package.family.base);
        match entry.role {
            PayloadType::Man => fhs::man(&format!("{share}/man"), below),
            PayloadType::Completion => Some(completion(&share, below)),
            PayloadType::Icon => fhs::icon(below),
            PayloadType::Service => fhs::unit(below, package),
            _ => None,
        }
    }

    /// What is in `/opt/N/bin` is found on PATH through a link in `/usr/bin`.
    fn companions(&self, path: &InstallPath, entry: &Entry) -> Vec<(String, Node)> {
        let runs = matches!(entry.kind, Kind::File(_) | Kind::Symlink(_));
        match path.as_str().strip_prefix("opt/").and_then(|rest| rest.split_once("/bin/")) {
            Some((_, name)) if runs && entry.role == PayloadType::Bin && !name.contains('/') => {
                vec![(format!("usr/bin/{name}"), Node::symlink(format!("/{path}")))]
            }
            _ => Vec::new(),
        }
    }

    fn absolute(&self) -> bool {
        true
    }
}

fn completion(share: &str, below: &InstallPath) -> String {
    match place::completion(below) {
        (Shell::Bash, name) => format!("{share}/bash-completion/completions/{name}"),
        (Shell::Zsh, name) => format!("{share}/zsh/site-functions/{name}"),
        (Shell::Fish, name) => format!("{share}/fish/vendor_completions.d/{name}"),
        (Shell::Other, name) => format!("{share}/completions/{name}"),
    }
}
