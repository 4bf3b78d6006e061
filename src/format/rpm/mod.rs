//! RPM packages, version 4: a lead, a signature header, a header with all metadata, a packed cpio
//! of the files.
//!
//! Format: rpm `docs/manual/format_v4.md`. Byte tables and decisions: docs/formats/rpm.md.

pub mod depends;
mod files;
pub mod header;
mod lead;
mod metadata;
pub mod options;
mod owned;
pub mod package;
pub mod read;
pub mod relation;
mod relations;
mod rules;
mod scriptlets;
mod signature;
pub mod tags;
mod triggers;
mod users;
pub mod version;

use std::{panic::resume_unwind, thread};

use md5::{Digest as _, Md5};

use super::{
    Context, Format, Plan, ReadSeek, Signed, documents, first,
    linux::{self, OnMachine},
    report::{Member, MetaFile, ReadEntry, ReadError, Report},
};
use crate::{
    codec::{Codec, Packing},
    container::LimitError,
    diagnostic::{Diagnostic, Diagnostics},
    digest::{Digest, Md5Digest, Want},
    layout::{FEDORA, FEDORA_32, Layout, OPT},
    manifest,
    package::{Arch, Os, Package},
    payload::{self, Bench},
    sign::openpgp::Certificate,
    splice::{self, Digested, Recipe},
    tree::Tree,
};
use files::Files;
use header::{Header, Value};
use options::RpmOptions;
use package::LEAD;
use relations::{Parts, Relations};
use scriptlets::Scriptlet;
use signature::Said;
use triggers::Triggers;
use version::Facts;

/// RPM packages.
pub(super) struct Rpm;

/// What the payload is packed with unless the manifest says otherwise: read since rpm 4.14 (2017).
const PAYLOAD: Codec = Codec::Zstd;

/// rpm's number of SHA-256, which is OpenPGP's.
const SHA256: u32 = 8;

