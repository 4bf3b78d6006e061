//! `[package.metadata.deb]`, as cargo-deb 3.8 reads it.

use std::collections::BTreeSet;

use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    manifest::{Decode, Decoder, Node, Problem, Shape, Spanned, Table, Value},
    table,
};

table! {
    /// What cargo-deb would make a package from.
    pub struct DebTable {
        /// The package's name.
        name: Option<Spanned<String>>,
        /// `Maintainer`.
        maintainer: Option<Spanned<String>>,
        /// Holder line of `copyright`.
        copyright: Option<Spanned<String>>,
        /// A file, or a file and how many of its first lines to leave out.
        license_file: Option<LicenseFile>,
        /// A changelog in Debian's form.
        changelog: Option<Spanned<String>>,
        /// Relations.
        depends: Option<Relation>,
        /// Relations.
        pre_depends: Option<Relation>,
        /// Relations.
        recommends: Option<Relation>,
        /// Relations.
        suggests: Option<Relation>,
        /// Relations.
        enhances: Option<Relation>,
        /// Relations.
        conflicts: Option<Relation>,
        /// Relations.
        breaks: Option<Relation>,
        /// Relations.
        replaces: Option<Relation>,
        /// Relations.
        provides: Option<Relation>,
        /// What it is, at length.
        extended_description: Option<Spanned<String>>,
        /// A file that says what it is.
        extended_description_file: Option<Spanned<String>>,
        /// `Section`.
        section: Option<Spanned<String>>,
        /// `Priority`.
        priority: Option<Spanned<String>>,
        /// What follows the version after a dash; empty for none.
        revision: Option<Spanned<String>>,
        /// Installed paths that are conffiles outside `/etc`.
        conf_files: Vec<Spanned<String>>,
        /// What is installed.
        assets: Option<Vec<Asset>>,
        /// How a variant changes `assets`.
        merge_assets: Option<MergeAssets>,
        /// A file for dpkg's triggers.
        triggers_file: Option<Spanned<String>>,
        /// The folder of preinst, postinst, prerm, postrm, config and templates.
        maintainer_scripts: Option<Spanned<String>>,
        /// Cargo features.
        features: Vec<String>,
        /// Whether Cargo's default features are on.
        default_features: Option<bool>,
        /// Debug symbols in files of their own.
        separate_debug_symbols: Option<Spanned<bool>>,
        /// Debug symbols in a package of their own.
        dbgsym: Option<Spanned<bool>>,
        /// Pack those.
        compress_debug_symbols: Option<Spanned<bool>>,
        /// Symlinks stay symlinks.
        preserve_symlinks: Option<bool>,
        /// Units to find, install and register.
        systemd_units: Option<Units>,
        /// The same tables again, by name.
        variants: Option<Node>,
        /// Cargo profile.
        profile: Option<Spanned<String>>,
    }
}

table! {
    /// Units to find, and what becomes of them.
    pub struct UnitTable {
        /// The folder they are in.
        unit_scripts: Option<Spanned<String>>,
        /// Only this unit.
        unit_name: Option<Spanned<String>>,
        /// Whether they start at boot.
        enable: bool = true,
        /// Whether installing starts them.
        start: bool = true,
        /// Restarted once the new files are there.
        restart_after_upgrade: bool = true,
        /// Stopped before files are replaced, unless restarted after.
        stop_on_upgrade: bool = true,
        /// Of older versions: below `/usr/lib`, which is where units go now anyway.
        usr_merge: Option<Spanned<bool>>,
    }
}

table! {
    /// How a variant changes the list it inherits.
    pub struct MergeAssets {
        /// At the end.
        append: Vec<Asset>,
        /// In place of what has the same source or destination.
        by: Option<MergeBy>,
    }
}

table! {
    /// What makes two assets the same.
    pub struct MergeBy {
        /// The source.
        src: Option<Vec<Asset>>,
        /// The destination.
        dest: Option<Vec<Asset>>,
    }
}

/// `license-file`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LicenseFile {
    /// Where it is.
    pub path: Spanned<String>,
    /// How many lines at its top are left out.
    pub skip_lines: u32,
}

/// A list of relations, written as one string or as several.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Relation(pub Vec<Spanned<String>>);

/// One table of units or several.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Units(pub Vec<UnitTable>);

/// An item of `assets`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asset {
    /// `"$auto"`: programs, shared libraries and the readme.
    Auto(Option<Place>),
    /// A file or files.
    File(FileAsset),
    /// A link that is not on disk.
    Link {
        /// Where it is made.
        dest: Spanned<String>,
        /// What it points to.
        target: Spanned<String>,
    },
}

/// `[source, dest, mode]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FileAsset {
    /// A path or glob of the package's directory, or below `target/release/`.
    pub source: Spanned<String>,
    /// An installed path; a directory when it ends in `/`.
    pub dest: Spanned<String>,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Symlinks stay symlinks.
    pub preserve_symlinks: Option<bool>,
}

