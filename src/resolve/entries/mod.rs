//! `[payload]`: what is installed, each thing at a place relative to its type.

mod content;
mod dest;
mod inside;
mod models;
mod pins;
mod requires;
mod stored;

use std::collections::{BTreeSet, HashMap};

use content::{beside, content, typed};
use dest::{dest, exact};
use inside::{Renames, dangling};

use super::{
    program,
    source::{Item, ItemKind},
    work::Work,
};
use crate::{
    diagnostic::{Diagnostic, Place},
    manifest::{Account, DirItem, FileItem, FileMode, GhostItem, LinkItem, Selector, Spanned},
    package::{Dest, Entry, Os, Scope},
    payload::Blob,
    tree::{InstallPath, Kind, Mode, PayloadType},
};

const ROOT: &str = "root";

/// Everything in `[payload]` that is used in this artifact, licence texts included.
pub(super) fn find(work: &mut Work<'_>) -> Vec<Entry> {
    let mut entries = Entries { owners: owners(work), ..Entries::default() };
    let payload = &work.root.payload;
    for item in &payload.files {
        if work.selection.uses(&item.only, &item.except) {
            entries.files(work, item);
        }
    }
    for item in &payload.dirs {
        if work.selection.uses(&item.only, &item.except) {
            entries.dir(work, item);
        }
    }
    for item in &payload.links {
        if work.selection.uses(&item.only, &item.except) {
            entries.link(work, item);
        }
    }
    for item in &payload.ghosts {
        if work.selection.uses(&item.only, &item.except) {
            entries.ghost(work, item);
        }
    }
    entries.licenses(work);
    entries.list
}

/// Names that may own files: users and groups of the services in this artifact.
#[derive(Default)]
struct Owners {
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

fn owners(work: &Work<'_>) -> Owners {
    let mut owners = Owners::default();
    for service in work.root.service.values() {
        if service.scope != Scope::System || !work.selection.uses(&service.only, &service.except) {
            continue;
        }
        let user = service.user.as_ref().map_or(work.name(), |user| &**user);
        owners.users.insert(user.to_owned());
        owners.groups.insert(user.to_owned());
        owners.groups.extend(service.groups.iter().map(|group| group.to_string()));
    }
    owners
}

#[derive(Default)]
struct Entries {
    list: Vec<Entry>,
    /// Where each destination is in the list.
    taken: HashMap<(PayloadType, Dest), usize>,
    owners: Owners,
    /// Which of the list another item may bring, too.
    shared: BTreeSet<usize>,
}

/// What all kinds of items share.
struct Common<'a> {
    role: PayloadType,
    owner: Option<&'a Spanned<Account>>,
    group: Option<&'a Spanned<Account>>,
    only: &'a [Spanned<Selector>],
    component: Option<&'a Spanned<String>>,
    place: Option<&'a Place>,
}

impl Entries {
    fn files(&mut self, work: &mut Work<'_>, item: &Spanned<FileItem>) {
        let common = Common {
            role: item.r#type.value,
            owner: item.owner.as_ref(),
            group: item.group.as_ref(),
            only: &item.only,
            component: item.component.as_ref(),
            place: item.place.as_ref(),
        };
        let place = item.source.as_ref().map_or(common.place, |source| source.place.as_ref());
        let Some(found) = content(work, item) else { return };
        let Some(found) = models::check(work, item, found, place) else { return };
        pins::note(work, item, &found, place);
        let Some(model) = self.model(work, &common) else { return };
        Self::check_capabilities(work, item);
        let mut renames = Renames::of(item);
        for content in &found.items {
            let below = renames.apply(&content.below);
            let Some(dest) = dest(work, &common, item.dest.as_ref(), &below, found.single) else {
                return; // said once for the whole item
            };
            let entry = Entry {
                dest,
                kind: kind(content),
                mode: mode(item, content),
                capabilities: capabilities(item, content),
                place: place.cloned(),
                ..model.clone()
            };
            if matches!(entry.kind, Kind::File(_) | Kind::Symlink(_)) {
                program::driver(work, &content.below, place);
            }
            if let Kind::File(blob) = &entry.kind {
                let typed = typed(item, &content.below);
                program::check(work, entry.role, blob, &typed, place);
            }
            self.add_of(work, entry, found.shared);
        }
        for entry in beside(work, &found, &model, place) {
            self.add_of(work, entry, true);
        }
        renames.complain(work, place);
        dangling(work, &found, place);
    }

