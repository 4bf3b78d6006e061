//! `systemd-units` and `maintainer-scripts`: which files are found, and what becomes of them.
//!
//! Source: `dh_installsystemd(1)` "FILES" as cargo-deb 3.8 follows it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{
    Project,
    assets::{Item, Items, What},
    deb::{UnitTable, Units},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    package::Upgrade,
    tree::InstallPath,
};

/// Where units of the system go.
pub(super) const SYSTEM: &str = "usr/lib/systemd/system";

/// Kinds of units, and whether there are templates of them.
const KINDS: [(&str, bool); 6] = [
    ("mount", false),
    ("path", true),
    ("service", true),
    ("socket", true),
    ("target", true),
    ("timer", true),
];

/// A unit that is registered when the package is installed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Registered {
    /// `hi.service`.
    pub(super) unit: String,
    /// Its file.
    pub(super) source: PathBuf,
    /// Whether it starts at boot.
    pub(super) enable: bool,
    /// Whether installing starts it.
    pub(super) start: bool,
    /// What an upgrade does to it.
    pub(super) upgrade: Upgrade,
    /// The table that asked for it.
    pub(super) place: Option<Place>,
}

/// The package's own scripts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Scripts {
    /// By the name dpkg knows them under: `postinst`.
    pub(super) files: BTreeMap<&'static str, PathBuf>,
    /// Texts of `config` and `templates`.
    pub(super) debconf: BTreeMap<&'static str, String>,
}

/// The folders that units and scripts are looked up in.
struct Folders<'a> {
    project: &'a Project,
    scripts: Option<PathBuf>,
}

impl Project {
    fn folders(&self) -> Folders<'_> {
        let scripts = self.deb.maintainer_scripts.as_ref().map(|dir| self.dir().join(&dir.value));
        Folders { project: self, scripts }
    }

    /// Adds the unit files that `systemd-units` finds.
    pub(super) fn find_units(&self, items: &mut Items, found: &mut Diagnostics) {
        let folders = self.folders();
        for table in self.unit_tables() {
            folders.units(table, items, found);
        }
    }

    fn unit_tables(&self) -> &[UnitTable] {
        self.deb.systemd_units.as_ref().map_or(&[], |Units(tables)| tables)
    }

    /// The units that maintainer scripts enable and start.
    pub(super) fn registered(&self, items: &Items, found: &mut Diagnostics) -> Vec<Registered> {
        let tables = self.unit_tables();
        if tables.is_empty() {
            return Vec::new();
        }
        let place = self.toml.find(&["package", "metadata", "deb", "systemd-units"]);
        let place = place.and_then(|node| node.place.clone());
        if self.deb.maintainer_scripts.is_none() {
            let message = "units are installed, and neither enabled nor started: \
                           `systemd-units` does that only beside `maintainer-scripts`";
            let hint = "add maintainer-scripts = \"debian\"; the folder may be empty";
            found.warning(Diagnostic::usage("cargo.units", message).at(place).hint(hint));
            return Vec::new();
        }
        let shipped: BTreeMap<_, _> = items.iter().filter_map(unit_of).collect();
        let mut all: Vec<Registered> = Vec::new();
        for table in tables {
            for unit in chosen(table, &shipped) {
                let taken = all.iter().any(|there| there.unit == unit);
                if let (false, Some(source)) = (taken, shipped.get(unit.as_str())) {
                    let source = (*source).clone();
                    all.push(Registered { unit, source, place: place.clone(), ..policy(table) });
                }
            }
        }
        all
    }

    /// The scripts of `maintainer-scripts`; `generated` says whether text must be put into them.
    pub(super) fn scripts(&self, generated: bool, found: &mut Diagnostics) -> Scripts {
        let mut scripts = Scripts::default();
        let Folders { scripts: Some(dir), .. } = self.folders() else { return scripts };
        let place = self.deb.maintainer_scripts.as_ref().and_then(|dir| dir.place.clone());
        if !dir.is_dir() {
            let message =
                format!("there is no folder `{}`, so there are no scripts", shown(&dir, self));
            found.warning(Diagnostic::usage("cargo.scripts", message).at(place));
            return scripts;
        }
        for name in ["preinst", "postinst", "prerm", "postrm"] {
            let Some(path) = self.script(&dir, name) else { continue };
            if generated
                && !fs::read_to_string(&path).is_ok_and(|text| text.contains("#DEBHELPER#"))
            {
                let message = format!("`{}` has no line `#DEBHELPER#`", shown(&path, self));
                let hint = "what enables and starts the units is put there";
                let error = Diagnostic::usage("cargo.scripts", message);
                found.error(error.at(place.clone()).hint(hint));
            }
            scripts.files.insert(name, path);
        }
        for name in ["config", "templates"] {
            if let Ok(text) = fs::read_to_string(dir.join(name)) {
                scripts.debconf.insert(name, text);
            }
        }
        if scripts == Scripts::default() && !generated {
            let message = format!("there are no scripts in `{}`", shown(&dir, self));
            found.warning(Diagnostic::usage("cargo.scripts", message).at(place));
        }
        scripts
    }

    /// With units the package's and the unit's name may stand before the script's.
    fn script(&self, dir: &Path, name: &str) -> Option<PathBuf> {
        let plain = || Some(dir.join(name)).filter(|path| path.is_file());
        let tables = self.unit_tables().iter().rev();
        let named = |table: &UnitTable| {
            let unit = table.unit_name.as_ref().map(|unit| unit.value.as_str());
            package_file(dir, &self.name, &self.name, name, unit)
        };
        tables.map(named).next().flatten().or_else(plain)
    }
}

