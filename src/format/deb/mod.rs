//! Debian packages: an ar archive of a version, a tar with the metadata, a tar with the files.
//!
//! Format: deb(5), deb-control(5), Debian policy. Byte tables and decisions: docs/formats/deb.md.

mod changelog;
mod control;
mod copyright;
pub mod depends;
mod docs;
pub mod options;
pub mod read;
mod relation;
mod relations;
mod rules;
mod scripts;
mod signature;
mod space;
pub mod version;

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use super::{
    Context, Format, Plan, ReadSeek, Signed, first,
    linux::{self, OnMachine},
    order,
    report::{Member, MetaFile, ReadEntry, ReadError, Report},
    units,
};
use crate::{
    codec::{Codec, Packing},
    container::{LimitError, ar::Ar, tar::Tar},
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    layout::{DEBIAN, Layout, OPT},
    manifest,
    package::{Os, Package},
    payload::{Bench, Blob},
    sign::openpgp::Certificate,
    splice::{self, Recipe},
    tree::{InstallPath, Mode, Node, Tree},
};
use control::Facts;
use options::{DebOptions, Debconf};

/// Debian packages.
pub(super) struct Deb;

/// What control.tar is packed with: every dpkg reads it.
const CONTROL: Packing = Packing { codec: Codec::Gzip, level: 9 };

/// What data.tar is packed with unless the manifest says otherwise: read since dpkg 1.15.6 (2009).
const DATA: Codec = Codec::Xz;