    fn dir(&mut self, work: &mut Work<'_>, item: &Spanned<DirItem>) {
        let common = Common {
            role: item.r#type.value,
            owner: item.owner.as_ref(),
            group: item.group.as_ref(),
            only: &item.only,
            component: item.component.as_ref(),
            place: item.place.as_ref(),
        };
        let Some(model) = self.model(work, &common) else { return };
        let dest = match &item.dest {
            None => Some(Dest::TypeDir),
            Some(dest) if matches!(&***dest, "." | "./") => Some(Dest::TypeDir),
            Some(dest) => exact(work, &common, dest),
        };
        let Some(dest) = dest else { return };
        let mode = Mode(item.mode.as_ref().map_or(0o755, |mode| mode.0));
        self.add(work, Entry { dest, kind: Kind::Dir, mode, ..model });
    }

    fn link(&mut self, work: &mut Work<'_>, item: &Spanned<LinkItem>) {
        let common = Common {
            role: item.r#type.value,
            owner: None,
            group: None,
            only: &item.only,
            component: item.component.as_ref(),
            place: item.place.as_ref(),
        };
        let Some(model) = self.model(work, &common) else { return };
        let Some(dest) = exact(work, &common, &item.dest) else { return };
        let kind = Kind::Symlink(item.target.value.clone());
        self.add(work, Entry { dest, kind, mode: Mode(0o777), ..model });
    }

    fn ghost(&mut self, work: &mut Work<'_>, item: &Spanned<GhostItem>) {
        let common = Common {
            role: item.r#type.value,
            owner: item.owner.as_ref(),
            group: item.group.as_ref(),
            only: &item.only,
            component: item.component.as_ref(),
            place: item.place.as_ref(),
        };
        let Some(model) = self.model(work, &common) else { return };
        let Some(dest) = exact(work, &common, &item.dest) else { return };
        let mode = Mode(item.mode.as_ref().map_or(0o644, |mode| mode.0));
        self.add(work, Entry { dest, kind: Kind::Ghost, mode, ..model });
    }

    /// `package.license-files`, unless an item says where they go.
    fn licenses(&mut self, work: &mut Work<'_>) {
        for path in &work.root.package.license_files {
            // A missing one is reported where the texts are read.
            let Ok(blob) = work.sources.file(path) else { continue };
            let name = path.rsplit('/').next().unwrap_or(path);
            let Ok(name) = InstallPath::parse(name) else { continue };
            let dest = Dest::InType(name);
            // Debian's folder of documents is that of licences.
            let roles = [PayloadType::License, PayloadType::Doc];
            if roles.iter().any(|role| self.taken.contains_key(&(*role, dest.clone()))) {
                continue;
            }
            let kind = Kind::File(blob);
            let place = path.place.clone();
            self.add(work, Entry { dest, kind, place, ..entry(PayloadType::License) });
        }
    }

    /// An entry with everything that all entries of an item share.
    fn model(&mut self, work: &mut Work<'_>, common: &Common<'_>) -> Option<Entry> {
        if let Some(name) = common.component
            && !work.root.component.contains_key(&name.value)
        {
            let message = format!("there is no component `{}`", name.value);
            work.error("component.unknown", message, name.place.as_ref());
            return None;
        }
        let owner = self.owner(work, common.owner, "user");
        let group = self.owner(work, common.group, "group");
        Some(Entry {
            owner: owner?.into(),
            group: group?.into(),
            component: common.component.map(|name| name.as_str().into()),
            place: common.place.cloned(),
            ..entry(common.role)
        })
    }

    fn owner(
        &self,
        work: &mut Work<'_>,
        name: Option<&Spanned<Account>>,
        what: &str,
    ) -> Option<String> {
        let Some(name) = name else { return Some(ROOT.to_owned()) };
        let known = if what == "user" { &self.owners.users } else { &self.owners.groups };
        if ***name == *ROOT || known.contains(&***name) {
            return Some(name.to_string());
        }
        let message = format!("no service of this package has the {what} `{}`", **name);
        let mut error = Diagnostic::usage("payload.owner", message).at(name.place.clone());
        let known: Vec<_> = known.iter().map(String::as_str).chain([ROOT]).collect();
        error.hint = Some(format!("it can be {}", crate::manifest::either(&known)));
        work.found.error(error);
        None
    }

