//! What is asked for becomes a list of artifacts, each with everything decided.

use std::collections::BTreeMap;

use super::{
    Loaded, Signer, Signers,
    fetched::{self, Read},
};
use crate::{
    codec::Packing,
    diagnostic::{Diagnostic, Diagnostics},
    format::{Context, FORMATS, Format},
    manifest::Node,
    package::{Package, Target},
    resolve::{
        self, Job, LeftOut, Lock, Matrix, PartPackage, Pin, Resolved, Rule, Settings, Sources,
    },
    sign::openpgp::Identity,
    tree::{Kind, Tree},
};

/// An artifact that would be made, with everything decided but its packed bytes.
pub struct Planned {
    /// Its format.
    pub format: &'static dyn Format,
    /// Its spelling: `deb`, `tar.gz`.
    pub spelling: String,
    /// What it is for.
    pub target: Target,
    /// The name it gets in the output folder.
    pub file_name: String,
    /// The manifest for this artifact: merged and expanded.
    pub manifest: Node,
    /// The manifest for this artifact, with everything found. Of its entries those that only the
    /// tree needs are left out.
    pub package: Package,
    /// What it installs.
    pub tree: Tree,
    /// How it packs.
    pub packing: Packing,
    /// Content that must have a known digest.
    pub pins: Vec<Pin>,
    /// Who signs it, or the checksums of it if its format holds no signatures.
    pub signer: Signer,
}

impl Planned {
    /// Whether the other one, made for another architecture or beside another variant, is the same
    /// artifact.
    fn is_same_as(&self, other: &Self) -> bool {
        let any_arch = self.package.any_arch && other.package.any_arch;
        let is_part = self.package.family.component.is_some() && self.target == other.target;
        (any_arch || is_part) && self.file_name == other.file_name && self.tree == other.tree
    }

    /// What the format may ask.
    pub fn context(&self) -> Context<'_> {
        Context {
            spelling: &self.spelling,
            manifest: &self.manifest,
            target: self.target,
            signer: self.signer.identity().map(|identity| &**identity),
        }
    }
}

/// Everything that would be made.
pub struct Prepared {
    /// In the order of the matrix.
    pub planned: Vec<Planned>,
    /// What is not made though it could be expected.
    pub left_out: Vec<LeftOut>,
    /// Warnings, and what stops artifacts that are not planned.
    pub found: Diagnostics,
    /// What the sources were, and what may become of that.
    pub lock: Lock,
    /// `--locked`, `--update-lock` or neither.
    pub rule: Rule,
}

/// Decides everything and writes nothing but the cache of downloads; of the payloads only those that
/// are to be downloaded later are read, for their digests. Every mistake is found in one pass.
pub fn prepare(
    loaded: &Loaded,
    settings: &Settings,
    signers: &Signers,
    read: Read<'_>,
) -> Result<Prepared, Diagnostics> {
    let Loaded { manifest, dir } = loaded;
    let lock = Lock::read(dir)?;
    // What is to be accepted is looked at anew.
    let known = (!settings.update_lock).then(|| lock.clone());
    let sources = Sources::new(dir).with(settings.fetcher.clone(), known, settings.locked);
    let Matrix { jobs, left_out, errors, warnings } =
        resolve::matrix(manifest, settings, &sources)?;
    let warnings = manifest.warnings.iter().cloned().chain(warnings).collect();
    let mut found = Diagnostics { errors, warnings };
    let rule = match settings {
        Settings { update_lock: true, .. } => Rule::Accept,
        Settings { locked: true, .. } => Rule::Keep,
        _ => Rule::Add,
    };
    let (planned, none) = (Vec::new(), Diagnostics::default());
    let mut prepared = Prepared { planned, left_out, found: none, lock, rule };
    for job in &jobs {
        let cx = Prepare { loaded, job, settings, sources: &sources, signers, read };
        match cx.plan(&mut prepared.left_out) {
            Ok((all, warnings)) => {
                found.append(Diagnostics { errors: Vec::new(), warnings });
                for planned in all {
                    if !prepared.planned.iter().any(|there| planned.is_same_as(there)) {
                        prepared.planned.push(planned);
                    }
                }
            }
            Err(errors) => found.append(errors),
        }
    }
    same_name(&prepared.planned, &mut found);
    found.sort();
    prepared.found = found;
    Ok(prepared)
}

