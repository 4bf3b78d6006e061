//! A package as a trial needs it: its name, its files, its units.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::{
    diagnostic::Diagnostic,
    digest::Want,
    format::{
        FORMATS,
        report::{MetaFile, ReadKind, Report},
    },
};

/// How much of a file is looked at to recognise its format, in bytes.
const HEAD: u64 = 64 << 10;

/// Where units of the system's manager lie.
const UNITS: [&str; 3] = ["usr/lib/systemd/system/", "lib/systemd/system/", "etc/systemd/system/"];

/// Where units of users' managers lie.
const USER_UNITS: &str = "usr/lib/systemd/user/";

/// A package that is tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subject {
    /// As the user typed it.
    pub(super) path: PathBuf,
    /// `deb`, `rpm`, `tar`, `zip`.
    pub(super) format: String,
    /// Empty for archives.
    pub(super) name: String,
    pub(super) version: String,
    /// In the format's words: `amd64`, `noarch`.
    pub(super) arch: String,
    /// Absolute paths of everything but directories.
    pub(super) files: Vec<String>,
    /// Those that an administrator edits: declared, or regular and below /etc.
    pub(super) editable: Vec<String>,
    /// Those that are declared as configuration.
    pub(super) config: Vec<String>,
    /// Scripts that run on the user's machine: name and text.
    pub(super) scripts: Vec<(String, String)>,
    /// Why it is no good package.
    pub(super) problems: Vec<String>,
}

impl Subject {
    /// Reads a package of any format.
    pub(super) fn read(path: &Path) -> Result<Self, Diagnostic> {
        let unreadable = |error: &dyn std::error::Error| {
            let text = format!("cannot read `{}`", path.display());
            Diagnostic::usage("inspect.missing", text).caused_by(error)
        };
        let mut file = File::open(path).map_err(|error| unreadable(&error))?;
        let mut head = Vec::new();
        (&file).take(HEAD).read_to_end(&mut head).map_err(|error| unreadable(&error))?;
        let Some(format) = FORMATS.iter().find(|format| format.recognises(&head)) else {
            return Err(not_a_package(path, &head));
        };
        let report = format.read(&mut file, Want::Sha256).map_err(|error| {
            let text = format!("`{}` is no readable {}", path.display(), format.name());
            Diagnostic::failed("inspect.unreadable", text).caused_by(&error)
        })?;
        Ok(Self::of(path, &report))
    }

    /// What a report says of it.
    pub(super) fn of(path: &Path, report: &Report) -> Self {
        let field = |names: [&str; 2]| {
            let mut values = names.iter().filter_map(|name| report.field(name));
            values.next().unwrap_or_default().to_owned()
        };
        let scripts = report.metadata.iter().filter(|(_, file)| file.mode & 0o111 != 0);
        let text = |file: &MetaFile| String::from_utf8_lossy(&file.content).into_owned();
        let all = report.entries.iter().filter(|entry| entry.kind != ReadKind::Dir);
        let absolute = |path: &str| format!("/{path}");
        let is_edited = |path: &str| path.starts_with("etc/") && !path.starts_with("etc/systemd/");
        let regular = all.clone().filter(|entry| matches!(entry.kind, ReadKind::File { .. }));
        let editable = regular.filter(|entry| entry.config || is_edited(&entry.path));
        Self {
            path: path.to_owned(),
            format: report.format.clone(),
            name: field(["Package", "Name"]),
            version: field(["Version", "Version"]),
            arch: field(["Architecture", "Architecture"]),
            files: all.clone().map(|entry| absolute(&entry.path)).collect(),
            editable: editable.map(|entry| absolute(&entry.path)).collect(),
            config: all.filter(|entry| entry.config).map(|entry| absolute(&entry.path)).collect(),
            scripts: scripts.map(|(name, file)| (name.clone(), text(file))).collect(),
            problems: report.problems.clone(),
        }
    }

    /// Unit files of the system's manager; no templates.
    pub(super) fn units(&self) -> Vec<&str> {
        let is_unit = |path: &&String| {
            let below = UNITS.iter().find_map(|dir| path[1..].strip_prefix(dir));
            below.is_some_and(|name| !name.contains('/') && !name.contains('@'))
        };
        self.files.iter().filter(is_unit).map(String::as_str).collect()
    }

