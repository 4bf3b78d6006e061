//! What all layouts have in common: entries become nodes, collisions become errors.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    package::{Dest, Entry, Package},
    tree::{Duplicate, InstallPath, Kind, Node, PathError, PayloadType, Tree},
};

use super::{Layout, links};

/// Where the entries of a package go, one rule at a time.
pub(super) trait Rules: Layout {
    /// Where a path below the directory of its type goes, when that needs a closer look.
    fn special(&self, entry: &Entry, below: &InstallPath, package: &Package) -> Option<String>;

    /// Further nodes that come with one: links in `/usr/bin`.
    fn companions(&self, path: &InstallPath, entry: &Entry) -> Vec<(String, Node)>;

    /// Whether absolute paths mean the system's: links are then written by Debian's policy, else
    /// so that they hold wherever the image is.
    fn absolute(&self) -> bool;
}

/// Places every entry.
pub(super) fn place(rules: &dyn Rules, package: &Package) -> Result<Tree, Diagnostics> {
    let (mut tree, mut found) = (Tree::default(), Diagnostics::default());
    let image = (!rules.absolute()).then(|| paths(rules, package));
    for entry in package.entries.iter().filter(|entry| !made_on_the_machine(entry)) {
        match nodes(rules, entry, package, image.as_ref()) {
            Ok(nodes) => nodes.into_iter().for_each(|(path, node)| {
                if let Err(twice) = tree.insert(path, node) {
                    found.error(duplicate(&twice));
                }
            }),
            Err(why) => found.error(invalid(&why, entry)),
        }
    }
    if found.is_ok() { Ok(tree) } else { Err(found) }
}

/// State, log and cache directories are made by the service manager or systemd-tmpfiles.
fn made_on_the_machine(entry: &Entry) -> bool {
    use PayloadType::{Cache, Log, State};
    matches!(entry.kind, Kind::Dir) && matches!(entry.role, State | Log | Cache)
}

/// Every path of an image, directories above included.
fn paths(rules: &dyn Rules, package: &Package) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for path in package.entries.iter().filter_map(|entry| final_path(rules, entry, package).ok()) {
        let above = path.as_str().match_indices('/').map(|(at, _)| path.as_str()[..at].to_owned());
        all.extend(above);
        all.insert(path.as_str().to_owned());
    }
    all
}

fn nodes(
    rules: &dyn Rules,
    entry: &Entry,
    package: &Package,
    image: Option<&BTreeSet<String>>,
) -> Result<Vec<(InstallPath, Node)>, PathError> {
    let path = final_path(rules, entry, package)?;
    let mut all = vec![(path.clone(), node(rules, entry, &path, image)?)];
    for (path, companion) in rules.companions(&path, entry) {
        all.push((InstallPath::parse(&path)?, Node { place: entry.place.clone(), ..companion }));
    }
    Ok(all)
}

fn final_path(
    rules: &dyn Rules,
    entry: &Entry,
    package: &Package,
) -> Result<InstallPath, PathError> {
    let dir =
        rules.dir(entry.role, package.family.dir_name(entry.role, &package.name), &package.title);
    match &entry.dest {
        Dest::Absolute(path) => Ok(path.clone()),
        Dest::TypeDir => InstallPath::parse(&dir),
        Dest::InType(below) => match rules.special(entry, below, package) {
            Some(path) => InstallPath::parse(&path),
            None => InstallPath::parse(&format!("{dir}/{below}")),
        },
    }
}

fn node(
    rules: &dyn Rules,
    entry: &Entry,
    path: &InstallPath,
    image: Option<&BTreeSet<String>>,
) -> Result<Node, PathError> {
    let kind = match (&entry.kind, image) {
        (Kind::Symlink(target), None) => Kind::Symlink(links::by_policy(path, target)?),
        (Kind::Symlink(target), Some(paths)) => {
            let exists = |path: &InstallPath| paths.contains(path.as_str());
            Kind::Symlink(links::in_image(path, target, exists))
        }
        (kind, _) => kind.clone(),
    };
    // Only a package manager keeps edited copies: nobody does for what is unpacked by hand.
    let config = matches!(kind, Kind::File(_))
        && rules.absolute()
        && (entry.role == PayloadType::Config || path.starts_with("etc"));
    Ok(Node {
        mode: entry.mode,
        owner: entry.owner.clone(),
        group: entry.group.clone(),
        role: Some(entry.role),
        config,
        capabilities: entry.capabilities.clone(),
        implied: false,
        place: entry.place.clone(),
        kind,
    })
}

