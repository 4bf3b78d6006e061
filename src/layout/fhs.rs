//! The Filesystem Hierarchy Standard: `/usr`, `/etc`, `/var`.
//!
//! Source: FHS 3.0; Debian policy 9.1. Everything below `/usr`: on merged systems a file that moves
//! between `/lib` and `/usr/lib` is lost.

use crate::{
    diagnostic::Diagnostics,
    package::{Entry, Package, Scope},
    tree::{InstallPath, Node, PayloadType, Tree},
};

use super::{
    Layout,
    place::{self, Rules, Shell},
};

/// The hierarchy, as one family of distributions spells it.
pub struct Fhs {
    /// Private libraries: this and the package's name.
    lib: &'static str,
    /// Licence texts: this and the package's name.
    licenses: &'static str,
    /// Where packages put functions for zsh.
    zsh: &'static str,
}

/// Debian's spelling. Licence texts stand beside `copyright`, which takes them in.
pub static DEBIAN: Fhs =
    Fhs { lib: "/usr/lib", licenses: "/usr/share/doc", zsh: "/usr/share/zsh/vendor-completions" };

/// The spelling of Fedora and its relatives for processors of 64 bits, where `/usr/lib64` is.
pub static FEDORA: Fhs = Fhs {
    lib: "/usr/lib64",
    licenses: "/usr/share/licenses",
    zsh: "/usr/share/zsh/site-functions",
};

/// The same for processors of 32 bits.
pub static FEDORA_32: Fhs = Fhs { lib: "/usr/lib", ..FEDORA };

impl Layout for Fhs {
    #[rustfmt::skip]
    fn dir(&self, role: PayloadType, name: &str, _: &str) -> String {
        match role {
            PayloadType::Bin        => "/usr/bin".into(),
            PayloadType::Libexec    => format!("/usr/libexec/{name}"),
            PayloadType::Lib        => format!("{}/{name}", self.lib),
            PayloadType::Config     => format!("/etc/{name}"),
            PayloadType::Data       => format!("/usr/share/{name}"),
            PayloadType::Model      => format!("/usr/share/{name}/models"),
            PayloadType::State      => format!("/var/lib/{name}"),
            PayloadType::Log        => format!("/var/log/{name}"),
            PayloadType::Cache      => format!("/var/cache/{name}"),
            PayloadType::Service    => "/usr/lib/systemd/system".into(),
            PayloadType::Icon       => "/usr/share/icons/hicolor".into(),
            PayloadType::Doc        => format!("/usr/share/doc/{name}"),
            PayloadType::Man        => "/usr/share/man".into(),
            PayloadType::License    => format!("{}/{name}", self.licenses),
            PayloadType::Completion => "/usr/share/bash-completion/completions".into(),
        }
    }

    fn place(&self, package: &Package) -> Result<Tree, Diagnostics> {
        place::place(self, package)
    }
}

impl Rules for Fhs {
    fn special(&self, entry: &Entry, below: &InstallPath, package: &Package) -> Option<String> {
        match entry.role {
            PayloadType::Man => man("/usr/share/man", below),
            PayloadType::Completion => Some(self.completion(below, package)),
            PayloadType::Icon => icon(below),
            PayloadType::Service => unit(below, package),
            _ => None,
        }
    }

    fn companions(&self, _: &InstallPath, _: &Entry) -> Vec<(String, Node)> {
        Vec::new()
    }

    fn absolute(&self) -> bool {
        true
    }
}

impl Fhs {
    fn completion(&self, below: &InstallPath, package: &Package) -> String {
        match place::completion(below) {
            (Shell::Bash, name) => format!("/usr/share/bash-completion/completions/{name}"),
            (Shell::Zsh, name) => format!("{}/{name}", self.zsh),
            (Shell::Fish, name) => format!("/usr/share/fish/vendor_completions.d/{name}"),
            (Shell::Other, name) => {
                format!("/usr/share/{}/completions/{name}", package.family.base)
            }
        }
    }
}

/// `x.1` → `DIR/man1/x.1`; what stands in a folder already (`de/man1/x.1`) stays there.
pub(super) fn man(dir: &str, below: &InstallPath) -> Option<String> {
    let section = place::man_section(below.file_name())?;
    (!below.as_str().contains('/')).then(|| format!("{dir}/man{section}/{below}"))
}

/// Icons of known sizes come with their folder (`48x48/apps/x.png`); a lone picture goes where one
/// is found whatever its size is.
pub(super) fn icon(below: &InstallPath) -> Option<String> {
    if below.as_str().contains('/') {
        return None;
    }
    let vector = below.file_name().to_ascii_lowercase();
    let vector = std::path::Path::new(&vector).extension().is_some_and(|end| end == "svg");
    Some(if vector {
        format!("/usr/share/icons/hicolor/scalable/apps/{below}")
    } else {
        format!("/usr/share/pixmaps/{below}")
    })
}

/// Raw units: of the system, unless their folder or their service says they are users'.
pub(super) fn unit(below: &InstallPath, package: &Package) -> Option<String> {
    let name = below.as_str();
    if name.starts_with("user/") || name.starts_with("system/") {
        return Some(format!("/usr/lib/systemd/{name}"));
    }
    let of_users = package
        .services
        .iter()
        .any(|service| service.raw_unit && service.scope == Scope::User && name == service.unit());
    of_users.then(|| format!("/usr/lib/systemd/user/{name}"))
}