impl Format for Rpm {
    fn name(&self) -> &'static str {
        "rpm"
    }

    fn spellings(&self) -> &'static [&'static str] {
        &["rpm"]
    }

    fn about(&self) -> &'static str {
        "Fedora, RHEL and openSUSE package (.rpm)"
    }

    fn systems(&self) -> &'static [Os] {
        &[Os::Linux]
    }

    fn layout(&self, cx: &Context<'_>) -> &'static dyn Layout {
        let node = cx.manifest.find(&["linux", "layout"]);
        let opt = node.and_then(|node| node.as_str()).is_some_and(|word| word == "opt");
        match cx.target.arch {
            _ if opt => &OPT,
            Arch::I686 | Arch::Armv7 => &FEDORA_32,
            _ => &FEDORA,
        }
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
            .unwrap_or(Packing::of(PAYLOAD)))
    }

    fn tree(&self, package: &Package, cx: &Context<'_>) -> Result<Tree, Diagnostics> {
        let layout = self.layout(cx);
        let mut tree = layout.place(package)?;
        let machine = OnMachine::of(package, layout);
        let mut found = Diagnostics::default();
        if let Err(errors) = linux::add(&mut tree, package, &machine) {
            found.append(errors);
        }
        let tree = documents::rewritten(&tree, |_| false, |_| false, &mut found);
        rules::check(package, &Files::of(&tree), &mut found);
        if let Err(errors) = self.contents(package, &tree, cx) {
            found.append(errors);
        }
        if found.is_ok() { Ok(tree) } else { Err(found) }
    }

    fn relations(
        &self,
        package: &Package,
        tree: &Tree,
        cx: &Context<'_>,
    ) -> Result<Vec<(String, String)>, Diagnostics> {
        Ok(self.contents(package, tree, cx)?.relations.shown())
    }

    fn warnings(
        &self,
        package: &Package,
        tree: &Tree,
        cx: &Context<'_>,
    ) -> Result<Vec<Diagnostic>, Diagnostics> {
        self.contents(package, tree, cx).map(|contents| contents.warnings)
    }

    fn scripts(
        &self,
        package: &Package,
        tree: &Tree,
        cx: &Context<'_>,
    ) -> Result<Vec<(String, String)>, Diagnostics> {
        let mut header = Header::default();
        let contents = self.contents(package, tree, cx)?;
        metadata::scriptlets(&mut header, &contents.scriptlets);
        metadata::triggers(&mut header, &contents.triggers);
        let script = |(name, file): (String, MetaFile)| {
            (name, String::from_utf8_lossy(&file.content).into_owned())
        };
        Ok(read::scripts(&header).into_iter().map(script).collect())
    }

    fn signs(&self) -> bool {
        true
    }

    fn by_preset(&self) -> bool {
        true
    }

    fn plan(
        &self,
        package: &Package,
        tree: Tree,
        cx: &Context<'_>,
        bench: &Bench,
    ) -> Result<Plan, Diagnostic> {
        let contents = self.contents(package, &tree, cx).map_err(first)?;
        let files = Files::of(&tree);
        let time = time(package)?;
        let packing = self.packing(package, cx)?;
        let plain = files.cpio(time).map_err(|error| too_large(&error))?;
        let packed = splice::pack(&plain, packing, bench)?;
        let mut header = Header::default();
        contents.describe(&mut header, package, time);
        files.describe(&mut header, time)?;
        let crc32 = describe_payload(&mut header, packing, &plain, &packed)?;
        let bytes = header.encode(tags::HEADERIMMUTABLE).map_err(|error| too_large(&error))?;
        let signature = cx.signer.map(|signer| signature::sign(&bytes, signer, package.epoch));
        let signed = Said {
            header: &bytes,
            packed: packed.len(),
            plain: plain.len(),
            md5: contents.options.legacy_md5.then(|| md5(&bytes, &packed)).transpose()?,
            signature: signature.transpose()?,
        };
        let signature = signed.header().encode(tags::signature::HEADERSIGNATURES);
        let signature = signature.map_err(|error| too_large(&error))?;
        let lengths = [LEAD, signature.len(), bytes.len()].map(|len| len as u64);
        let expected = Report {
            fields: read::fields(&header),
            metadata: read::scripts(&header),
            entries: entries(&files, package),
            members: members(lengths, packed.len()),
            packed_crc32: Some(crc32),
            ..Report { format: self.name().into(), ..Report::default() }
        };
        let arch = (!contents.facts.is_noarch()).then_some(package.target.arch);
        let mut recipe = Recipe::default();
        recipe.bytes(lead::encode(&contents.facts.nvr(), arch));
        recipe.bytes(signature);
        recipe.zeros(recipe.len().next_multiple_of(8) - recipe.len());
        recipe.bytes(bytes);
        recipe.append(packed);
        Ok(Plan { recipe, expected })
    }

    fn recognises(&self, head: &[u8]) -> bool {
        package::recognises(head)
    }

    fn check_signature(
        &self,
        file: &mut dyn ReadSeek,
        certificate: &Certificate,
    ) -> Result<Signed, ReadError> {
        read::check_signature(file, certificate)
    }

    fn read(&self, file: &mut dyn ReadSeek, want: Want) -> Result<Report, ReadError> {
        read::read(file, want)
    }
}

/// What a header says besides files and payload.
struct Contents {
    options: RpmOptions,
    facts: Facts,
    scriptlets: Vec<Scriptlet>,
    triggers: Triggers,
    relations: Relations,
    warnings: Vec<Diagnostic>,
}

impl Rpm {
    fn contents(
        &self,
        package: &Package,
        tree: &Tree,
        cx: &Context<'_>,
    ) -> Result<Contents, Diagnostics> {
        let options = options(cx)?;
        let facts = Facts::of(package, &options)?;
        let machine = OnMachine::of(package, self.layout(cx));
        let scriptlets = scriptlets::scriptlets(package, tree, &machine)?;
        let triggers = Triggers::of(package, &options, &machine)?;
        let parts = Parts {
            package,
            tree,
            options: &options,
            facts: &facts,
            codec: self.packing(package, cx)?.codec,
            scriptlets: &scriptlets,
            triggers: &triggers,
        };
        let (relations, warnings) = relations::relations(&parts)?;
        Ok(Contents { options, facts, scriptlets, triggers, relations, warnings })
    }
}