fn invalid(why: &PathError, entry: &Entry) -> Diagnostic {
    Diagnostic::usage("path.invalid", why.to_string()).at(entry.place.clone())
}

/// Two things on one path: the error stands at the later one and names the place of the other.
pub fn duplicate(twice: &Duplicate) -> Diagnostic {
    let error = Diagnostic::usage("path.duplicate", twice.to_string());
    let (first, second) = (&twice.first.place, &twice.second.place);
    let error = error.at(second.clone().or_else(|| first.clone()));
    match (first, second) {
        (Some(first), Some(_)) => error.label(format!("the other one is at {first}")),
        (None, _) => error.label("pkggen itself puts a file there"),
        (Some(_), None) => error.label("pkggen itself puts another file there"),
    }
}

/// A menu of small facts that several layouts share: which section a man page is in.
pub(super) fn man_section(file_name: &str) -> Option<char> {
    let name = file_name.strip_suffix(".gz").unwrap_or(file_name);
    let (_, suffix) = name.rsplit_once('.')?;
    suffix.chars().next().filter(|c| c.is_ascii_digit() && *c != '0' || matches!(c, 'n' | 'l'))
}

/// The shell a completion file is for, by its name: `x.bash`, `_x`, `x.fish`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
    Other,
}

/// The shell, and the name the shell looks for.
pub(super) fn completion(below: &InstallPath) -> (Shell, String) {
    let folders =
        BTreeMap::from([("bash", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish)]);
    let name = below.file_name();
    let folder = below.as_str().split_once('/').and_then(|(dir, _)| folders.get(dir)).copied();
    let by_name = match name.rsplit_once('.') {
        Some((_, "bash" | "bash-completion")) => Shell::Bash,
        Some((_, "zsh")) => Shell::Zsh,
        Some((_, "fish")) => Shell::Fish,
        Some((_, "ps1" | "elv" | "nu")) => Shell::Other,
        _ if name.starts_with('_') => Shell::Zsh,
        _ => Shell::Bash,
    };
    let shell = folder.unwrap_or(by_name);
    let stem = |ends: &[&str]| {
        ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    let name = match shell {
        Shell::Bash => stem(&[".bash-completion", ".bash"]),
        Shell::Zsh => format!("_{}", stem(&[".zsh"]).trim_start_matches('_')),
        Shell::Fish => format!("{}.fish", stem(&[".fish"])),
        Shell::Other => name.to_owned(),
    };
    (shell, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> InstallPath {
        InstallPath::parse(text).unwrap()
    }

    #[test]
    fn the_section_of_a_man_page_is_in_its_suffix() {
        assert_eq!(man_section("x.1"), Some('1'));
        assert_eq!(man_section("x.conf.5.gz"), Some('5'));
        assert_eq!(man_section("x.3pm"), Some('3'));
        assert_eq!(man_section("README"), None);
    }

    #[test]
    fn the_shell_of_a_completion_is_in_its_name() {
        for (below, shell, name) in [
            ("hi.bash", Shell::Bash, "hi"),
            ("hi", Shell::Bash, "hi"),
            ("_hi", Shell::Zsh, "_hi"),
            ("hi.zsh", Shell::Zsh, "_hi"),
            ("hi.fish", Shell::Fish, "hi.fish"),
            ("zsh/hi", Shell::Zsh, "_hi"),
            ("hi.ps1", Shell::Other, "hi.ps1"),
            ("_hi.ps1", Shell::Other, "_hi.ps1"),
        ] {
            assert_eq!(completion(&path(below)), (shell, name.to_owned()), "{below}");
        }
    }
}