impl DebTable {
    /// Reads the table, or the variant `name` laid over it. Mistakes are looked for in all of it.
    pub(super) fn read(
        table: Option<&Node>,
        variant: Option<&str>,
        found: &mut Diagnostics,
    ) -> Option<Self> {
        let empty = Node::new(Table::default());
        let base = table.unwrap_or(&empty);
        let variants: Vec<_> = base.get("variants").into_iter().flat_map(Node::rows).collect();
        let mut to = Decoder::default();
        let plain = to.within(TABLE, |to| Self::decode(base, to));
        for (key, node) in &variants {
            to.within(&format!("{TABLE}.variants.{}", key.name), |to| Self::decode(node, to));
        }
        let stop = !to.found.is_ok();
        found.append(to.found);
        let Some(name) = variant else { return plain.filter(|_| !stop) };
        let Some((_, node)) = variants.iter().find(|(key, _)| key.name == name) else {
            let names = variants.iter().map(|(key, _)| key.name.as_str());
            found.error(unknown_variant(name, base.place.clone(), names));
            return None;
        };
        let merged = Self::decode(&laid_over(base, node), &mut Decoder::default())?;
        Some(merged.with_merged_assets(found)).filter(|_| !stop)
    }

    /// Applies `merge-assets`, which only variants may use: first `append`, then `by`.
    fn with_merged_assets(mut self, found: &mut Diagnostics) -> Self {
        let Some(merge) = self.merge_assets.take() else { return self };
        if self.assets.is_none() {
            let message = "`merge-assets` has no `assets` to merge with";
            found.warning(Diagnostic::usage("cargo.merge-assets", message));
        }
        let mut assets = self.assets.take().unwrap_or_default();
        assets.extend(merge.append);
        let by = merge.by.unwrap_or(MergeBy { src: None, dest: None });
        if let Some(others) = by.src {
            assets = merged_by(assets, &others, Asset::source);
        }
        if let Some(others) = by.dest {
            assets = merged_by(assets, &others, Asset::dest);
        }
        self.assets = Some(assets);
        self
    }
}

/// Where the table stands in `Cargo.toml`.
const TABLE: &str = "package.metadata.deb";

/// A variant's keys take the place of the base's; `merge-assets` and `variants` are not inherited.
fn laid_over(base: &Node, variant: &Node) -> Node {
    let mut merged = base.as_table().cloned().unwrap_or_default();
    merged.remove("merge-assets");
    merged.remove("variants");
    for (key, node) in variant.rows() {
        merged.insert(key.clone(), node.clone());
    }
    Node { value: Value::Table(merged), place: variant.place.clone() }
}

/// What has the key of another gives way to it; what has no key is left out, except `$auto`.
fn merged_by(assets: Vec<Asset>, others: &[Asset], key: fn(&Asset) -> Option<&str>) -> Vec<Asset> {
    let auto = assets.iter().chain(others).find(|asset| matches!(asset, Asset::Auto(_))).cloned();
    let taken: BTreeSet<_> = others.iter().filter_map(key).collect();
    let kept = |asset: &Asset| key(asset).is_some_and(|key| !taken.contains(key));
    let base = assets.into_iter().filter(kept);
    let others = others.iter().filter(|asset| key(asset).is_some()).cloned();
    base.chain(others).chain(auto).collect()
}

fn unknown_variant<'a>(
    name: &str,
    place: Option<Place>,
    names: impl Iterator<Item = &'a str>,
) -> Diagnostic {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    let error = Diagnostic::usage("cargo.variant", format!("there is no variant `{name}`"));
    if names.is_empty() {
        error.at(place).hint("variants are tables [package.metadata.deb.variants.NAME]")
    } else {
        error.at(place).hint(format!("there are {}", names.join(", ")))
    }
}

impl Asset {
    fn source(&self) -> Option<&str> {
        match self {
            Self::File(file) => Some(&file.source),
            Self::Link { .. } | Self::Auto(_) => None,
        }
    }

    fn dest(&self) -> Option<&str> {
        match self {
            Self::File(FileAsset { dest, .. }) | Self::Link { dest, .. } => Some(dest),
            Self::Auto(_) => None,
        }
    }
}

impl Decode for LicenseFile {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let Some(items) = node.as_array() else {
            let path = Decode::decode(node, to)?;
            return Some(Self { path, skip_lines: 0 });
        };
        let (path, lines) = match items {
            [path] => (path, None),
            [path, lines] => (path, Some(lines)),
            _ => {
                to.wrong_type(node, "a path, or a path and a number of lines");
                return None;
            }
        };
        let path = Decode::decode(path, to)?;
        let skip_lines = lines.map_or(Some(0), |node| {
            let text = node.as_str().map(str::to_owned);
            let number = text.or_else(|| node.as_integer().map(|number| number.to_string()));
            let number = number.and_then(|number| number.parse().ok());
            if number.is_none() {
                to.wrong_type(node, "a number of lines");
            }
            number
        });
        Some(Self { path, skip_lines: skip_lines? })
    }

    fn shape() -> Shape {
        Shape::Any
    }
}