impl Folders<'_> {
    fn units(&self, table: &UnitTable, items: &mut Items, found: &mut Diagnostics) {
        let project = self.project;
        let own = table.unit_scripts.as_ref().map(|dir| project.dir().join(&dir.value));
        let dir = own.or(self.scripts.clone()).unwrap_or_else(|| project.dir().join("systemd"));
        let place = table.unit_scripts.as_ref().or(table.unit_name.as_ref());
        let place = place.and_then(|text| text.place.clone());
        let unit = table.unit_name.as_ref().map(|unit| unit.value.as_str());
        let mut files = find(&dir, &project.name, unit);
        if files.is_empty() && project.name != project.package.name {
            files = find(&dir, &project.package.name, unit);
        }
        if files.is_empty() {
            let message =
                format!("no units of `{}` are in `{}`", project.name, shown(&dir, project));
            let hint = "they are called PACKAGE.UNIT.service, PACKAGE.service or service";
            found.warning(Diagnostic::usage("cargo.units", message).at(place.clone()).hint(hint));
        }
        if let Some(usr_merge) = table.usr_merge.as_ref().filter(|usr_merge| !usr_merge.value) {
            let message = "units go below /usr/lib, whatever `usr-merge` says";
            found.warning(Diagnostic::usage("cargo.units", message).at(usr_merge.place.clone()));
        }
        for name in [&project.name, &project.package.name] {
            if let Some(path) = package_file(&dir, name, name, "sysusers", None) {
                files.push((path, format!("usr/lib/sysusers.d/{name}.conf")));
                break;
            }
        }
        for (path, dest) in files {
            if let Ok(dest) = InstallPath::parse(&dest) {
                let (what, place) = (What::File(path), place.clone());
                items.add_default(Item { dest, what, mode: Some(0o644), place });
            }
        }
    }
}

/// Unit files and tmpfiles of a folder, each with its installed path.
fn find(dir: &Path, package: &str, unit: Option<&str>) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for (kind, has_template) in KINDS {
        for at in ["", "@"].into_iter().take(1 + usize::from(has_template)) {
            let name = format!("{package}{at}");
            if let Some(path) = package_file(dir, package, &name, kind, unit) {
                let stem = unit.unwrap_or(package);
                files.push((path, format!("{SYSTEM}/{stem}{at}.{kind}")));
            }
        }
    }
    if let Some(path) = package_file(dir, package, package, "tmpfile", unit) {
        let stem = unit.unwrap_or(package);
        files.push((path, format!("usr/lib/tmpfiles.d/{stem}.conf")));
    }
    files
}

