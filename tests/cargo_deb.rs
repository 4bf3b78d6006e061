//! Real crates, as published, packed by cargo-deb and by pkggen, and compared: paths, modes, owners,
//! links, contents, conffiles, control fields, relations, maintainer scripts.
//!
//! Compiling them would take hours: a small program stands in for theirs, on both sides. Files that
//! a crate generates before packing, and did not publish, are stand-ins too. What may differ is
//! listed in [`ACCEPTED`] with its reason; `docs/cargo.md` says the same to users.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use common::{TempDir, have, ok, said, skip, stdout};

/// Differences that are meant, each with its reason.
const ACCEPTED: &[(&str, &str)] = &[
    ("usr/share/doc/*/copyright", "ours is machine-readable and holds the text of the licence"),
    ("usr/share/doc/*/changelog.Debian.gz", "ours is always there; theirs only with `changelog`"),
    ("usr/share/man/*", "ours packs pages that Cargo built, too: policy 12.1"),
    ("Section", "ours is `misc` when the crate says none: Debian's policy recommends the field"),
    ("Installed-Size", "ours follows dpkg-gencontrol; theirs estimates"),
    ("Description", "ours is filled to lines; a README is not pasted in as a whole"),
    ("Depends: libgcc-s1", "a program that is linked with it needs it; theirs leaves it out"),
    ("postrm: mask", "theirs masks removed units; debhelper 13.11 stopped doing that"),
    ("scripts: comments", "theirs says which tool added what"),
];

/// A crate and what it needs beside its source.
struct Crate {
    name: &'static str,
    version: &'static str,
    variant: Option<&'static str>,
    /// Programs that Cargo would build.
    programs: &'static [&'static str],
    /// Files that its build leaves in the folder of the profile.
    built: &'static [&'static str],
    /// Files that its release scripts make first, or that were not published.
    made: &'static [&'static str],
    /// Links of the same kind, with what they point to.
    links: &'static [(&'static str, &'static str)],
    /// Files by their content.
    texts: &'static [(&'static str, &'static str)],
}

const NONE: Crate = Crate {
    name: "",
    version: "",
    variant: None,
    programs: &[],
    built: &[],
    made: &[],
    links: &[],
    texts: &[],
};

const CHANGELOG: (&str, &str) = (
    "target/debian/changelog",
    "x (1.0) unstable; urgency=low\n\n  * Something.\n\n -- A <a@example.org>  Sat, 01 Jan 2022 00:00:00 +0000\n",
);

#[test]
fn ripgrep_with_pages_and_completions() {
    let made = &[
        "deployment/deb/rg.1",
        "deployment/deb/rg.bash",
        "deployment/deb/rg.fish",
        "deployment/deb/_rg",
    ];
    compare(&Crate { name: "ripgrep", version: "14.1.1", programs: &["rg"], made, ..NONE });
}

#[test]
fn cargo_deb_itself() {
    let programs = &["cargo-deb"];
    compare(&Crate { name: "cargo-deb", version: "3.8.0", programs, ..NONE });
}

#[test]
fn zoxide_with_a_glob_and_an_odd_mode() {
    compare(&Crate { name: "zoxide", version: "0.10.0", programs: &["zoxide"], ..NONE });
}

#[test]
fn feroxbuster_with_a_conffile() {
    compare(&Crate { name: "feroxbuster", version: "2.13.1", programs: &["feroxbuster"], ..NONE });
}

#[test]
fn routinator_with_a_unit_and_scripts() {
    let programs = &["routinator"];
    let texts = &[CHANGELOG];
    compare(&Crate { name: "routinator", version: "0.14.2", programs, texts, ..NONE });
}

#[test]
fn routinator_in_its_minimal_variant() {
    let (programs, texts) = (&["routinator"], &[CHANGELOG]);
    let variant = Some("minimal");
    compare(&Crate { name: "routinator", version: "0.14.2", variant, programs, texts, ..NONE });
}

#[test]
fn rtrtr_with_a_unit_that_is_not_enabled() {
    compare(&Crate {
        name: "rtrtr",
        version: "0.2.2",
        programs: &["rtrtr"],
        texts: &[CHANGELOG],
        ..NONE
    });
}

