//! Layouts: rules from type to path.
//!
//! The table of all of them is `docs/manifest.md`, "types". A layout knows no format; what a format
//! adds (units, changelog, copyright) it puts into the [`Tree`] itself.

mod fhs;
mod links;
mod opt;
mod place;
mod portable;

pub use fhs::{DEBIAN, FEDORA, FEDORA_32, Fhs};
pub use opt::{OPT, Opt};
pub use place::duplicate;
pub use portable::{PORTABLE, Portable};

use crate::{
    diagnostic::Diagnostics,
    package::Package,
    tree::{PayloadType, Tree},
};

/// Where each type goes.
pub trait Layout: Sync {
    /// The directory of a type: absolute (`/usr/bin`), or relative to the image (`bin`).
    fn dir(&self, role: PayloadType, name: &str, title: &str) -> String;

    /// All entries at their final paths, with the links that the layout adds. Directories of the
    /// types state, log and cache are left out: they are made on the user's machine.
    fn place(&self, package: &Package) -> Result<Tree, Diagnostics>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        package::{Dest, Entry, sample, sample_entry},
        tree::{InstallPath, Kind, Mode},
    };

    fn entry(role: PayloadType, below: &str) -> Entry {
        Entry { mode: Mode(0o644), ..sample_entry(role, below, below) }
    }

    fn paths(layout: &dyn Layout, entries: Vec<Entry>) -> Vec<String> {
        let tree = layout.place(&Package { entries, ..sample() }).unwrap();
        tree.iter().filter(|(_, node)| !node.implied).map(|(path, _)| path.to_string()).collect()
    }

    #[test]
    fn every_type_has_its_place_in_the_hierarchy() {
        let entries = vec![
            entry(PayloadType::Bin, "hi"),
            entry(PayloadType::Lib, "libhi.so"),
            entry(PayloadType::Model, "a.gguf"),
            entry(PayloadType::Man, "hi.1"),
            entry(PayloadType::Man, "de/man1/hi.1"),
            entry(PayloadType::Completion, "hi.fish"),
            entry(PayloadType::Icon, "48x48/apps/hi.png"),
            entry(PayloadType::Service, "user/hi.service"),
        ];
        let want = [
            "usr/bin/hi",
            "usr/lib/sample/libhi.so",
            "usr/lib/systemd/user/hi.service",
            "usr/share/fish/vendor_completions.d/hi.fish",
            "usr/share/icons/hicolor/48x48/apps/hi.png",
            "usr/share/man/de/man1/hi.1",
            "usr/share/man/man1/hi.1",
            "usr/share/sample/models/a.gguf",
        ];
        assert_eq!(paths(&DEBIAN, entries), want);
    }

    #[test]
    fn whatever_is_below_etc_is_configuration() {
        let mut other = entry(PayloadType::Data, "x");
        other.dest = Dest::Absolute(InstallPath::parse("/etc/cron.d/x").unwrap());
        let entries = vec![entry(PayloadType::Config, "a.toml"), other];
        let tree = DEBIAN.place(&Package { entries, ..sample() }).unwrap();
        let config: Vec<_> =
            tree.iter().filter(|(_, node)| node.config).map(|(path, _)| path.as_str()).collect();
        assert_eq!(config, ["etc/cron.d/x", "etc/sample/a.toml"]);
    }

    #[test]
    fn opt_links_its_programs_into_usr_bin() {
        let got = paths(&OPT, vec![entry(PayloadType::Bin, "hi"), entry(PayloadType::Data, "x")]);
        assert_eq!(got, ["opt/sample/bin/hi", "opt/sample/share/x", "usr/bin/hi"]);
    }

    #[test]
    fn archives_hold_no_units_and_no_icons() {
        let entries = vec![
            entry(PayloadType::Bin, "hi"),
            entry(PayloadType::Config, "a.toml"),
            entry(PayloadType::Service, "hi.service"),
            entry(PayloadType::Icon, "48x48/apps/hi.png"),
        ];
        assert_eq!(paths(&PORTABLE, entries), ["bin/hi", "etc/a.toml"]);
    }

    #[test]
    fn state_directories_are_not_shipped() {
        let mut state = entry(PayloadType::State, "x");
        (state.kind, state.dest) = (Kind::Dir, Dest::TypeDir);
        assert!(paths(&DEBIAN, vec![state]).is_empty());
    }

    #[test]
    fn two_entries_on_one_path_are_refused() {
        let entries = vec![entry(PayloadType::Bin, "hi"), entry(PayloadType::Bin, "hi")];
        let found = DEBIAN.place(&Package { entries, ..sample() }).unwrap_err();
        assert_eq!(found.errors[0].code, "path.duplicate");
    }
}
