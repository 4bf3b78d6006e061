//! `[component.NAME]` and `[launcher.NAME]`.

use std::collections::BTreeMap;

use super::{EnvName, Line, Selector, Url};
use crate::{
    manifest::{Decode, Decoder, Node, Shape, Spanned, Value},
    package::Version,
    table, words,
};

table! {
    /// A part of the package with its own version and its own way to the user. Items name it with
    /// `component = "NAME"`; all others are the main part.
    pub struct Component {
        /// What it is, in one line.
        summary: Spanned<Line>,
        /// Its own version.
        version: Option<Spanned<Version>> => "the package's",
        /// `any`: built once for all targets (`Architecture: all`, `noarch`).
        arch: Option<ArchRule> => "the target's",
        /// Always installed with the package. `false`: Recommends in deb and rpm, an unticked
        /// choice in pkg and nsis.
        required: bool = true,
        /// How it reaches the user, by format or spelling: `{ deb = "split", nsis = "sidecar" }`.
        deliver: BTreeMap<String, Spanned<Delivery>> => "`split` for deb, rpm, pkg; `embed` elsewhere",
        /// Where it is downloaded from, for `fetch`; may use `{{ sha256 }}`.
        url: Option<Spanned<Url>>,
    }
}

/// For which architectures a component is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchRule {
    /// Once for all.
    Any,
}

words! { ArchRule { Any = "any": "once for all targets" } }

/// How a component reaches the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Inside the artifact.
    Embed,
    /// A package of its own.
    Split,
    /// Parts beside the installer.
    Sidecar,
    /// Downloaded by digest.
    Fetch,
}

words! { Delivery {
    Embed = "embed": "inside the artifact, within the format's limit",
    Split = "split": "a package of its own (deb, rpm, pkg)",
    Sidecar = "sidecar": "parts beside the installer, pinned inside it (nsis, msi)",
    Fetch = "fetch": "downloaded by digest at install time or by the program",
} }

table! {
    /// A small generated program that finds another one, sets its environment and becomes it.
    /// A POSIX script on Unix, a `.cmd` on Windows; arguments, exit code and signals pass through.
    #[check(check_launcher)]
    pub struct Launcher {
        /// First hit wins: `env:VAR` (a path the user set), `path:NAME` (on PATH), else a path.
        find: Vec<Spanned<String>>,
        /// Instead of `find`: one program and leading arguments.
        exec: Vec<Spanned<String>>,
        /// Variables: `"value"`, `{ default = "v" }`, `{ prefix = "v" }` or `{ suffix = "v" }`,
        /// the last two with `separator`.
        env: BTreeMap<EnvName, LauncherEnv>,
        /// `libexec` hides it from PATH.
        r#type: LauncherType = LauncherType::Bin => "bin",
        /// Selectors: made only where one of them fits.
        only: Vec<Spanned<Selector>>,
        /// Selectors: not made where one of them fits.
        except: Vec<Spanned<Selector>>,
    }
}

fn check_launcher(_: &Launcher, node: &Node, to: &mut Decoder) {
    let empty = |key| node.get(key).and_then(Node::as_array).is_some_and(<[Node]>::is_empty);
    if node.get("find").is_some() == node.get("exec").is_some() || empty("find") || empty("exec") {
        let message = format!("`{}` needs either `find` or `exec`", to.path());
        to.note("manifest.value", message, node.place.as_ref());
    }
}

/// Where a launcher is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LauncherType {
    /// On PATH.
    Bin,
    /// Hidden.
    Libexec,
}

words! { LauncherType {
    Bin = "bin": "on PATH",
    Libexec = "libexec": "hidden from PATH",
} }

/// What a launcher does to a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LauncherEnv {
    /// Sets it.
    Set(String),
    /// Sets it unless it is set.
    Default(String),
    /// Puts something in front, with the separator, if one was written.
    Prefix(String, Option<String>),
    /// Puts something behind, with the separator, if one was written.
    Suffix(String, Option<String>),
}

impl Decode for LauncherEnv {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let keys = ["default", "prefix", "suffix"];
        match &node.value {
            Value::String(text) => return Some(Self::Set(text.clone())),
            Value::Table(_) => {}
            _ => {
                to.wrong_type(node, "a string or a table");
                return None;
            }
        }
        to.unknown_keys(node, &["default", "prefix", "suffix", "separator"].map(str::to_owned));
        let [default, prefix, suffix] = keys.map(|key| to.field::<Option<String>>(node, key));
        let separator = to.field::<Option<String>>(node, "separator")?;
        match (default?, prefix?, suffix?) {
            (Some(text), None, None) if separator.is_none() => Some(Self::Default(text)),
            (None, Some(text), None) => Some(Self::Prefix(text, separator)),
            (None, None, Some(text)) => Some(Self::Suffix(text, separator)),
            _ => {
                let message = format!(
                    "`{}` needs one of `default`, `prefix` and `suffix`; `separator` goes with the last two",
                    to.path()
                );
                to.note("manifest.value", message, node.place.as_ref());
                None
            }
        }
    }

    fn shape() -> Shape {
        let text = || Shape::Text("text");
        Shape::Either(vec![
            text(),
            Shape::Record(
                "LauncherEnv",
                vec![
                    ("default", text(), false),
                    ("prefix", text(), false),
                    ("suffix", text(), false),
                    ("separator", text(), false),
                ],
            ),
        ])
    }
}

impl Decode for Version {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let mut version = None;
        to.checked(node, |text| {
            let parsed = Self::parse(text);
            version = Some(parsed.map_err(|e| crate::manifest::Problem::new(e.to_string()))?);
            Ok(())
        })?;
        version
    }

    fn shape() -> Shape {
        Shape::Text("a semantic version")
    }
}