#[test]
fn rtrtr_in_a_variant_with_its_own_relations() {
    let (programs, texts) = (&["rtrtr"], &[CHANGELOG]);
    let variant = Some("minimal-cross");
    compare(&Crate { name: "rtrtr", version: "0.2.2", variant, programs, texts, ..NONE });
}

#[test]
fn spotifyd_with_a_unit_of_users_below_etc() {
    compare(&Crate { name: "spotifyd", version: "0.4.2", programs: &["spotifyd"], ..NONE });
}

#[test]
fn rbw_with_files_its_build_leaves() {
    compare(&Crate {
        name: "rbw",
        version: "1.15.0",
        programs: &["rbw", "rbw-agent"],
        built: &["completion/bash", "completion/zsh", "completion/fish"],
        ..NONE
    });
}

#[test]
fn rustscan_with_automatic_assets() {
    compare(&Crate { name: "rustscan", version: "2.4.1", programs: &["rustscan"], ..NONE });
}

#[test]
fn eza_with_paths_above_the_folder_of_the_profile() {
    let built = &["../man/eza.1", "../man/eza_colors.5", "../man/eza_colors-explanation.5"];
    compare(&Crate { name: "eza", version: "0.23.5", programs: &["eza"], built, ..NONE });
}

const BOTTOM: Crate = Crate {
    name: "bottom",
    version: "0.15.0",
    programs: &["btm"],
    made: &[
        "manpage/btm.1.gz",
        "completion/btm.bash",
        "completion/btm.fish",
        "completion/_btm",
        "desktop/bottom.desktop",
        "assets/icons/bottom-system-monitor.svg",
    ],
    ..NONE
};

#[test]
fn bottom_with_a_conflict() {
    compare(&BOTTOM);
}

#[test]
fn bottom_in_a_variant_for_another_architecture() {
    compare(&Crate { variant: Some("arm64"), ..BOTTOM });
}

#[test]
fn librespot_with_units_that_nobody_registers() {
    let made = &["contrib/librespot.service", "contrib/librespot.user.service"];
    let programs = &["librespot"];
    compare(&Crate { name: "librespot", version: "0.8.0", programs, made, ..NONE });
}

#[test]
fn xh_with_links() {
    let links = &[("assets/xhs", "xh"), ("assets/xhs.1.gz", "xh.1.gz")];
    compare(&Crate { name: "xh", version: "0.26.3", programs: &["xh"], links, ..NONE });
}

#[test]
fn ntpd_with_scripts_of_its_own_and_a_debian_copyright() {
    compare(&Crate {
        name: "ntpd",
        version: "1.9.0",
        programs: &["ntp-daemon", "ntp-ctl", "ntp-metrics-exporter"],
        made: &[
            "../COPYRIGHT",
            "../LICENSE-APACHE",
            "../LICENSE-MIT",
            "../CHANGELOG.md",
            "../README.md",
        ],
        texts: &[
            (
                "../pkg/deb/COPYRIGHT-debian",
                "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: ntpd-rs\n",
            ),
            ("../pkg/deb/postinst", "#!/bin/sh\nset -e\nadduser --system ntpd-rs\nexit 0\n"),
            ("../pkg/deb/prerm", "#!/bin/sh\nset -e\necho removing\n"),
        ],
        ..NONE
    });
}

#[test]
fn every_accepted_difference_has_a_reason() {
    let told = fs::read_to_string(common::root().join("docs/cargo.md")).unwrap();
    for (what, reason) in ACCEPTED {
        assert!(!reason.is_empty() && told.contains(what), "docs/cargo.md must name {what}");
    }
}

/// Packs a crate with both and compares.
fn compare(one: &Crate) {
    let test = format!("cargo_deb {} {}", one.name, one.variant.unwrap_or_default());
    if !have(&test, &["cargo", "cargo-deb", "dpkg-deb:dpkg", "dpkg-shlibdeps:dpkg-dev", "gzip"]) {
        return;
    }
    let Some(source) = fetch(one) else {
        return skip(&test, "the crate is not in Cargo's cache and cannot be fetched");
    };
    let work = TempDir::new().unwrap();
    let work = work.path().canonicalize().unwrap();
    prepare(one, &source, &work);
    let (theirs, ours) = (Deb::of(&theirs(one, &work), &work), Deb::of(&ours(one, &work), &work));
    let mut differences = Vec::new();
    differences.extend(files(&theirs, &ours));
    differences.extend(fields(&theirs, &ours));
    differences.extend(scripts(&theirs, &ours));
    assert!(differences.is_empty(), "{test}:\n{}", differences.join("\n"));
}