    /// Unit files of users' managers.
    pub(super) fn user_units(&self) -> Vec<&str> {
        let files = self.files.iter().map(String::as_str);
        files.filter(|path| path[1..].starts_with(USER_UNITS)).collect()
    }

    /// Whether this machine can run it.
    pub(super) fn fits(&self) -> bool {
        let host = std::env::consts::ARCH;
        let known = [
            ("x86_64", ["amd64", "x86_64"]),
            ("aarch64", ["arm64", "aarch64"]),
            ("arm", ["armhf", "armv7hl"]),
            ("x86", ["i386", "i686"]),
            ("riscv64", ["riscv64", "riscv64"]),
            ("powerpc64", ["ppc64el", "ppc64le"]),
            ("s390x", ["s390x", "s390x"]),
        ];
        let any = ["", "all", "noarch"].contains(&self.arch.as_str());
        any || known.iter().any(|(arch, words)| *arch == host && words.contains(&&*self.arch))
    }
}

/// What it is instead.
fn not_a_package(path: &Path, head: &[u8]) -> Diagnostic {
    let shown = path.display();
    let foreign = match head {
        [b'M', b'Z', ..] => Some("Windows programs and installers"),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some("MSI packages"),
        [b'x', b'a', b'r', b'!', ..] => Some(".pkg installers"),
        _ => None,
    };
    match foreign {
        Some(what) => {
            let text = format!("`{shown}`: {what} cannot be tried yet, only deb, rpm and archives");
            Diagnostic::cannot("trial.format", text)
        }
        None => Diagnostic::usage("inspect.unknown", format!("`{shown}` is of no known format"))
            .hint("deb, rpm, tar and zip can be tried"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{digest::sha256, format::report::ReadEntry};

    fn entry(path: &str, config: bool) -> ReadEntry {
        ReadEntry {
            path: path.into(),
            kind: ReadKind::File { len: 1, md5: None, sha256: sha256(b"") },
            mode: 0o644,
            owner: "root".into(),
            group: "root".into(),
            ids: (0, 0),
            mtime: 0,
            config,
        }
    }

    fn subject() -> Subject {
        let fields = [("Package", "a"), ("Version", "1"), ("Architecture", "all")];
        let entries = vec![
            entry("etc/a.conf", true),
            entry("etc/default/a", false),
            entry("opt/a/settings", true),
            entry("usr/lib/systemd/system/a.service", false),
            entry("usr/lib/systemd/system/a@.service", false),
            entry("usr/lib/systemd/system/a.service.d/x.conf", false),
            entry("usr/lib/systemd/user/b.service", false),
            ReadEntry { kind: ReadKind::Dir, ..entry("etc", false) },
        ];
        let report = Report {
            format: "deb".into(),
            fields: fields.map(|(name, value)| (name.into(), value.into())).into(),
            entries,
            ..Report::default()
        };
        Subject::of(Path::new("a.deb"), &report)
    }

    #[test]
    fn what_is_edited_is_declared_or_below_etc() {
        assert_eq!(subject().editable, ["/etc/a.conf", "/etc/default/a", "/opt/a/settings"]);
        assert_eq!(subject().config, ["/etc/a.conf", "/opt/a/settings"]);
    }

    #[test]
    fn units_are_found_without_templates_and_drop_ins() {
        assert_eq!(subject().units(), ["/usr/lib/systemd/system/a.service"]);
        assert_eq!(subject().user_units(), ["/usr/lib/systemd/user/b.service"]);
    }

    #[test]
    fn a_package_for_another_processor_does_not_fit() {
        let other = if cfg!(target_arch = "x86_64") { "arm64" } else { "amd64" };
        assert!(subject().fits());
        assert!(!Subject { arch: other.into(), ..subject() }.fits());
    }

    #[test]
    fn an_installer_of_windows_is_named_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Setup.exe");
        std::fs::write(&path, b"MZ\x90\0").unwrap();
        let error = Subject::read(&path).unwrap_err();
        assert_eq!((error.code, error.class as u8), ("trial.format", 3));
        std::fs::write(&path, b"hello").unwrap();
        assert_eq!(Subject::read(&path).unwrap_err().class as u8, 2);
    }
}
