//! What most verbs begin with: the manifest, the flags made sense of, the environment.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    args::{Flags, Profile},
    interrupt,
    progress::progress,
    ui::Ui,
};
use crate::{
    build::{self, Loaded, Prepared, Signers, Wish},
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    fetch::{Fetcher, Means},
    format::{FORMATS, TABLES},
    import::cargo::Project,
    manifest::Manifest,
    package::Target,
    payload::{self, Bench, Blob},
    resolve::Settings,
};

/// A manifest and what was asked of it.
pub(super) struct Session<'a> {
    flags: &'a Flags,
    ui: &'a Ui,
    loaded: Loaded,
    ask: Settings,
    out: PathBuf,
    /// A Cargo project that was not compiled.
    uncompiled: Option<Box<Project>>,
}

/// Where the manifest comes from.
enum Origin {
    File(PathBuf),
    Cargo(Box<Project>),
}

impl Origin {
    /// `pkggen.toml` wins over `Cargo.toml`.
    fn find(flags: &Flags) -> Result<Self, Diagnostics> {
        let file = flags.manifest.as_deref().unwrap_or(Path::new("pkggen.toml"));
        let file = if file.is_dir() { file.join("pkggen.toml") } else { file.to_owned() };
        let cargo = file.with_file_name("Cargo.toml");
        let named = flags.manifest.is_some() && file.file_name() == cargo.file_name();
        if named || (!file.exists() && cargo.exists()) {
            let manifest = flags.manifest.is_some().then_some(cargo.as_path());
            return Ok(Self::Cargo(Box::new(super::cargo::open(manifest, flags)?)));
        }
        if flags.package.is_none() {
            return Ok(Self::File(file));
        }
        let text = format!("`-p` chooses a Cargo package, and `{}` is none", file.display());
        Err(Diagnostic::usage("usage", text).into())
    }

    fn load(&self) -> Result<Loaded, Diagnostics> {
        match self {
            Self::File(file) => build::load(file),
            Self::Cargo(project) => {
                let (node, warnings) = project.manifest()?;
                let mut manifest = Manifest::new(node, TABLES)?;
                manifest.warnings.splice(0..0, warnings);
                manifest.warnings.splice(0..0, project.warnings().iter().cloned());
                Ok(Loaded { manifest, dir: project.dir().to_owned() })
            }
        }
    }
}

impl<'a> Session<'a> {
    /// Reads the manifest.
    pub(super) fn open(flags: &'a Flags, ui: &'a Ui) -> Result<Self, Diagnostics> {
        Self::with(flags, ui, false)
    }

    /// Reads the manifest once a Cargo project has been compiled: what cargo made is part of it.
    pub(super) fn compiled(flags: &'a Flags, ui: &'a Ui) -> Result<Self, Diagnostics> {
        Self::with(flags, ui, !flags.no_build)
    }

    fn with(flags: &'a Flags, ui: &'a Ui, compile: bool) -> Result<Self, Diagnostics> {
        let mut ask = ask(flags)?;
        ask.fetcher = Some(fetcher(flags, ui, &ask));
        let origin = Origin::find(flags)?;
        if matches!(origin, Origin::Cargo(_)) {
            // the manifest that is made from Cargo.toml is the variant
            ask.variants.clear();
        }
        if let (Origin::Cargo(project), true) = (&origin, compile) {
            super::cargo::compile(project, flags)?;
        }
        let loaded = origin.load();
        let uncompiled = match origin {
            Origin::Cargo(project) if !compile => Some(project),
            _ => None,
        };
        let loaded = loaded.map_err(|found| with_hints(uncompiled.as_deref(), found))?;
        let out = flags.out.clone().unwrap_or_else(|| "dist".into());
        Ok(Self { flags, ui, loaded, ask, out, uncompiled })
    }

