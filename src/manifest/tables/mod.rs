//! The tables of the manifest, as the user may write them.

mod component;
mod compression;
mod package;
mod payload;
mod publish;
mod service;
mod system;
mod texts;

use std::collections::BTreeMap;

pub use component::{ArchRule, Component, Delivery, Launcher, LauncherEnv, LauncherType};
pub use compression::{Compression, level_of};
pub use package::{PackageTable, Platform, Targets, VersionSource};
pub use payload::{Dest, DirItem, FileItem, GhostItem, Item, LinkItem, Payload, Source};
pub use publish::{
    Checksum, CommandInput, Notarize, Release, ReleaseApt, ReleaseDnf, ReleaseGithub,
    ReleaseHomebrew, ReleaseInstallScript, ReleaseWinget, Sbom, Secret, Sign, SignGpg, SignMacos,
    SignMode, SignWindows,
};
pub use service::{After, Health, Scripts, ServiceTable, ServiceWindows, UnitValue};
pub use system::{
    Association, Desktop, DesktopTable, Linux, LinuxLayout, Macos, RawTable, Windows, WindowsScope,
};
pub use texts::{
    Account, Capabilities, Duration, EnvName, FileMode, FileName, Fingerprint, Guid, Identifier,
    Licence, Line, MimeType, Numbers, Path, Repo, Scheme, Selector, ServiceName, Size, Title, Url,
    canonical_licence,
};

use super::{Decode, Decoder, Node, Shape, Spanned, Table};
use crate::table;

table! {
    /// One file from which every package of every system is made.
    pub struct Root {
        /// Identity: what the product is called, which version it is, who made it.
        package: PackageTable,
        /// The matrix of systems, architectures and formats.
        targets: Option<Targets>,
        /// Your own template names: `[vars] channel = "beta"` makes `{{ channel }}`.
        vars: BTreeMap<String, String>,
        /// What is shipped.
        payload: Payload,
        /// Parts of the package with their own version and their own way to the user.
        component: BTreeMap<String, Component>,
        /// The same product built differently: cpu, cuda, rocm.
        variant: BTreeMap<String, Variant>,
        /// Small generated programs that find another one, set its environment and become it.
        launcher: BTreeMap<ServiceName, Launcher>,
        /// Background programs.
        service: BTreeMap<ServiceName, ServiceTable>,
        /// Scripts of your own, by selector. The last resort.
        scripts: BTreeMap<Selector, Scripts>,
        /// Exceptions, by selector: merged into the whole manifest.
        r#override: BTreeMap<Selector, Layer>,
        /// The menu entry, one for every system that has menus; `false` switches it off.
        desktop: Option<Desktop>,
        /// Facts that the formats of Linux share.
        linux: Linux,
        /// Facts that the formats of macOS share.
        macos: Macos,
        /// Facts that the formats of Windows share.
        windows: Windows,
        /// Where keys come from. No secret is ever written in the manifest.
        sign: Sign,
        /// Publishing.
        release: Release,
    }
}

/// A part of the manifest that is merged over the rest of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer(pub Node);

impl Decode for Layer {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        if node.as_table().is_none() {
            to.wrong_type(node, "a table");
            return None;
        }
        Some(Self(node.clone()))
    }

    fn shape() -> Shape {
        Shape::Layer
    }
}

table! {
    /// How one of several builds of the product differs. Any other table of the manifest may be in
    /// it too: it is merged where this variant is built.
    pub struct VariantKeys {
        /// Takes the bare name. Exactly one does.
        default: bool = false,
        /// Appended to the package's name: `-cuda`.
        suffix: Option<Spanned<Line>> => "`-` and the variant's name",
        /// Selectors: built only where one of them fits.
        only: Vec<Spanned<Selector>>,
    }
}

/// One `[variant.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its own keys.
    pub keys: VariantKeys,
    /// Tables that are merged where it is built.
    pub layer: Node,
}

impl Variant {
    /// The variant's own keys.
    pub const KEYS: [&'static str; 3] = ["default", "suffix", "only"];
}

impl Decode for Variant {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let Some(table) = node.as_table() else {
            to.wrong_type(node, "a table");
            return None;
        };
        let (mut own, mut layer) = (Table::default(), Table::default());
        for (key, node) in table.iter() {
            let part = if Self::KEYS.contains(&key.name.as_str()) { &mut own } else { &mut layer };
            part.insert(key.clone(), node.clone());
        }
        let own = Node { value: own.into(), place: node.place.clone() };
        let layer = Node { value: layer.into(), place: node.place.clone() };
        VariantKeys::decode(&own, to).map(|keys| Self { keys, layer })
    }

    fn shape() -> Shape {
        let Shape::Table(keys) = VariantKeys::shape() else { return Shape::Layer };
        Shape::Table(super::TableShape { layer: true, ..keys })
    }
}