/// `PACKAGE.UNIT.KIND`, `UNIT.KIND`, `PACKAGE.KIND` or `KIND`, whichever is there first. Without the
/// package's name only for the package itself, not for its templates.
fn package_file(
    dir: &Path,
    main: &str,
    package: &str,
    kind: &str,
    unit: Option<&str>,
) -> Option<PathBuf> {
    let is_main = main == package;
    let mut names = Vec::new();
    if let Some(unit) = unit {
        names.push(format!("{package}.{unit}.{kind}"));
        names.extend(is_main.then(|| format!("{unit}.{kind}")));
    }
    names.push(format!("{package}.{kind}"));
    names.extend(is_main.then(|| kind.to_owned()));
    names.iter().map(|name| dir.join(name)).find(|path| path.is_file())
}

/// A unit of the system that is no template.
fn unit_of(item: &Item) -> Option<(&str, &PathBuf)> {
    let What::File(source) = &item.what else { return None };
    let name = item.dest.file_name();
    let of_system = item.dest.parent().is_some_and(|dir| dir.as_str() == SYSTEM);
    (of_system && !name.contains('@')).then_some((name, source))
}

/// The units a table is about: those it names, or all, and what they bring with `Also=`.
fn chosen(table: &UnitTable, shipped: &BTreeMap<&str, &PathBuf>) -> BTreeSet<String> {
    let named = |unit: &str| match &table.unit_name {
        Some(name) => unit.rsplit_once('.').is_some_and(|(stem, _)| stem == name.value),
        None => true,
    };
    let mut todo: Vec<String> =
        shipped.keys().filter(|unit| named(unit)).map(|unit| (*unit).to_owned()).collect();
    let mut all = BTreeSet::new();
    while let Some(unit) = todo.pop() {
        let text = shipped.get(unit.as_str()).and_then(|path| fs::read_to_string(path).ok());
        let Some(text) = text else { continue };
        if all.insert(unit) {
            todo.extend(also(&text));
        }
    }
    all
}

/// The values of `Also=`.
fn also(unit: &str) -> Vec<String> {
    let keys = unit.lines().filter_map(|line| line.split_once('='));
    let values = keys.filter(|(key, _)| key.trim() == "Also").map(|(_, value)| value);
    let words = values.flat_map(str::split_whitespace);
    words.map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

fn policy(table: &UnitTable) -> Registered {
    let upgrade = match (table.restart_after_upgrade, table.stop_on_upgrade) {
        (true, _) => Upgrade::Restart,
        (false, false) => Upgrade::Keep,
        (false, true) => Upgrade::StopFirst,
    };
    Registered {
        unit: String::new(),
        source: PathBuf::new(),
        enable: table.enable,
        start: table.start,
        upgrade,
        place: None,
    }
}

fn shown(path: &Path, project: &Project) -> String {
    path.strip_prefix(project.dir()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            fs::write(dir.path().join(file), "[Unit]\n").unwrap();
        }
        dir
    }

    fn names(files: &[&str], unit: Option<&str>) -> Vec<(String, String)> {
        let dir = folder(files);
        let found = find(dir.path(), "hi", unit).into_iter();
        found
            .map(|(path, dest)| (path.file_name().unwrap().to_str().unwrap().to_owned(), dest))
            .collect()
    }

    #[test]
    fn the_most_exact_name_of_a_unit_is_taken() {
        let files = ["hi.web.service", "web.service", "hi.service", "service"];
        let want = |from: &str| vec![(from.to_owned(), format!("{SYSTEM}/web.service"))];
        assert_eq!(names(&files, Some("web")), want("hi.web.service"));
        assert_eq!(names(&files[1..], Some("web")), want("web.service"));
        assert_eq!(names(&files[2..], Some("web")), want("hi.service"));
        assert_eq!(names(&files[3..], Some("web")), want("service"));
    }

    #[test]
    fn templates_need_the_name_of_the_package() {
        assert_eq!(names(&["@service", "service"], None).len(), 1);
        let template = names(&["hi@.service"], None);
        assert_eq!(template[0].1, format!("{SYSTEM}/hi@.service"));
    }

    #[test]
    fn tmpfiles_go_to_their_own_folder() {
        assert_eq!(names(&["tmpfile"], None)[0].1, "usr/lib/tmpfiles.d/hi.conf");
    }

    #[test]
    fn also_lists_units() {
        assert_eq!(
            also("[Install]\nAlso = \"a.socket\" b.timer\n#Also=c\n"),
            ["a.socket", "b.timer"]
        );
    }
}
