//! `pkggen init`: a first manifest from what is there, each line explained.

mod draft;
mod scan;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Outcome,
    args::{Flags, InitFrom},
    ui::Ui,
};
use crate::{
    diagnostic::Diagnostic,
    package::{Os, PackageName, Target, Version},
    tree::PayloadType,
};
use draft::{Draft, key, quoted};
use scan::Found;

/// Writes the manifest and says what to type next.
pub(super) fn run(from: Option<InitFrom>, yes: bool, flags: &Flags, ui: &Ui) -> Outcome {
    let file = flags.manifest.clone().unwrap_or_else(|| "pkggen.toml".into());
    if !yes && fs::symlink_metadata(&file).is_ok() {
        let text = format!("`{}` is there already", file.display());
        let hint = "`pkggen init --yes` writes over it";
        return Err(Diagnostic::usage("init.exists", text).hint(hint).into());
    }
    let root = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let cargo = root.join("Cargo.toml");
    let from = from.unwrap_or(if cargo.is_file() { InitFrom::Cargo } else { InitFrom::Dir });
    let text = match from {
        InitFrom::Dir => from_dir(root),
        InitFrom::Cargo => super::cargo::open(Some(&cargo), flags)?.init()?,
    };
    write(&file, &text).map_err(|error| {
        let text = format!("cannot write `{}`", file.display());
        Diagnostic::failed("write.failed", text).caused_by(&error)
    })?;
    ui.result(&file.display().to_string());
    ui.document(&serde_json::json!({ "path": file }));
    ui.note("next: `pkggen check` looks for mistakes, `pkggen plan` shows what would be made");
    Ok(0)
}

/// Under another name first: an earlier manifest stays whole until the new one is.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(name);
    let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, file));
    if written.is_err() {
        // What stopped the write is the error to report.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn from_dir(root: &Path) -> String {
    let found = scan::scan(root);
    let mut draft = Draft::default();
    draft.comment("Packages of every system are made from this file.");
    draft.comment("`pkggen check` looks for mistakes, `pkggen plan` shows what would be made.");
    package(&mut draft, root);
    targets(&mut draft, &found);
    payload(&mut draft, &found);
    services(&mut draft, root, &found);
    draft.finish()
}

fn package(draft: &mut Draft, root: &Path) {
    let name = name_of(root);
    let readme =
        scan::named(root, &["readme"]).and_then(|file| fs::read_to_string(root.join(file)).ok());
    let summary = readme.as_deref().and_then(first_sentence);
    draft.section("package", "");
    draft.key("name", &quoted(&name), "of the package; lower case, digits, + - .");
    let (version, why) = version_of(root);
    draft.key("version", &version, why);
    match &summary {
        Some(text) => draft.key("summary", &quoted(text), "one line, from the README"),
        None => {
            draft.key("summary", &quoted(&format!("The program {name}")), "one line: what is it?")
        }
    };
    let texts = scan::licences(root);
    let known: BTreeSet<_> =
        texts.iter().filter_map(|file| scan::spdx(&fs::read_to_string(file).ok()?)).collect();
    if known.is_empty() {
        draft.key(
            "license",
            &quoted("LicenseRef-Proprietary"),
            "SPDX expression: MIT, Apache-2.0, …",
        );
    } else {
        let expression = known.into_iter().collect::<Vec<_>>().join(" OR ");
        draft.key("license", &quoted(&expression), "SPDX expression, from the licence text");
    }
    if !texts.is_empty() {
        let names = texts.iter().filter_map(|file| file.file_name()?.to_str()).map(quoted);
        let list = format!("[{}]", names.collect::<Vec<_>>().join(", "));
        draft.key("license-files", &list, "installed with the package");
    }
    match author() {
        Some(author) => draft.key(
            "authors",
            &format!("[{}]", quoted(&author)),
            "the first maintains the package; from git",
        ),
        None => draft
            .comment("authors = [\"Name <mail@example.org>\"]   the first maintains the package"),
    };
    if let Some(file) = scan::named(root, &["changelog.md", "changes.md"]) {
        draft.key("changelog", &quoted(&file), "becomes the changelog of every format");
    }
}

/// The folder's name, made to fit.
fn name_of(root: &Path) -> String {
    let full = fs::canonicalize(root).unwrap_or_default();
    let name = full.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    let name: String = name.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let name = name.trim_matches(['-', '+', '.']);
    PackageName::parse(name).map_or_else(|_| "my-app".to_owned(), |name| name.to_string())
}

fn version_of(root: &Path) -> (String, &'static str) {
    let text = fs::read_to_string(root.join("VERSION")).unwrap_or_default();
    match Version::parse(text.trim()) {
        Ok(_) => ("{ from = \"file:VERSION\" }".into(), "read from the file VERSION"),
        Err(_) => (quoted("0.1.0"), "MAJOR.MINOR.PATCH, or { from = \"git-tag\" }"),
    }
}

