//! `[payload]`: what is shipped.

use std::collections::BTreeMap;

use super::{Capabilities, FileMode, Path, Selector};
use crate::{manifest::Spanned, table, tree::PayloadType, words};

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
    pub struct FileItem {
        /// A file, a directory (its content), a glob, `https://…`, `ollama:NAME[:TAG]`, `hf:…`.
        source: Option<Spanned<String>>,
        /// The content itself instead of a source; `dest` is required then.
        text: Option<Spanned<String>>,
        /// Where it goes.
        r#type: Spanned<PayloadType>,
        /// Relative to the type's directory. Ends in `/`: a directory to put things in. Otherwise
        /// the file's own new path. Absolute only when `only` names exactly one OS.
        dest: Option<Spanned<String>> => "the file name",
        /// Permission bits, an octal string.
        mode: Option<Spanned<FileMode>> => "0755 for `bin` and for executable files, else 0644",
        /// Owner: root, or a `user` of a service of this package.
        owner: Option<Spanned<String>> => "root",
        /// Group, by the same rule.
        group: Option<Spanned<String>> => "root",
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
        dest: Option<Spanned<String>> => "the type's directory itself",
        /// Permission bits, an octal string.
        mode: Option<Spanned<FileMode>> => "0755",
        /// Owner: root, or a `user` of a service of this package.
        owner: Option<Spanned<String>> => "root",
        /// Group, by the same rule.
        group: Option<Spanned<String>> => "root",
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
    pub struct LinkItem {
        /// Where it is.
        r#type: Spanned<PayloadType>,
        /// Its own path, relative to the type's directory.
        dest: Spanned<String>,
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
    pub struct GhostItem {
        /// Where it is.
        r#type: Spanned<PayloadType>,
        /// Its path, relative to the type's directory.
        dest: Spanned<String>,
        /// Permission bits, an octal string.
        mode: Option<Spanned<FileMode>> => "0644",
        /// Owner: root, or a `user` of a service of this package.
        owner: Option<Spanned<String>> => "root",
        /// Group, by the same rule.
        group: Option<Spanned<String>> => "root",
        /// The component it belongs to.
        component: Option<Spanned<String>> => "the main part",
        /// Selectors: used only where one of them fits.
        only: Vec<Spanned<Selector>>,
        /// Selectors: not used where one of them fits.
        except: Vec<Spanned<Selector>>,
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