    fn check_capabilities(work: &mut Work<'_>, item: &FileItem) {
        let Some(capabilities) = &item.capabilities else { return };
        if work.job.target.os != Os::Linux {
            let message = format!("{} has no file capabilities", work.job.target.os.word());
            let hint = "only = [\"linux\"]";
            let error = Diagnostic::usage("payload.capabilities", message);
            work.found.error(error.at(capabilities.place.clone()).hint(hint));
        }
    }

    /// Adds an entry; one that is `shared` may be there already: blobs of two models, shards.
    fn add_of(&mut self, work: &mut Work<'_>, entry: Entry, shared: bool) {
        if shared {
            let key = (entry.role, entry.dest.clone());
            let known = self.taken.get(&key).filter(|at| self.shared.contains(at));
            if let Some(first) = known.map(|at| &self.list[*at])
                && same_content(first, &entry)
            {
                if first.component != entry.component {
                    work.leans.insert((entry.component.clone(), first.component.clone()));
                }
                return;
            }
            self.shared.insert(self.list.len());
        }
        self.add(work, entry);
    }

    /// Adds an entry; two on one place are an error that names both, directories excepted.
    fn add(&mut self, work: &mut Work<'_>, entry: Entry) {
        let key = (entry.role, entry.dest.clone());
        let Some(at) = self.taken.get(&key) else {
            self.taken.insert(key, self.list.len());
            self.list.push(entry);
            return;
        };
        let first = &mut self.list[*at];
        let attributes = |entry: &Entry| (entry.mode.0, entry.owner.clone(), entry.group.clone());
        match (&first.kind, &entry.kind) {
            (Kind::Dir, Kind::Dir) if found_empty(first) => *first = entry,
            (Kind::Dir, Kind::Dir) if found_empty(&entry) => {}
            (Kind::Dir, Kind::Dir) if attributes(first) == attributes(&entry) => {}
            _ => work.found.error(twice(first, &entry)),
        }
    }
}

/// An empty directory of a source has no attributes of its own: modes are not taken from the disk.
fn found_empty(entry: &Entry) -> bool {
    matches!(entry.dest, Dest::InType(_) | Dest::Absolute(_))
        && entry.mode == Mode(0o755)
        && entry.owner == ROOT
}

/// Shared entries are named by their content or are the same file: the length tells enough.
fn same_content(first: &Entry, second: &Entry) -> bool {
    match (&first.kind, &second.kind) {
        (Kind::File(first), Kind::File(second)) => first.len() == second.len(),
        _ => false,
    }
}

fn twice(first: &Entry, second: &Entry) -> Diagnostic {
    let what = match &second.dest {
        Dest::TypeDir => format!("the directory of type `{}`", second.role.word()),
        Dest::InType(path) => format!("`{path}` of type `{}`", second.role.word()),
        Dest::Absolute(path) => format!("`/{path}`"),
    };
    let error = Diagnostic::usage("path.duplicate", format!("{what} is there twice"));
    let error = error.at(second.place.clone());
    match &first.place {
        Some(place) => error.label(format!("the other one is at {place}")),
        None => error,
    }
}

/// An entry of root's, to be completed.
fn entry(role: PayloadType) -> Entry {
    Entry {
        role,
        dest: Dest::TypeDir,
        kind: Kind::Dir,
        mode: Mode(0o644),
        owner: ROOT.into(),
        group: ROOT.into(),
        capabilities: None,
        component: None,
        place: None,
    }
}

fn kind(content: &Item) -> Kind {
    match &content.kind {
        ItemKind::EmptyDir => Kind::Dir,
        ItemKind::File { blob, .. } => Kind::File(Blob::clone(blob)),
        ItemKind::Symlink(target) => Kind::Symlink(target.clone()),
    }
}

/// Nothing but the owner's right to execute is taken from the disk.
fn mode(item: &FileItem, content: &Item) -> Mode {
    let written = item.mode.as_ref().map(|mode: &Spanned<FileMode>| mode.0);
    match content.kind {
        ItemKind::EmptyDir => Mode(0o755),
        ItemKind::Symlink(_) => Mode(0o777),
        ItemKind::File { .. } if written.is_some() => Mode(written.unwrap_or_default()),
        ItemKind::File { executable, .. }
            if executable || item.r#type.value == PayloadType::Bin =>
        {
            Mode(0o755)
        }
        ItemKind::File { .. } => Mode(0o644),
    }
}

fn capabilities(item: &FileItem, content: &Item) -> Option<String> {
    let file = matches!(content.kind, ItemKind::File { .. });
    item.capabilities.as_ref().filter(|_| file).map(|capabilities| capabilities.to_string())
}