/// The first line of prose that is not a heading, a badge or markup.
fn first_sentence(readme: &str) -> Option<String> {
    let line = readme.lines().map(str::trim).find(|line| {
        line.chars().next().is_some_and(char::is_alphanumeric) && line.contains(' ')
    })?;
    let end = line.find(". ").unwrap_or(line.len());
    let plain: String = line[..end].chars().filter(|c| !"`*_".contains(*c)).collect();
    let plain = plain.trim_end_matches(['.', ':']).trim();
    (plain.len() <= 80).then(|| plain.to_owned()).filter(|text| !text.is_empty())
}

fn author() -> Option<String> {
    let ask = |key| {
        let output = Command::new("git").args(["config", "--get", key]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    Some(format!("{} <{}>", ask("user.name")?, ask("user.email")?))
}

/// Targets of the programs; scripts alone run here, whatever that is.
fn targets(draft: &mut Draft, found: &[Found]) {
    let mut systems: BTreeMap<Os, BTreeSet<String>> = BTreeMap::new();
    let programs: BTreeSet<Target> =
        found.iter().flat_map(|found| one_libc(&found.targets)).collect();
    let here = Target::parse(&format!("linux-{}", env::consts::ARCH));
    let all = if programs.is_empty() { here.into_iter().collect() } else { programs };
    for target in all {
        let name = target.to_string();
        let arch = name.split_once('-').map_or("", |(_, arch)| arch).to_owned();
        systems.entry(target.os).or_default().insert(arch);
    }
    draft.section("targets", "what to build for; `pkggen formats` lists what can be made");
    for (os, arches) in systems {
        let formats = if os == Os::Linux { "\"deb\", \"rpm\", \"tar.gz\"" } else { "\"zip\"" };
        let arches = arches.iter().map(|arch| quoted(arch)).collect::<Vec<_>>().join(", ");
        draft.key(os.word(), &format!("{{ arch = [{arches}], formats = [{formats}] }}"), "");
    }
}

/// A program that fits both C libraries is said to be for glibc.
fn one_libc(targets: &[Target]) -> Vec<Target> {
    let gnu = |target: &Target| Target::new(target.os, target.arch);
    targets.iter().filter(|t| **t == gnu(t) || !targets.contains(&gnu(t))).copied().collect()
}

fn payload(draft: &mut Draft, found: &[Found]) {
    draft.section("payload", "");
    let item = |item: &Found| {
        let only = only(item, found);
        let role = item.role.word();
        let row = format!("{{ source = {}, type = {}{only} }}", quoted(&item.path), quoted(role));
        (row, item.why.clone())
    };
    let items: Vec<_> = found.iter().map(item).collect();
    draft.list("files", &items, "`type` says where a file goes on each system");
    if !found.iter().any(|found| found.role == PayloadType::Bin) {
        draft.comment("no program was found; build it and add, between the brackets:");
        draft.comment("  { source = \"build/my-app\", type = \"bin\" },");
    }
}

/// A program of one system stays out of the packages of others; with one system there are none.
fn only(found: &Found, all: &[Found]) -> String {
    let differs = all.iter().any(|other| {
        !other.targets.is_empty() && one_libc(&other.targets) != one_libc(&found.targets)
    });
    if found.targets.is_empty() || !differs {
        return String::new();
    }
    let words: Vec<_> = one_libc(&found.targets).iter().map(|t| quoted(&t.to_string())).collect();
    format!(", only = [{}]", words.join(", "))
}

/// Units that are shipped as they are need no table; else say what one would look like.
fn services(draft: &mut Draft, root: &Path, found: &[Found]) {
    let has = |role| found.iter().find(|found| found.role == role);
    let (None, Some(program)) = (has(PayloadType::Service), has(PayloadType::Bin)) else { return };
    let file = program.path.rsplit('/').next().unwrap_or_default();
    draft.comment("A background program, started by the system, would be:");
    draft.comment(&format!("[service.{}]", key(&name_of(root))));
    draft.comment(&format!("exec = [\"{{{{ dir.bin }}}}/{file}\", \"serve\"]"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_the_first_prose_of_the_readme() {
        let readme = "# App\n\n[![badge](x)](y)\n\nRuns *models* offline. And more.\n";
        assert_eq!(first_sentence(readme).unwrap(), "Runs models offline");
        assert_eq!(first_sentence("# App\n"), None);
    }

    #[test]
    fn a_folder_becomes_a_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("My App");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("my.conf"), "a = 1").unwrap();
        fs::write(root.join("LICENSE"), include_str!("../../LICENSE-MIT")).unwrap();
        let text = from_dir(&root);
        toml::de::DeTable::parse(&text).unwrap();
        for line in [
            "name = \"my-app\"",
            "license = \"MIT\"",
            "  { source = \"my.conf\", type = \"config\" },",
        ] {
            assert!(text.lines().any(|there| there.starts_with(line)), "{line}\n{text}");
        }
    }
}
