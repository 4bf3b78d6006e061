//! `[desktop]`, `[linux]`, `[macos]`, `[windows]`.

use super::{Guid, Line, MimeType, Numbers, Scheme};
use crate::{
    manifest::{Decode, Decoder, Node, Shape, Spanned, Table, Value},
    table, words,
};

/// `[desktop]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Desktop {
    /// `desktop = false`: no menu entry.
    Off,
    /// A menu entry.
    On(DesktopTable),
}

table! {
    /// The menu entry: a .desktop file, a Start menu entry. There is one when this table is
    /// present, or when the package has an `icon` and a `bin`. `desktop = false` switches it off.
    pub struct DesktopTable {
        /// The program: the file name of a `bin`, and arguments.
        exec: Option<Spanned<Line>> => "the first `bin`",
        /// What the menu shows.
        title: Option<Line> => "the package's title",
        /// One line about it.
        comment: Option<Line> => "the summary",
        /// Categories of the freedesktop menu.
        categories: Vec<Spanned<Line>>,
        /// Words a search finds it by.
        keywords: Vec<Spanned<Line>>,
        /// Types it opens: `text/markdown`.
        mime_types: Vec<Spanned<MimeType>>,
        /// Schemes it opens: `offgrid` for `offgrid://…`.
        url_schemes: Vec<Spanned<Scheme>>,
        /// Whether it needs a terminal.
        terminal: bool = false,
    }
}

impl Decode for Desktop {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        match node.value {
            Value::Bool(false) => Some(Self::Off),
            Value::Table(_) => DesktopTable::decode(node, to).map(Self::On),
            _ => {
                to.wrong_type(node, "a table or `false`");
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Either(vec![DesktopTable::shape(), Shape::Only(false)])
    }
}

table! {
    /// Facts that the formats of Linux share.
    pub struct Linux {
        /// Where deb and rpm put things.
        layout: LinuxLayout = LinuxLayout::Fhs => "fhs",
    }
}

/// Where deb and rpm put things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinuxLayout {
    /// /usr, /etc, /var.
    Fhs,
    /// /opt/NAME.
    Opt,
}

words! { LinuxLayout {
    Fhs = "fhs": "/usr, /etc, /var",
    Opt = "opt": "/opt/NAME, with links in /usr/bin",
} }

table! {
    /// Facts that the formats of macOS share.
    pub struct Macos {
        /// The oldest macOS it runs on: `12.0`.
        min_version: Option<Spanned<Numbers>> => "what the programs say",
    }
}

table! {
    /// Facts that the formats of Windows share.
    pub struct Windows {
        /// For whom it is installed.
        scope: WindowsScope = WindowsScope::Machine => "machine",
        /// Adds the programs' directory to PATH, and takes it out on uninstall.
        path: bool = false,
        /// The GUID that ties versions of an MSI together. Never change it, or installed ones are
        /// orphaned.
        upgrade_code: Option<Spanned<Guid>> => "derived from `identifier`",
        /// File types it opens.
        associations: Vec<Spanned<Association>>,
    }
}

/// For whom Windows installs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowsScope {
    /// Everybody.
    Machine,
    /// The user.
    User,
    /// The user chooses.
    Ask,
}

words! { WindowsScope {
    Machine = "machine": "everybody on the machine",
    User = "user": "the user who installs it",
    Ask = "ask": "the user chooses",
} }

table! {
    /// A file type it opens.
    pub struct Association {
        /// The extension, without a dot.
        extension: Spanned<Line>,
        /// What such a file is.
        description: Option<Line>,
        /// Its MIME type.
        mime_type: Option<MimeType>,
    }
}

/// Keys that are passed on as they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawTable(pub Table);

impl Decode for RawTable {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let table = node.as_table();
        if table.is_none() {
            to.wrong_type(node, "a table");
        }
        table.map(|table| Self(table.clone()))
    }

    fn shape() -> Shape {
        Shape::Map("a key", Box::new(Shape::Any))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}
