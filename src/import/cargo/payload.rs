//! `[payload]`: what is installed, by type where the path is one of a type's.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use super::{
    Project,
    assets::{Finder, Item, Items, What},
    deb::Asset,
    map::{Map, escaped, is_debian_copyright, path_node},
    units::{self, Registered},
};
use crate::{
    diagnostic::Diagnostic,
    layout::{DEBIAN, Layout},
    manifest::{Node, Value},
    package::{Os, Target},
    tree::{InstallPath, PayloadType},
};

impl Map<'_> {
    /// Everything that is installed, copyright and changelog aside.
    pub(super) fn items(&mut self) -> Items {
        let project = self.project;
        let auto = [Asset::Auto(project.place("name"))];
        let assets = project.deb.assets.as_deref().unwrap_or(&auto);
        let out_dir = project.out_dir(project.settings.targets[0].1.as_deref());
        let finder = Finder {
            package: &project.package,
            name: &project.name,
            compile: &project.compile,
            out_dir: &out_dir,
            preserve_symlinks: project.deb.preserve_symlinks.unwrap_or(false),
        };
        let mut items = finder.find(assets, &mut self.found);
        project.find_units(&mut items, &mut self.found);
        self.debian_copyright(&mut items);
        items
    }

    /// A licence file in Debian's own form.
    fn debian_copyright(&self, items: &mut Items) {
        let Some(file) = &self.project.deb.license_file else { return };
        let path = self.project.dir().join(&file.path.value);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let dest = InstallPath::parse(&format!("usr/share/doc/{}/copyright", self.project.name));
        if let (true, Ok(dest)) = (is_debian_copyright(&text), dest) {
            let (what, place) = (What::File(path), file.path.place.clone());
            items.add_default(Item { dest, what, mode: Some(0o644), place });
        }
    }

    /// `[payload]`: units that are registered are services and stand there.
    pub(super) fn payload(&mut self, items: &Items, registered: &[Registered]) {
        let is_registered = |item: &&Item| {
            let what = item.dest.parent().filter(|dir| dir.as_str() == units::SYSTEM);
            what.is_some() && registered.iter().any(|unit| unit.unit == item.dest.file_name())
        };
        let targets = &self.project.settings.targets;
        let (mut files, mut links) = (Vec::new(), Vec::new());
        let mut per_target = vec![Vec::new(); targets.len()];
        for item in items.iter().filter(|item| !is_registered(item)) {
            match &item.what {
                What::Link(target) => links.push(self.link(item, target)),
                What::File(path) => files.push(self.file(item, &self.shown(path))),
                What::Built(_) | What::Program(_) => {
                    for (at, (target, triple)) in targets.iter().enumerate() {
                        let source = self.built(&item.what, *target, triple.as_ref());
                        let node = self.file(item, &source);
                        let list =
                            if targets.len() == 1 { &mut files } else { &mut per_target[at] };
                        list.push(node);
                    }
                }
            }
        }
        self.node.set(&["payload", "files"], Node::new(Value::Array(files)));
        if !links.is_empty() {
            self.node.set(&["payload", "links"], Node::new(Value::Array(links)));
        }
        for ((target, _), files) in targets.iter().zip(per_target) {
            if !files.is_empty() {
                let path = ["override", &target.to_string(), "payload", "files"];
                self.node.set(&path, Node::new(Value::Array(files)));
            }
        }
    }

    fn file(&self, item: &Item, source: &str) -> Node {
        let place = item.place.clone();
        let mut node =
            Node::table([("source", path_node(source, place.clone()))]).at(place.clone());
        for (key, value) in self.placed(item).rows() {
            node.set(&[&key.name], value.clone());
        }
        if let Some(mode) = item.mode {
            node.set(&["mode"], Node::new(format!("{mode:04o}")).at(place));
        }
        node
    }

    fn link(&self, item: &Item, target: &str) -> Node {
        let mut node = self.placed(item);
        node.set(&["target"], Node::new(escaped(target)).at(item.place.clone()));
        node
    }

    /// `type`, `dest` and `only` of an item.
    fn placed(&self, item: &Item) -> Node {
        let conf_files = self.project.deb.conf_files.iter();
        let is_config = conf_files
            .map(|path| path.trim_start_matches('/'))
            .any(|path| path == item.dest.as_str());
        let (role, below) = typed(&item.dest, &self.project.name, is_config);
        let dest = below.clone().unwrap_or_else(|| format!("/{}", item.dest));
        let mut node = Node::table([("type", Node::new(role.word()))]).at(item.place.clone());
        node.set(&["dest"], Node::new(escaped(&dest)).at(item.place.clone()));
        if below.is_none() {
            node.set(&["only"], Node::new(vec![Os::Linux.word()]));
        }
        node
    }

    fn built(&self, what: &What, target: Target, triple: Option<&String>) -> String {
        let dir = self.project.out_dir(triple.map(String::as_str));
        let path = match what {
            What::Program(name) => dir.join(format!("{name}{}", target.exe())),
            What::Built(below) => dir.join(below),
            What::File(_) | What::Link(_) => dir,
        };
        self.shown(&path)
    }

    /// Relative to the package where it can be; `..` taken out.
    pub(super) fn shown(&self, path: &Path) -> String {
        let mut clean = PathBuf::new();
        for part in path.components() {
            match part {
                Component::ParentDir => {
                    clean.pop();
                }
                part => clean.push(part),
            }
        }
        let below = clean.strip_prefix(self.project.dir()).unwrap_or(&clean);
        below.to_string_lossy().into_owned()
    }

    /// `conf-files` are installed paths.
    pub(super) fn conf_files(&mut self, items: &Items) {
        for path in &self.project.deb.conf_files {
            if !items.has(path) {
                let message =
                    format!("nothing is installed as `{}`, which `conf-files` names", path.value);
                let warning = Diagnostic::usage("cargo.conf-files", message).at(path.place.clone());
                self.found.warning(warning.hint("it lists installed paths, not sources"));
            }
        }
    }
}