impl Contents {
    fn describe(&self, header: &mut Header, package: &Package, time: u32) {
        metadata::describe(header, package, &self.facts, &self.options, time);
        metadata::changelog(header, package, &self.facts, &self.options, time);
        metadata::relations(header, &self.relations);
        metadata::scriptlets(header, &self.scriptlets);
        metadata::triggers(header, &self.triggers);
    }
}

/// How the payload is packed, and its digests. Gives its CRC-32.
fn describe_payload(
    header: &mut Header,
    packing: Packing,
    plain: &Recipe,
    packed: &Recipe,
) -> Result<u32, Diagnostic> {
    header.set(tags::PAYLOADFORMAT, Value::text("cpio"));
    // Without a compressor rpm takes gzip, whose reader passes plain data through.
    if packing.codec == Codec::None {
        header.set(tags::PAYLOADFLAGS, Value::text(""));
    } else {
        header.set(tags::PAYLOADCOMPRESSOR, Value::text(packing.codec.word()));
        header.set(tags::PAYLOADFLAGS, Value::text(packing.level.to_string()));
    }
    let (packed, plain) = both_digests(packing.codec, packed, plain)?;
    header.set(tags::PAYLOADDIGEST, Value::texts([packed.sha256.to_string()]));
    header.set(tags::PAYLOADDIGESTALGO, Value::Int32(vec![SHA256]));
    header.set(tags::PAYLOADDIGESTALT, Value::texts([plain.sha256.to_string()]));
    Ok(packed.sum.crc32)
}

/// Digests of the packed and of the plain archive, each read on a thread of its own.
fn both_digests(
    codec: Codec,
    packed: &Recipe,
    plain: &Recipe,
) -> Result<(Digested, Digested), payload::Error> {
    if codec == Codec::None {
        let one = packed.digest()?;
        return Ok((one, one));
    }
    thread::scope(|scope| {
        let plain = scope.spawn(|| plain.digest());
        let packed = packed.digest();
        let plain = plain.join().unwrap_or_else(|panic| resume_unwind(panic));
        Ok((packed?, plain?))
    })
}

/// MD5 of header and payload: a second pass over what was packed.
fn md5(header: &[u8], packed: &Recipe) -> Result<Md5Digest, payload::Error> {
    let mut hasher = Md5::new();
    hasher.update(header);
    packed.each(|bytes| hasher.update(bytes))?;
    Ok(Digest(hasher.finalize().into()))
}

/// Build time and time of every file: 32 bits.
fn time(package: &Package) -> Result<u32, Diagnostic> {
    u32::try_from(package.epoch).map_err(|_| {
        let text = format!("the build time {} is past 2106, which rpm cannot say", package.epoch);
        Diagnostic::cannot("limit.rpm-time", text)
    })
}

fn entries(files: &Files<'_>, package: &Package) -> Vec<ReadEntry> {
    let entry =
        |file: &files::File<'_>| ReadEntry::of_node(file.path.as_str(), file.node, package.epoch);
    files.iter().filter_map(entry).collect()
}

/// Lead, both headers, payload.
fn members(heads: [u64; 3], payload: u64) -> Vec<Member> {
    let names = ["lead", "signature", "header", "payload"].map(str::to_owned);
    let lengths = heads.into_iter().chain([payload]);
    names.into_iter().zip(lengths).map(|(name, len)| Member { name, len }).collect()
}

/// The `[rpm]` table.
fn options(cx: &Context<'_>) -> Result<RpmOptions, Diagnostic> {
    manifest::decode_key(cx.manifest, "rpm").map_err(first)
}

fn too_large(error: &LimitError) -> Diagnostic {
    Diagnostic::cannot("limit.rpm", error.to_string())
}

#[cfg(test)]
mod tests;