    /// The manifest.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.loaded.manifest
    }

    /// Its folder.
    pub(super) fn dir(&self) -> &Path {
        &self.loaded.dir
    }

    /// `--set`.
    pub(super) fn sets(&self) -> &[(String, String)] {
        &self.ask.sets
    }

    /// Where artifacts go.
    pub(super) fn out(&self) -> &Path {
        &self.out
    }

    /// The artifacts of these formats, with everything decided; all that the manifest names when
    /// there is none.
    pub(super) fn prepare(&self, formats: &[String]) -> Result<Prepared, Diagnostics> {
        let ask = Settings { formats: formats.to_vec(), ..self.ask.clone() };
        self.prepare_as(&ask, wish(self.flags))
    }

    /// All artifacts without their signatures: no key is needed.
    pub(super) fn prepare_unsigned(&self) -> Result<Prepared, Diagnostics> {
        self.prepare_as(&self.ask, Wish::Never)
    }

    /// The same as they would be with another `SOURCE_DATE_EPOCH`.
    pub(super) fn prepare_at(&self, epoch: u64) -> Result<Prepared, Diagnostics> {
        let mut ask = self.ask.clone();
        ask.env.insert("SOURCE_DATE_EPOCH".into(), epoch.to_string());
        self.prepare_as(&ask, Wish::Never)
    }

    fn signers(&self, wish: Wish) -> Signers {
        Signers::new(wish, self.ask.env.clone(), self.dir(), now())
    }

    fn prepare_as(&self, ask: &Settings, wish: Wish) -> Result<Prepared, Diagnostics> {
        let with_hints = |found| with_hints(self.uncompiled.as_deref(), found);
        let mut prepared =
            build::prepare(&self.loaded, ask, &self.signers(wish), &|blobs| self.read(blobs))
                .map_err(with_hints)?;
        prepared.found = with_hints(prepared.found);
        if prepared.found.is_ok() || self.flags.keep_going {
            Ok(prepared)
        } else {
            Err(prepared.found)
        }
    }

    /// Reads payloads for their digests, unless another artifact had them read.
    fn read(&self, blobs: &[Blob]) -> Result<(), Diagnostic> {
        if blobs.iter().all(|blob| blob.facts().is_some()) {
            return Ok(());
        }
        let bench = self.bench().map_err(|mut found| found.errors.remove(0))?;
        Ok(payload::ingest(blobs, &BTreeSet::new(), Want::Sha256, &bench)?)
    }

    /// Threads, the store of packed pieces, a folder for scratch files, a progress bar.
    pub(super) fn bench(&self) -> Result<Bench, Diagnostics> {
        bench(self.flags, &self.out, self.ui)
    }
}

/// The same without a manifest.
pub(super) fn bench(flags: &Flags, out: &Path, ui: &Ui) -> Result<Bench, Diagnostics> {
    let progress = progress(ui);
    let mut bench = Bench::new(threads(flags), &store(), &env::temp_dir(), progress)
        .map_err(Diagnostic::from)?;
    bench.fresh = flags.fresh;
    interrupt::clean_up(bench.scratch().to_owned(), out.to_owned());
    Ok(bench)
}

fn threads(flags: &Flags) -> usize {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    flags.jobs.map_or_else(cores, usize::from)
}

/// Brings what is not there into the cache.
fn fetcher(flags: &Flags, ui: &Ui, ask: &Settings) -> Fetcher {
    Fetcher::new(Means {
        dir: store(),
        offline: flags.offline,
        fresh: flags.fresh,
        threads: threads(flags),
        progress: progress(ui),
        env: ask.env.clone(),
    })
}

/// A program that is missing because nobody has run cargo yet is soon there.
fn with_hints(uncompiled: Option<&Project>, mut found: Diagnostics) -> Diagnostics {
    let Some(project) = uncompiled else { return found };
    for error in found.errors.iter_mut().filter(|error| error.code == "source.missing") {
        // The source is the only value of the message.
        if error.message.split('`').nth(1).is_some_and(|source| project.builds(source)) {
            error.hint = Some(format!(
                "`{}` makes it; `pkggen build` and `pkggen deb` run that themselves",
                project.how_to_build()
            ));
        }
    }
    found
}

/// The environment, as far as it is text.
pub(super) fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    env::vars_os().filter_map(text).collect()
}

/// Packed pieces survive between runs here.
fn store() -> PathBuf {
    let set = |name| env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    set("PKGGEN_STORE").unwrap_or_else(|| cache.unwrap_or_else(env::temp_dir).join("pkggen"))
}

/// What the flags say of signatures.
fn wish(flags: &Flags) -> Wish {
    if flags.no_sign {
        Wish::Never
    } else if flags.sign {
        Wish::Must("--sign".into())
    } else if flags.profile == Some(Profile::Release) {
        Wish::Must("--profile release".into())
    } else {
        Wish::AsManifest
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The flags, made sense of.
fn ask(flags: &Flags) -> Result<Settings, Diagnostics> {
    let mut found = Diagnostics::default();
    let mut targets = Vec::new();
    for word in &flags.targets {
        match Target::parse(word) {
            Some(target) => targets.push(target),
            None => found.error(unknown_target(word)),
        }
    }
    let mut sets = Vec::new();
    for set in &flags.sets {
        if let Some((key, value)) = set.split_once('=') {
            sets.push((key.trim().to_owned(), value.to_owned()));
        } else {
            let text = format!("`--set {set}` has no `=`");
            found.error(Diagnostic::usage("set.syntax", text).hint("--set KEY=VALUE"));
        }
    }
    let ask = Settings {
        formats: Vec::new(),
        targets,
        variants: flags.variants.clone(),
        sets,
        env: environment(),
        ollama_models: flags.ollama_models.clone(),
        offline: flags.offline,
        locked: flags.locked,
        update_lock: flags.update_lock,
        fetcher: None,
        made: FORMATS.iter().map(|format| format.name()).collect(),
    };
    if found.is_ok() { Ok(ask) } else { Err(found) }
}

pub(super) fn unknown_target(word: &str) -> Diagnostic {
    let names: Vec<_> = Target::all().map(|target| target.to_string()).collect();
    let text = format!("`{word}` is no target");
    let hint = crate::manifest::advice(word, names.iter().map(String::as_str));
    Diagnostic::usage("target.unknown", text)
        .hint(hint.unwrap_or_else(|| format!("targets are {}", names.join(", "))))
}