impl Project {
    pub(super) fn out_dir(&self, triple: Option<&str>) -> PathBuf {
        self.compile.out_dir(&self.metadata.target_directory, triple)
    }
}

/// The type whose directory a path is in, and the path from there; else only what it is. Units are
/// data here, not services: what is to be registered is a service of its own.
fn typed(dest: &InstallPath, name: &str, is_config: bool) -> (PayloadType, Option<String>) {
    use PayloadType::{Bin, Completion, Config, Data, Doc, Lib, Libexec, Man};
    let path = format!("/{dest}");
    for role in [Bin, Libexec, Lib, Config, Doc, Man, Data] {
        let below = path.strip_prefix(&format!("{}/", DEBIAN.dir(role, name, name)));
        if let Some(below) = below.filter(|_| !is_config || role == Config) {
            return (role, Some(below.to_owned()));
        }
    }
    let (dir, file) = path.rsplit_once('/').unwrap_or(("", &path));
    let bare = !file.contains('.') && !file.starts_with('_');
    let completion = match dir {
        "/usr/share/bash-completion/completions" => bare,
        "/usr/share/zsh/vendor-completions" => file.starts_with('_') && !file.contains('.'),
        "/usr/share/fish/vendor_completions.d" => file.strip_suffix(".fish").is_some(),
        _ => false,
    };
    if completion && !is_config {
        return (Completion, Some(file.to_owned()));
    }
    let role = match dest {
        _ if is_config || dest.starts_with("etc") => Config,
        _ if dir.ends_with("/bin") || dir.ends_with("/sbin") => Bin,
        _ if is_library(file) => Lib,
        _ => Data,
    };
    (role, None)
}

/// `libx.so`, `libx.so.1`.
pub(super) fn is_library(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|end| end == "so") || file.contains(".so.")
}