/// The crate's source in Cargo's cache; the cargo client brings it there.
fn fetch(one: &Crate) -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")))?;
    let find = || {
        let registries = fs::read_dir(home.join("registry/src")).ok()?;
        let folder = format!("{}-{}", one.name, one.version);
        let mut folders = registries.flatten().map(|registry| registry.path().join(&folder));
        folders.find(|folder| folder.join("Cargo.toml").is_file())
    };
    find().or_else(|| {
        let spec = format!("{}@{}", one.name, one.version);
        let elsewhere = TempDir::new().unwrap();
        let mut info = Command::new("cargo");
        info.args(["info", "--quiet", &spec]).current_dir(elsewhere.path());
        let _ = info.output().ok()?;
        find()
    })
}

/// A copy of the source, a target directory with stand-ins, and what else the crate wants.
fn prepare(one: &Crate, source: &Path, work: &Path) {
    let copy = work.join("crate");
    ok(Command::new("cp").arg("-r").arg(source).arg(&copy));
    for profile in ["release", "dist"] {
        let dir = work.join("target").join(profile);
        fs::create_dir_all(&dir).unwrap();
        for program in one.programs {
            fs::copy("/bin/true", dir.join(program)).unwrap();
            fs::set_permissions(dir.join(program), fs::Permissions::from_mode(0o755)).unwrap();
        }
        for path in one.built {
            write(&dir.join(path), &format!("built {path}\n"));
        }
    }
    for path in one.made {
        write(&copy.join(path), &format!("made {path}\n"));
    }
    for (path, text) in one.texts {
        write(&copy.join(path), text);
    }
    for (path, target) in one.links {
        fs::create_dir_all(copy.join(path).parent().unwrap()).unwrap();
        symlink(target, copy.join(path)).unwrap();
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn theirs(one: &Crate, work: &Path) -> PathBuf {
    let out = work.join("theirs");
    let mut command = Command::new("cargo-deb");
    command.args(["--no-build", "--no-strip", "--fast", "--offline", "-o"]).arg(&out);
    if let Some(variant) = one.variant {
        command.args(["--variant", variant]);
    }
    run(&mut command, work);
    only_file(&out)
}

/// As `cargo pkggen deb` runs it.
fn ours(one: &Crate, work: &Path) -> PathBuf {
    let out = work.join("ours");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-pkggen"));
    command.args(["pkggen", "deb", "--no-build", "--out"]).arg(&out);
    if let Some(variant) = one.variant {
        command.args(["--variant", variant]);
    }
    command.env("XDG_CACHE_HOME", work.join("cache"));
    run(&mut command, work);
    only_file(&out)
}

fn run(command: &mut Command, work: &Path) {
    command.current_dir(work.join("crate")).env("CARGO_TARGET_DIR", work.join("target"));
    command.env("SOURCE_DATE_EPOCH", "1000000000");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}:\n{}", said(&output));
}

fn only_file(dir: &Path) -> PathBuf {
    let debs = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let debs: Vec<_> = debs.filter(|path| path.extension().is_some_and(|e| e == "deb")).collect();
    assert_eq!(debs.len(), 1, "{debs:?}");
    debs[0].clone()
}

/// A package, unpacked by dpkg-deb.
struct Deb {
    files: BTreeMap<String, Entry>,
    fields: BTreeMap<String, String>,
    /// Scripts and other files of the control archive.
    control: BTreeMap<String, String>,
}

#[derive(Debug, PartialEq)]
struct Entry {
    /// What `dpkg-deb --contents` prints: `-rw-r--r-- root/root`, user and group as numbers.
    mode: String,
    /// Unpacked if it is packed; the target of a link.
    content: Vec<u8>,
}

impl Deb {
    fn of(deb: &Path, work: &Path) -> Self {
        let name = if deb.starts_with(work.join("ours")) { "ours" } else { "theirs" };
        let dir = work.join(format!("{name}-unpacked"));
        ok(Command::new("dpkg-deb").arg("-R").arg(deb).arg(&dir));
        let listing = stdout(
            Command::new("sh")
                .args(["-c", "dpkg-deb --fsys-tarfile \"$0\" | tar -tv --numeric-owner"])
                .arg(deb),
        );
        let entries = listing.lines().filter(|line| !line.starts_with('d'));
        let files = entries.map(|line| entry(line, &dir)).collect();
        let control = fs::read_dir(dir.join("DEBIAN")).unwrap().map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        });
        let fields = stdout(Command::new("dpkg-deb").arg("-f").arg(deb));
        Self { files, fields: split_fields(&fields), control: control.collect() }
    }
}

