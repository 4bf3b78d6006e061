//! `[payload]`: what is shipped.

use std::collections::BTreeMap;

use super::{Account, Capabilities, FileMode, Path, Selector};
use crate::{
    diagnostic::Place,
    manifest::{Decoder, Node, Problem, Spanned},
    table, text,
    tree::PayloadType,
    words,
};

table! {
    /// Four lists: `type` says where an item goes, the list says what it is.
    pub struct Payload {
        /// The directory that `source` is relative to. `//path` always means the manifest's
        /// directory.
        root: Option<Spanned<Path>> => "the manifest's directory",
        /// Content from a source.
        files: Vec<Spanned<FileItem>>,
        /// Owned directories.
        dirs: Vec<Spanned<DirItem>>,
        /// Symbolic links.
        links: Vec<Spanned<LinkItem>>,
        /// Paths the package owns without shipping them.
        ghosts: Vec<Spanned<GhostItem>>,
    }
}

table! {
    /// Content from a source.
    #[check(check_file)]
    pub struct FileItem {
        /// A file, a directory (its content), a glob, `https://…`, `ollama:NAME[:TAG]`, `hf:…`.
        source: Option<Spanned<Source>>,
        /// The content itself instead of a source; `dest` is required then.
        text: Option<Spanned<String>>,
        /// Where it goes.
        r#type: Spanned<PayloadType>,
        /// Relative to the type's directory. Ends in `/`: a directory to put things in. Otherwise
        /// the file's own new path. Absolute only when `only` names exactly one OS.
        dest: Option<Spanned<Dest>> => "the file name",
        /// Permission bits, an octal string.
        mode: Option<Spanned<FileMode>> => "0755 for `bin` and for executable files, else 0644",
        /// Owner: root, or a `user` of a service of this package.
        owner: Option<Spanned<Account>> => "root",
        /// Group, by the same rule.
        group: Option<Spanned<Account>> => "root",
        /// Linux file capabilities: `cap_net_bind_service=ep`.
        capabilities: Option<Spanned<Capabilities>>,
        /// The component it belongs to.
        component: Option<Spanned<String>> => "the main part",
        /// Selectors: used only where one of them fits.
        only: Vec<Spanned<Selector>>,
        /// Selectors: not used where one of them fits.
        except: Vec<Spanned<Selector>>,
        /// The source is an archive (tar with gz, xz, zst; zip); its members are the files.
        unpack: bool = false,
        /// New names for paths inside a directory, glob or archive; a key ending in `/` is a prefix.
        rename: BTreeMap<String, String>,
        /// A missing source is no error.
        optional: bool = false,
        /// For a GGUF file of type `model`: `ollama:NAME[:TAG]` lays it out as a complete Ollama
        /// store.
        r#as: Option<Spanned<String>>,
    }
}

table! {
    /// An owned directory.
    pub struct DirItem {
        /// Where it is.
        r#type: Spanned<PayloadType>,
        /// Relative to the type's directory.
        dest: Option<Spanned<Dest>> => "the type's directory itself",
        /// Permission bits, an octal string.
        mode: Option<Spanned<FileMode>> => "0755",
        /// Owner: root, or a `user` of a service of this package.
        owner: Option<Spanned<Account>> => "root",
        /// Group, by the same rule.
        group: Option<Spanned<Account>> => "root",
        /// The component it belongs to.
        component: Option<Spanned<String>> => "the main part",
        /// Selectors: used only where one of them fits.
        only: Vec<Spanned<Selector>>,
        /// Selectors: not used where one of them fits.
        except: Vec<Spanned<Selector>>,
    }
}

table! {
    /// A symbolic link.
    #[check(check_link)]
    pub struct LinkItem {
        /// Where it is.
        r#type: Spanned<PayloadType>,
        /// Its own path, relative to the type's directory.
        dest: Spanned<Dest>,
        /// What it points to, as the link's text: relative to the link, or absolute.
        target: Spanned<String>,
        /// The component it belongs to.
        component: Option<Spanned<String>> => "the main part",
        /// Selectors: used only where one of them fits.
        only: Vec<Spanned<Selector>>,
        /// Selectors: not used where one of them fits.
        except: Vec<Spanned<Selector>>,
    }
}

table! {
    /// A path the package owns without shipping it: `%ghost` in rpm, removed on purge elsewhere.
    #[check(check_ghost)]
    pub struct GhostItem {
        /// Where it is.
        r#type: Spanned<PayloadType>,
        /// Its path, relative to the type's directory.
        dest: Spanned<Dest>,
        /// Permission bits, an octal string.
        mode: Option<Spanned<FileMode>> => "0644",
        /// Owner: root, or a `user` of a service of this package.
        owner: Option<Spanned<Account>> => "root",
        /// Group, by the same rule.
        group: Option<Spanned<Account>> => "root",
        /// The component it belongs to.
        component: Option<Spanned<String>> => "the main part",
        /// Selectors: used only where one of them fits.
        only: Vec<Spanned<Selector>>,
        /// Selectors: not used where one of them fits.
        except: Vec<Spanned<Selector>>,
    }
}

text! {
    /// Where content comes from.
    pub struct Source("a source", source);
}

text! {
    /// Where an item goes: relative to its type's directory, or absolute.
    pub struct Dest("a destination", dest);
}

impl Dest {
    /// From the root of the system, on Unix (`/x`) or Windows (`C:/x`).
    pub fn is_absolute(&self) -> bool {
        self.starts_with('/') || self.as_bytes().get(1) == Some(&b':')
    }
}