impl Decode for Relation {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let texts: Vec<Spanned<String>> = match node.value {
            Value::String(_) => vec![Decode::decode(node, to)?],
            Value::Array(_) => Decode::decode(node, to)?,
            _ => {
                to.wrong_type(node, "a string or a list of strings");
                return None;
            }
        };
        let one = |text: &Spanned<String>| {
            let place = text.place.clone();
            let words: Vec<_> = text.split(',').map(|word| word.trim().to_owned()).collect();
            let words = words.into_iter().filter(|word| !word.is_empty());
            words.map(move |value| Spanned { value, place: place.clone() }).collect::<Vec<_>>()
        };
        Some(Self(texts.iter().flat_map(one).collect()))
    }

    fn shape() -> Shape {
        Shape::Any
    }
}

impl Decode for Units {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        match node.value {
            Value::Table(_) => Some(Self(vec![UnitTable::decode(node, to)?])),
            Value::Array(_) => Decode::decode(node, to).map(Self),
            _ => {
                to.wrong_type(node, "a table or a list of tables");
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Any
    }
}

impl Decode for Asset {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        match &node.value {
            Value::String(text) if text == "$auto" => Some(Self::Auto(node.place.clone())),
            Value::Array(items) if (2..=3).contains(&items.len()) => {
                file_asset(&items[0], &items[1], items.get(2), None, to)
            }
            Value::Table(table) => asset_table(node, table, to),
            _ => {
                to.wrong_type(node, "[source, dest, mode], a table of these, or \"$auto\"");
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Any
    }
}

/// cargo-deb overlooks keys it does not know here, so they only earn a warning.
fn asset_table(node: &Node, table: &Table, to: &mut Decoder) -> Option<Asset> {
    const KNOWN: [&str; 6] =
        ["source", "dest", "mode", "preserve_symlinks", "preserve-symlinks", "link_name"];
    for (key, _) in table.iter().filter(|(key, _)| !KNOWN.contains(&key.name.as_str())) {
        let message = format!("an asset has no key `{}`, which is left out", key.name);
        let warning = Diagnostic::usage("cargo.unknown-key", message).at(key.place.clone());
        to.found
            .warning(warning.hint("known are source, dest, mode, preserve_symlinks, link_name"));
    }
    if table.get("link_name").is_some() {
        let (dest, target) = (to.field(node, "dest"), to.field(node, "link_name"));
        return Some(Asset::Link { dest: dest?, target: target? });
    }
    let (Some(source), Some(dest)) = (table.get("source"), table.get("dest")) else {
        to.field::<String>(node, "source");
        to.field::<String>(node, "dest");
        return None;
    };
    let preserve = table.get("preserve_symlinks").or(table.get("preserve-symlinks"));
    let preserve = preserve.map(|node| bool::decode(node, to));
    file_asset(source, dest, table.get("mode"), preserve.flatten(), to)
}

fn file_asset(
    source: &Node,
    dest: &Node,
    mode: Option<&Node>,
    preserve_symlinks: Option<bool>,
    to: &mut Decoder,
) -> Option<Asset> {
    let source: Option<Spanned<String>> = Decode::decode(source, to);
    let dest: Option<Spanned<String>> = Decode::decode(dest, to);
    let mode = mode.map(|node| octal(node, to));
    if let Some((source, problem)) =
        source.as_ref().and_then(|source| Some((source, wrong_target_dir(source)?)))
    {
        to.problem(problem, source.place.as_ref());
    }
    let mode = match mode {
        Some(None) => return None,
        mode => mode.flatten(),
    };
    Some(Asset::File(FileAsset { source: source?, dest: dest?, mode, preserve_symlinks }))
}

fn octal(node: &Node, to: &mut Decoder) -> Option<u32> {
    let text = String::decode(node, to)?;
    let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o7777);
    if mode.is_none() {
        let problem = Problem::new(format!("`{text}` is no file mode"));
        to.problem(problem.hint("octal digits in quotes: \"644\""), node.place.as_ref());
    }
    mode
}

/// `target/release/` stands for wherever Cargo puts it; other spellings would ship stale files.
fn wrong_target_dir(source: &str) -> Option<Problem> {
    let mut parts = source.split('/').skip_while(|part| matches!(*part, "." | ".." | ""));
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let is_triple = second.is_some_and(|part| part.contains('-')) && third == Some("release");
    (first == Some("target") && (second == Some("debug") || is_triple)).then(|| {
        Problem::new(format!("`{source}` names a folder that depends on how Cargo is called"))
            .hint("write `target/release/`: it stands for the real profile and target")
    })
}