impl Format for Deb {
    fn name(&self) -> &'static str {
        "deb"
    }

    fn spellings(&self) -> &'static [&'static str] {
        &["deb"]
    }

    fn about(&self) -> &'static str {
        "Debian package (.deb)"
    }

    fn systems(&self) -> &'static [Os] {
        &[Os::Linux]
    }

    fn layout(&self, cx: &Context<'_>) -> &'static dyn Layout {
        let node = cx.manifest.find(&["linux", "layout"]);
        let opt = node.and_then(|node| node.as_str()).is_some_and(|word| word == "opt");
        if opt { &OPT } else { &DEBIAN }
    }

    fn file_name(&self, package: &Package, cx: &Context<'_>) -> Result<String, Diagnostic> {
        let options = options(cx)?;
        match &options.file_name {
            Some(name) => Ok(name.value.0.clone()),
            None => Ok(Facts::of(package, &options)?.file_name()),
        }
    }

    fn packing(&self, _: &Package, cx: &Context<'_>) -> Result<Packing, Diagnostic> {
        let chosen = options(cx)?.compression;
        Ok(chosen
            .and_then(|compression| compression.value.0.packing())
            .unwrap_or(Packing::of(DATA)))
    }

    /// For `md5sums`.
    fn digests(&self) -> Want {
        Want::Md5Too
    }

    fn tree(&self, package: &Package, cx: &Context<'_>) -> Result<Tree, Diagnostics> {
        let options = options(cx)?;
        let facts = Facts::of(package, &options)?;
        let layout = self.layout(cx);
        let mut tree = layout.place(package)?;
        let machine = OnMachine::of(package, layout);
        let mut found = Diagnostics::default();
        if let Err(errors) = linux::add(&mut tree, package, &machine) {
            found.append(errors);
        }
        match docs::add(&tree, package, &options, &facts) {
            Ok(tree) => {
                rules::check(&tree, &options, self.packing(package, cx)?, &mut found);
                if let Err(errors) = metadata(package, &tree, cx, &facts, &options, &machine) {
                    found.append(errors);
                }
                if found.is_ok() { Ok(tree) } else { Err(found) }
            }
            Err(errors) => {
                found.append(errors);
                Err(found)
            }
        }
    }

    fn relations(
        &self,
        package: &Package,
        tree: &Tree,
        cx: &Context<'_>,
    ) -> Result<Vec<(String, String)>, Diagnostics> {
        let options = options(cx)?;
        let facts = Facts::of(package, &options)?;
        let all = relations::relations(package, tree, &options, &facts, cx.manifest)?;
        let row = |(field, list): (&str, Vec<relation::Relation>)| {
            let words: Vec<_> = list.iter().map(ToString::to_string).collect();
            (field.to_owned(), words.join(", "))
        };
        Ok(all.into_iter().filter(|(_, list)| !list.is_empty()).map(row).collect())
    }

    fn warnings(
        &self,
        package: &Package,
        tree: &Tree,
        cx: &Context<'_>,
    ) -> Result<Vec<Diagnostic>, Diagnostics> {
        let options = options(cx)?;
        let facts = Facts::of(package, &options)?;
        Ok(relations::warnings(package, tree, &options, &facts, cx.manifest))
    }

    fn scripts(
        &self,
        package: &Package,
        tree: &Tree,
        cx: &Context<'_>,
    ) -> Result<Vec<(String, String)>, Diagnostics> {
        let machine = OnMachine::of(package, self.layout(cx));
        let (units, options) = (units::units(package, tree)?, options(cx)?);
        let scripts = scripts::scripts(package, tree, &units, &options, &machine)?;
        Ok(scripts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
    }

    fn signs(&self) -> bool {
        true
    }

    fn plan(
        &self,
        package: &Package,
        tree: Tree,
        cx: &Context<'_>,
        bench: &Bench,
    ) -> Result<Plan, Diagnostic> {
        let options = options(cx)?;
        let facts = Facts::of(package, &options)?;
        let machine = OnMachine::of(package, self.layout(cx));
        let metadata = metadata(package, &tree, cx, &facts, &options, &machine).map_err(first)?;
        let mut files = metadata.files;
        files.insert("md5sums".into(), MetaFile { mode: 0o644, content: md5sums(&tree) });
        let packing = self.packing(package, cx)?;
        let pack = |plain: Result<Recipe, LimitError>, packing| {
            let plain = plain.map_err(|error| too_large(&error))?;
            Ok::<_, Diagnostic>(splice::pack(&plain, packing, bench)?)
        };
        let mut members = vec![("debian-binary".to_owned(), bytes("2.0\n"))];
        let control = pack(control_tar(package, &files), CONTROL)?;
        members.push(("control.tar.gz".to_owned(), control));
        let data = pack(data_tar(package, &tree), packing)?;
        members.push((format!("data.tar{}", suffix(packing.codec)), data));
        members.extend(signature::member(&members, package, cx)?);
        let expected = Report {
            format: self.name().into(),
            fields: metadata.fields,
            metadata: files,
            entries: entries(package, &tree),
            members: members
                .iter()
                .map(|(name, recipe)| Member { name: name.clone(), len: recipe.len() })
                .collect(),
            ..Report::default()
        };
        let archive = members
            .into_iter()
            .try_fold(Ar::new(package.epoch), |ar, (name, recipe)| ar.member(&name, recipe))
            .map_err(|error| too_large(&error))?;
        Ok(Plan { recipe: archive.finish(), expected })
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(b"!<arch>\ndebian-binary")
    }

    fn check_signature(
        &self,
        file: &mut dyn ReadSeek,
        certificate: &Certificate,
    ) -> Result<Signed, ReadError> {
        signature::check(file, certificate)
    }

    fn read(&self, file: &mut dyn ReadSeek, want: Want) -> Result<Report, ReadError> {
        read::read(file, want)
    }
}

/// The `[deb]` table.
fn options(cx: &Context<'_>) -> Result<DebOptions, Diagnostic> {
    manifest::decode_key(cx.manifest, "deb").map_err(first)
}

fn too_large(error: &LimitError) -> Diagnostic {
    Diagnostic::cannot("limit.ar", error.to_string())
        .hint("split large files into packages of their own")
}

/// The metadata without md5sums, which needs the payloads to be read.
struct Metadata {
    fields: Vec<(String, String)>,
    files: BTreeMap<String, MetaFile>,
}

fn metadata(
    package: &Package,
    tree: &Tree,
    cx: &Context<'_>,
    facts: &Facts,
    options: &DebOptions,
    machine: &OnMachine,
) -> Result<Metadata, Diagnostics> {
    let units = units::units(package, tree)?;
    let relations = relations::relations(package, tree, options, facts, cx.manifest)?;
    let fields = control::fields(package, options, facts, &relations, tree);
    let mut files = BTreeMap::new();
    let mut put = |name: &str, mode, text: String| {
        files.insert(name.to_owned(), MetaFile { mode, content: text.into_bytes() });
    };
    put("control", 0o644, control::text(&fields));
    let conffiles = conffiles(tree);
    if !conffiles.is_empty() {
        put("conffiles", 0o644, conffiles);
    }
    let triggers = rules::triggers(options, machine);
    if !triggers.is_empty() {
        put("triggers", 0o644, triggers);
    }
    for (name, text) in scripts::scripts(package, tree, &units, options, machine)? {
        put(name, 0o755, text);
    }
    if let Some(Debconf { config, templates }) = &options.debconf {
        for (name, mode, text) in [("config", 0o755, config), ("templates", 0o644, templates)] {
            if let Some(text) = text {
                put(name, mode, text.value.trim_end().to_owned() + "\n");
            }
        }
    }
    Ok(Metadata { fields, files })
}

fn conffiles(tree: &Tree) -> String {
    let config = tree.iter().filter(|(_, node)| node.config && node.blob().is_some());
    config.map(|(path, _)| ["/", path.as_str(), "\n"].concat()).collect()
}

/// `<32 hex>  usr/bin/x` for every file but conffiles.
fn md5sums(tree: &Tree) -> Vec<u8> {
    let files = tree.iter().filter(|(_, node)| !node.config);
    let files = files.filter_map(|(path, node)| Some((path, node.blob()?)));
    let files: Vec<_> = files.collect();
    let len = files.iter().map(|(path, _)| 32 + 2 + path.as_str().len() + 1).sum();
    let mut lines = String::with_capacity(len);
    for (path, blob) in files {
        writeln!(lines, "{}  {path}", blob.md5()).expect("memory takes everything");
    }
    lines.into_bytes()
}

/// dpkg looks owners up while it unpacks, before postinst could make them: everything is root's.
fn as_shipped(node: &Arc<Node>) -> Arc<Node> {
    if node.owner == "root" && node.group == "root" {
        return node.clone();
    }
    Node { owner: "root".into(), group: "root".into(), ..Node::clone(node) }.into()
}

fn control_tar(
    package: &Package,
    files: &BTreeMap<String, MetaFile>,
) -> Result<Recipe, LimitError> {
    let tar = Tar::new(package.epoch).node("./", &Node::implied_dir())?;
    let tar = files.iter().try_fold(tar, |tar, (name, file)| {
        tar.file(&format!("./{name}"), Blob::from_bytes(file.content.clone()), Mode(file.mode))
    })?;
    Ok(tar.finish())
}

/// All nodes in the order of `data.tar`.
fn in_order(tree: &Tree) -> Vec<(&InstallPath, &Arc<Node>)> {
    let mut nodes: Vec<_> = tree.shared().collect();
    order::sort(&mut nodes, |(path, node)| (*path, &**node));
    nodes
}

fn data_tar(package: &Package, tree: &Tree) -> Result<Recipe, LimitError> {
    let nodes = in_order(tree).into_iter();
    let nodes = nodes.map(|(path, node)| (path.clone(), as_shipped(node)));
    Ok(Tar::new(package.epoch).nodes(nodes, "./")?.finish())
}

fn entries(package: &Package, tree: &Tree) -> Vec<ReadEntry> {
    let mut entries = Vec::with_capacity(1 + tree.len());
    entries.extend(ReadEntry::of_node("./", &Node::implied_dir(), package.epoch));
    entries.extend(in_order(tree).into_iter().filter_map(|(path, node)| {
        ReadEntry::of_path(path.text().clone(), &as_shipped(node), package.epoch)
    }));
    entries
}

fn suffix(codec: Codec) -> &'static str {
    match codec {
        Codec::None => "",
        Codec::Gzip => ".gz",
        Codec::Xz => ".xz",
        Codec::Zstd => ".zst",
    }
}

fn bytes(text: &str) -> Recipe {
    let mut recipe = Recipe::default();
    recipe.bytes(text);
    recipe
}

#[cfg(test)]
mod tests;