/// A line of tar's listing: mode, owner, size, date, time, name.
fn entry(line: &str, dir: &Path) -> (String, Entry) {
    let mut words = line.split_whitespace();
    let mode = format!("{} {}", words.next().unwrap(), words.next().unwrap());
    let at = line.find(" ./").unwrap() + 3;
    let name = line[at..].split(" -> ").next().unwrap().to_owned();
    let path = dir.join(&name);
    let content = match fs::read_link(&path) {
        Ok(target) => target.to_str().unwrap().as_bytes().to_vec(),
        Err(_) => plain(&path),
    };
    (name, Entry { mode, content })
}

/// Packers differ; what is packed does not.
fn plain(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut gzip = Command::new("gzip");
        gzip.arg("-dc").arg(path);
        bytes = ok(&mut gzip).stdout;
    }
    bytes
}

fn split_fields(text: &str) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        match line.split_once(": ") {
            Some((name, value)) if !line.starts_with(' ') => {
                name.clone_into(&mut last);
                fields.insert(last.clone(), value.to_owned());
            }
            _ => {
                let field: &mut String = fields.entry(last.clone()).or_default();
                field.push('\n');
                field.push_str(line);
            }
        }
    }
    fields
}

/// Whether a path or field is among the accepted differences.
fn accepted(what: &str) -> bool {
    ACCEPTED.iter().any(|(pattern, _)| match pattern.split_once('*') {
        Some((start, end)) => what.starts_with(start) && what.ends_with(end),
        None => *pattern == what,
    })
}