fn source(text: &str) -> Result<(), Problem> {
    Path::check(text)?;
    match text.split_once(':') {
        Some(("http" | "https", rest)) if !rest.starts_with("//") || rest.len() == 2 => {
            Err(Problem::new(format!("`{text}` is no URL")))
        }
        Some(("ollama" | "hf", "")) => Err(Problem::new(format!("`{text}` names no model"))),
        _ => Ok(()),
    }
}

fn dest(text: &str) -> Result<(), Problem> {
    Path::check(text)?;
    if text.split('/').any(|part| part == "..") {
        Err(Problem::new(format!("`{text}` leaves its directory with `..`")))
    } else {
        Ok(())
    }
}

fn check_file(item: &FileItem, node: &Node, to: &mut Decoder) {
    let mut say = |message: &str, place: Option<&Place>| {
        to.note("payload.item", message, place.or(node.place.as_ref()));
    };
    // A key that is there and wrong has been reported.
    let written = |key: &str| node.get(key).is_some();
    match (&item.source, &item.text) {
        (None, None) if written("source") || written("text") => {}
        (None, None) => say("the item has neither `source` nor `text`", None),
        (Some(_), Some(text)) => {
            say("the item has both `source` and `text`", text.place.as_ref());
        }
        (None, Some(text)) => {
            let place = text.place.as_ref();
            match &item.dest {
                None if written("dest") => {}
                None => say("`text` needs a `dest`: the file's name", place),
                Some(dest) if dest.ends_with('/') => {
                    say("`dest` of a `text` is the file's own path", dest.place.as_ref());
                }
                Some(_) => {}
            }
            if item.unpack || !item.rename.is_empty() {
                say("`unpack` and `rename` need a `source`", place);
            }
        }
        (Some(_), None) => {}
    }
    if let Some(store) = &item.r#as {
        let named = store.strip_prefix("ollama:").is_some_and(|name| !name.is_empty());
        if !named && !to.deferred(store) {
            let problem = Problem::new(format!("`as` cannot be `{}`", store.value))
                .hint("it is `ollama:NAME` or `ollama:NAME:TAG`");
            to.problem(problem, store.place.as_ref());
        }
        if item.r#type.value != PayloadType::Model {
            to.note("payload.item", "`as` is for items of type `model`", store.place.as_ref());
        }
    }
}

fn check_link(item: &LinkItem, _node: &Node, to: &mut Decoder) {
    own_path(&item.dest, "a link", to);
    if item.target.is_empty() || item.target.chars().any(char::is_control) {
        let message = "the target of a link is empty or holds a control character";
        to.note("payload.item", message, item.target.place.as_ref());
    }
}

fn check_ghost(item: &GhostItem, _node: &Node, to: &mut Decoder) {
    own_path(&item.dest, "a ghost", to);
}

fn own_path(dest: &Spanned<Dest>, what: &str, to: &mut Decoder) {
    if dest.ends_with('/') {
        let message = format!("`dest` of {what} is its own path, and ends in `/`");
        to.note("payload.item", message, dest.place.as_ref());
    }
}

/// What all kinds of items have in common.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// It is a directory: two of them may be one.
    pub dir: bool,
    /// Where it goes.
    pub role: PayloadType,
    /// Where below.
    pub dest: Option<&'a Spanned<Dest>>,
    /// Its owner.
    pub owner: Option<&'a Spanned<Account>>,
    /// Its group.
    pub group: Option<&'a Spanned<Account>>,
    /// Its component.
    pub component: Option<&'a Spanned<String>>,
    /// Where it is used.
    pub only: &'a [Spanned<Selector>],
    /// Where it is not used.
    pub except: &'a [Spanned<Selector>],
}

impl Payload {
    /// All items: files, directories, links, ghosts.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        macro_rules! item {
            ($item:ident, $dir:expr, $dest:expr, $owner:expr, $group:expr) => {
                Item {
                    dir: $dir,
                    role: $item.r#type.value,
                    dest: $dest,
                    owner: $owner,
                    group: $group,
                    component: $item.component.as_ref(),
                    only: &$item.only,
                    except: &$item.except,
                }
            };
        }
        let files = self.files.iter().map(|file| {
            item!(file, false, file.dest.as_ref(), file.owner.as_ref(), file.group.as_ref())
        });
        let dirs = self
            .dirs
            .iter()
            .map(|dir| item!(dir, true, dir.dest.as_ref(), dir.owner.as_ref(), dir.group.as_ref()));
        let links = self.links.iter().map(|link| item!(link, false, Some(&link.dest), None, None));
        let ghosts = self.ghosts.iter().map(|ghost| {
            item!(ghost, false, Some(&ghost.dest), ghost.owner.as_ref(), ghost.group.as_ref())
        });
        files.chain(dirs).chain(links).chain(ghosts)
    }
}

words! { PayloadType {
    Bin = "bin": "programs the user calls",
    Libexec = "libexec": "programs that other programs call, with what must lie beside them",
    Lib = "lib": "libraries",
    Config = "config": "what the administrator edits: kept on upgrade",
    Data = "data": "read-only data",
    Model = "model": "weights of models",
    State = "state": "what the program keeps while it runs",
    Log = "log": "what the program logs",
    Cache = "cache": "what the program can make again",
    Service = "service": "a unit or plist file as it stands",
    Icon = "icon": "an icon file",
    Doc = "doc": "documentation",
    Man = "man": "manual pages",
    License = "license": "texts of licences",
    Completion = "completion": "completions of shells",
} }