/// What the artifacts of one job are decided with.
struct Prepare<'a> {
    loaded: &'a Loaded,
    job: &'a Job,
    settings: &'a Settings,
    sources: &'a Sources,
    signers: &'a Signers,
    read: Read<'a>,
}

impl Prepare<'_> {
    /// The package, and the components that are packages of their own.
    fn plan(
        &self,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<(Vec<Planned>, Vec<Diagnostic>), Diagnostics> {
        let Self { loaded, job, settings, sources, .. } = self;
        let format = *FORMATS
            .iter()
            .find(|format| format.name() == job.format.name)
            .expect("the matrix has only formats that are made");
        let merged = loaded.manifest.select(&job.selection(), &settings.sets)?;
        let layout = format.layout(&self.context(&merged, None));
        let resolve = || resolve::resolve(&loaded.manifest, job, settings, sources, layout);
        let mut resolved = resolve()?;
        if !resolved.unread.is_empty() {
            // Names in a store are digests.
            (self.read)(&resolved.unread)?;
            resolved = resolve()?;
        }
        let Resolved { package, manifest, parts, mut warnings, absent, pins, .. } = resolved;
        for source in absent {
            let what = format!("`{source}` in {} for {}", job.spelling, job.target);
            left_out.push(LeftOut { what, why: "optional, and not there".into() });
        }
        let main = PartPackage { package, manifest };
        let (mut all, mut found) = (Vec::new(), Diagnostics::default());
        for part in std::iter::once(main).chain(parts) {
            match self.artifact(format, part, &mut warnings) {
                Ok(planned) => all.push(planned),
                Err(errors) => found.append(errors),
            }
        }
        if let Some(main) = all.first_mut() {
            main.pins = pins;
        }
        if found.is_ok() { Ok((all, warnings)) } else { Err(found) }
    }

    fn context<'a>(&self, manifest: &'a Node, signer: Option<&'a Identity>) -> Context<'a>
    where
        Self: 'a,
    {
        let (spelling, target) = (self.job.spelling, self.job.target);
        Context { spelling, manifest, target, signer }
    }

    fn artifact(
        &self,
        format: &'static dyn Format,
        part: PartPackage,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Planned, Diagnostics> {
        let PartPackage { mut package, manifest } = part;
        fetched::add(&mut package, self.read)?;
        let signer = self.signers.of(&manifest);
        let identity = signer.as_ref().ok().and_then(Signer::identity).map(|identity| &**identity);
        let cx = self.context(&manifest, identity);
        let tree = format.tree(&package, &cx);
        let (tree, signer) = both(tree, signer.clone())?;
        warnings.extend(identity.into_iter().flat_map(Identity::warnings).cloned());
        warnings.extend(format.warnings(&package, &tree, &cx)?);
        let file_name = format.file_name(&package, &cx)?;
        let packing = format.packing(&package, &cx)?;
        // There may be a hundred thousand of them, and the tree says the same.
        package.entries.retain(|entry| entry.kind == Kind::Dir || entry.capabilities.is_some());
        package.entries.shrink_to_fit();
        Ok(Planned {
            format,
            spelling: self.job.spelling.to_owned(),
            target: self.job.target,
            file_name,
            manifest,
            package,
            tree,
            packing,
            pins: Vec::new(),
            signer,
        })
    }
}

/// Both, or the errors of both.
fn both<A, B>(a: Result<A, Diagnostics>, b: Result<B, Diagnostics>) -> Result<(A, B), Diagnostics> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut a), Err(b)) => {
            a.append(b);
            Err(a)
        }
        (Err(found), _) | (_, Err(found)) => Err(found),
    }
}

/// Two artifacts of one name would overwrite each other.
fn same_name(planned: &[Planned], found: &mut Diagnostics) {
    let mut names: BTreeMap<&str, &Planned> = BTreeMap::new();
    for plan in planned {
        if let Some(other) = names.insert(&plan.file_name, plan) {
            let text = format!(
                "`{}` would be written twice: as {} for {} and as {} for {}",
                plan.file_name, other.spelling, other.target, plan.spelling, plan.target
            );
            let hint = "give them different names with `file-name`, or build them one by one into different folders";
            found.error(Diagnostic::usage("artifact.duplicate", text).hint(hint));
        }
    }
}