fn files(theirs: &Deb, ours: &Deb) -> Vec<String> {
    let mut differences = Vec::new();
    let paths: BTreeSet<_> = theirs.files.keys().chain(ours.files.keys()).collect();
    for path in paths {
        let page = path.trim_end_matches(".gz");
        let (plain, packed) = (theirs.files.get(page), ours.files.get(&format!("{page}.gz")));
        if plain.is_some() && plain == packed && accepted(page) {
            continue;
        }
        match (theirs.files.get(path), ours.files.get(path)) {
            (Some(a), Some(b)) if a.mode != b.mode => {
                differences.push(format!("{path}: {} there, {} here", a.mode, b.mode));
            }
            (Some(a), Some(b)) if a.content != b.content && !accepted(path) => {
                differences.push(format!("{path}: the content differs"));
            }
            (Some(_), None) => differences.push(format!("{path}: only there")),
            (None, Some(_)) if !accepted(path) => differences.push(format!("{path}: only here")),
            _ => {}
        }
    }
    let conffiles = |deb: &Deb| {
        let text = deb.control.get("conffiles").cloned().unwrap_or_default();
        text.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    if conffiles(theirs) != conffiles(ours) {
        differences.push(format!(
            "conffiles: {:?} there, {:?} here",
            conffiles(theirs),
            conffiles(ours)
        ));
    }
    differences
}

/// Fields whose value is a list in any order.
const RELATIONS: [&str; 9] = [
    "Depends",
    "Pre-Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Conflicts",
    "Breaks",
    "Replaces",
    "Provides",
];

fn fields(theirs: &Deb, ours: &Deb) -> Vec<String> {
    let mut differences = Vec::new();
    let names: BTreeSet<_> = theirs.fields.keys().chain(ours.fields.keys()).collect();
    for name in names {
        let (a, b) = (theirs.fields.get(name), ours.fields.get(name));
        let same = if name == "Description" {
            same_description(a.unwrap(), b.unwrap())
        } else if RELATIONS.contains(&name.as_str()) {
            relations(a) == relations(b)
        } else {
            // what they say must be said by us as well
            a == b || accepted(name) && (a.is_none() || name == "Installed-Size")
        };
        if !same {
            differences.push(format!("{name}: {a:?} there, {b:?} here"));
        }
    }
    differences
}

fn relations(value: Option<&String>) -> BTreeSet<String> {
    let all = value.map(String::as_str).unwrap_or_default().split(',').map(str::trim);
    let all = all.filter(|relation| !relation.is_empty());
    all.filter(|relation| !accepted(&format!("Depends: {}", relation.split(' ').next().unwrap())))
        .map(str::to_owned)
        .collect()
}

/// The same words, as far as they are not a README.
fn same_description(theirs: &str, ours: &str) -> bool {
    let words = |text: &str| {
        let text = text.lines().filter(|line| line.trim() != ".").collect::<Vec<_>>().join(" ");
        text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let (a, b) = (words(theirs), words(ours));
    let summary =
        |text: &str| text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
    let is_readme = theirs.contains("](") || theirs.contains("</") || theirs.contains("\n #");
    let (there, here) = (summary(theirs), summary(ours));
    let begins = there.starts_with(&here) || here.starts_with(&there);
    a == b || begins && (is_readme || words_within(&b, &a))
}

/// Whether all words of one text are in the other.
fn words_within(some: &[String], all: &[String]) -> bool {
    let bare = |word: &String| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let all: BTreeSet<_> = all.iter().map(bare).collect();
    some.iter().map(bare).all(|word| all.contains(&word))
}

/// The scripts are there on both sides; the crate's own lines are kept word for word; the same
/// helpers are called with the same units.
fn scripts(theirs: &Deb, ours: &Deb) -> Vec<String> {
    let mut differences = Vec::new();
    for name in ["preinst", "postinst", "prerm", "postrm", "config", "templates", "triggers"] {
        let (a, b) = (theirs.control.get(name), ours.control.get(name));
        let (a, b) = match (a, b) {
            (None, None) => continue,
            (Some(a), Some(b)) => (a, b),
            (Some(_), None) => {
                differences.push(format!("{name}: only there"));
                continue;
            }
            (None, Some(_)) => {
                differences.push(format!("{name}: only here"));
                continue;
            }
        };
        let (calls_a, calls_b) = (calls(name, a), calls(name, b));
        if calls_a != calls_b {
            differences.push(format!("{name}: {calls_a:?} there, {calls_b:?} here"));
        }
        let here: Vec<_> = b.lines().map(str::trim_end).collect();
        for line in own_lines(a) {
            if !here.contains(&line.as_str()) {
                differences.push(format!("{name}: the line `{line}` is only there"));
            }
        }
    }
    differences
}

/// Lines outside of what cargo-deb adds.
fn own_lines(script: &str) -> Vec<String> {
    let mut generated = false;
    let mut own = Vec::new();
    for line in script.lines() {
        generated |= line.starts_with("# Automatically added by");
        if !generated && !line.contains("#DEBHELPER#") && !line.trim().is_empty() {
            own.push(line.trim_end().to_owned());
        }
        generated &= !line.starts_with("# End automatically added section");
    }
    own
}

/// `helper verb unit` for every call of systemd's and Debian's helpers.
fn calls(script: &str, text: &str) -> BTreeSet<String> {
    let verbs: BTreeSet<_> = text
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("_dh_action=").or(word.strip_prefix("action=")))
        .map(|verb| verb.trim_matches(';').to_owned())
        .collect();
    let mut calls = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        let line = line.trim_start_matches("if ").split([';', '>', '|']).next().unwrap();
        let words: Vec<_> = line
            .split_whitespace()
            .filter(|word| !word.starts_with("--") && !word.starts_with("${"))
            .map(|word| word.trim_matches(['\'', '"']))
            .collect();
        let [
            helper @ ("deb-systemd-helper" | "deb-systemd-invoke" | "systemctl"),
            verb,
            units @ ..,
        ] = words.as_slice()
        else {
            continue;
        };
        let each = match verb.strip_prefix('$') {
            Some(_) => verbs.iter().map(String::as_str).collect(),
            None => vec![*verb],
        };
        for verb in each.into_iter().filter(|verb| !accepted(&format!("{script}: {verb}"))) {
            if units.is_empty() {
                calls.insert(format!("{helper} {verb}"));
            }
            calls.extend(units.iter().map(|unit| format!("{helper} {verb} {unit}")));
        }
    }
    calls
}
