//! `pkggen repo apt|dnf DIR FILE…`: a signed repository that any web server can serve.

mod keyring;
mod manifest;

use std::{
    env,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, ValueEnum};

use super::{Outcome, args::Flags, ui::Ui};
use crate::{
    build::{Signer, Signers, Wish},
    codec::Codec,
    diagnostic::{Diagnostic, Diagnostics},
    publish::{Ask, Published, apt, dnf},
    sign::openpgp::Identity,
};
use manifest::Said;

/// What is made, and how.
#[derive(Args, Clone, Debug)]
pub(crate) struct RepoArgs {
    /// Which kind of repository
    #[arg(value_name = "KIND")]
    kind: RepoKind,
    /// The folder: made, or extended
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Packages to add, or folders with packages
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where users will find DIR [default: [release.apt] or [release.dnf] url]
    #[arg(long, value_name = "URL", help_heading = "What clients see")]
    url: Option<String>,
    /// What it is called on their machines [default: as before, else the package's name]
    #[arg(long, value_name = "NAME", help_heading = "What clients see")]
    name: Option<String>,
    /// Keep the newest N versions of every package [default: all]
    #[arg(long, value_name = "N", help_heading = "What is kept",
          value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    /// How indexes are packed: gz, xz, zst, none [default: gz,xz for apt, gz for dnf]
    #[arg(long, value_name = "CODEC", value_delimiter = ',', help_heading = "What is kept")]
    compress: Vec<Compress>,
    /// Also publish a package of this version with key and address: NAME-archive-keyring, NAME-release
    #[arg(long, value_name = "VERSION", help_heading = "What clients see")]
    keyring: Option<String>,
    /// Sign with another key than before
    #[arg(long, help_heading = "What clients see")]
    new_key: bool,
    #[command(flatten)]
    apt: AptArgs,
}

/// What only apt knows.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "apt only")]
pub(crate) struct AptArgs {
    /// The suite to change [default: [release.apt] suite, else stable]
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    /// The component to add to [default: main]
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// Architectures besides those of the packages
    #[arg(long = "arch", value_name = "ARCH", value_delimiter = ',')]
    architectures: Vec<String>,
    /// Who the repository is of; it cannot change [default: the package's title]
    #[arg(long, value_name = "TEXT")]
    origin: Option<String>,
    /// What apt shows; it cannot change [default: the origin]
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// How many generations of indexes stay [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    generations: Option<u16>,
    /// Installed from only when it is asked for: for nightly suites
    #[arg(long)]
    not_automatic: bool,
    /// apt refuses the suite this long after it was published, unless it is published again
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..))]
    valid_days: Option<u16>,
}

/// The kind of repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RepoKind {
    /// Debian, Ubuntu
    Apt,
    /// Fedora, RHEL, openSUSE
    Dnf,
}

/// How indexes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compress {
    Gz,
    Xz,
    Zst,
    None,
}

impl Compress {
    fn codec(self) -> Codec {
        match self {
            Self::Gz => Codec::Gzip,
            Self::Xz => Codec::Xz,
            Self::Zst => Codec::Zstd,
            Self::None => Codec::None,
        }
    }
}

impl AptArgs {
    /// The first of them that was typed.
    fn typed(&self) -> Option<&'static str> {
        let Self { suite, component, architectures, origin, label, .. } = self;
        [
            ("--suite", suite.is_some()),
            ("--component", component.is_some()),
            ("--arch", !architectures.is_empty()),
            ("--origin", origin.is_some()),
            ("--label", label.is_some()),
            ("--generations", self.generations.is_some()),
            ("--not-automatic", self.not_automatic),
            ("--valid-days", self.valid_days.is_some()),
        ]
        .into_iter()
        .find_map(|(flag, typed)| typed.then_some(flag))
    }
}

/// Publishes, and prints what a user of the repository types.
pub(super) fn run(args: &RepoArgs, flags: &Flags, ui: &Ui) -> Outcome {
    if let (RepoKind::Dnf, Some(flag)) = (args.kind, args.apt.typed()) {
        let text = format!("`{flag}` means nothing to a dnf repository");
        return Err(Diagnostic::usage("usage", text).into());
    }
    if args.kind == RepoKind::Dnf && args.compress.len() > 1 {
        let text = "indexes of a dnf repository are packed in one way; several were named";
        return Err(Diagnostic::usage("usage", text).into());
    }
    let said = manifest::read(flags, ui)?;
    let (now, fixed) = times()?;
    let signer = signer(&said, flags, now)?;
    if let Some(signer) = &signer {
        let found = Diagnostics { warnings: signer.warnings().to_vec(), ..Diagnostics::default() };
        ui.warnings(&found);
    }
    let codecs = codecs(args);
    let ask = Ask {
        dir: &args.dir,
        files: &args.files,
        signer: signer.as_deref(),
        now,
        fixed,
        name: args.name.clone().or_else(|| said.name.clone()),
        url: url(args, &said)?,
        keep: args.keep.map(usize::from),
        codecs: &codecs,
        fresh: flags.fresh,
        new_key: args.new_key,
        stop: None,
    };
    let publish = |ask: &Ask<'_>| match args.kind {
        RepoKind::Apt => apt::publish(ask, &apt_options(args, &said)),
        RepoKind::Dnf => dnf::publish(ask, &dnf::Options { title: said.title.clone() }),
    };
    let mut published = publish(&ask)?;
    if let Some(version) = &args.keyring {
        let (_folder, file) = keyring(args.kind, version, &ask, (&published, &said), flags, ui)?;
        let more = publish(&Ask { files: &[file], ..ask.clone() })?;
        let changed = published.changed || more.changed;
        let added = [published.added, more.added].concat();
        let dropped = [published.dropped, more.dropped].concat();
        let removed = [published.removed, more.removed].concat();
        let warnings = [published.warnings, more.warnings].concat();
        published = Published { added, dropped, removed, changed, warnings, ..more };
    }
    report(args, &ask, &published, ui);
    Ok(0)
}

/// Builds the package with the key; what is in it comes from the repository as it is now.
fn keyring(
    kind: RepoKind,
    version: &str,
    ask: &Ask<'_>,
    (published, said): (&Published, &Said),
    flags: &Flags,
    ui: &Ui,
) -> Result<(keyring::Folder, PathBuf), Diagnostics> {
    let (Some(signer), Some(_)) = (ask.signer, &ask.url) else {
        let text = "`--keyring` needs a key and an address: `--url`, and no `--no-sign`";
        return Err(Diagnostic::usage("usage", text).into());
    };
    let (format, template) = match kind {
        RepoKind::Apt => ("deb", include_str!("../../templates/publish/keyring-deb.toml")),
        RepoKind::Dnf => ("rpm", include_str!("../../templates/publish/keyring-rpm.toml")),
    };
    let name = &published.name;
    let now = ask.now;
    let keyring =
        keyring::Keyring { template, format, name, version, signer, said, now, published };
    keyring.make(flags, ui)
}

fn codecs(args: &RepoArgs) -> Vec<Codec> {
    let mut codecs: Vec<_> = args.compress.iter().map(|compress| compress.codec()).collect();
    if codecs.is_empty() {
        codecs = match args.kind {
            RepoKind::Apt => vec![Codec::Gzip, Codec::Xz],
            RepoKind::Dnf => vec![Codec::Gzip],
        };
    }
    codecs.dedup();
    codecs
}

/// An address that goes into files as it is.
fn url(args: &RepoArgs, said: &Said) -> Result<Option<String>, Diagnostic> {
    let from_manifest = match args.kind {
        RepoKind::Apt => &said.apt_url,
        RepoKind::Dnf => &said.dnf_url,
    };
    let Some(url) = args.url.as_ref().or(from_manifest.as_ref()) else { return Ok(None) };
    let fine = |c: char| c.is_ascii_graphic() && !"\"'`<>\\^{|}".contains(c);
    if !url.contains("://") || !url.chars().all(fine) {
        let text = format!("`{}` is no URL", url.escape_debug());
        return Err(Diagnostic::usage("repo.url", text).hint("https://example.org/packages"));
    }
    Ok(Some(url.clone()))
}

fn apt_options(args: &RepoArgs, said: &Said) -> apt::Options {
    let AptArgs { suite, component, architectures, origin, label, not_automatic, .. } = &args.apt;
    let default = apt::Options::default();
    apt::Options {
        suite: suite.clone().or_else(|| said.suite.clone()).unwrap_or(default.suite),
        component: component.clone().unwrap_or(default.component),
        architectures: architectures.clone(),
        origin: origin.clone(),
        new_origin: said.title.clone(),
        label: label.clone(),
        generations: args.apt.generations.map_or(default.generations, usize::from),
        not_automatic: *not_automatic,
        valid_days: args.apt.valid_days.map(u64::from),
    }
}

/// The clock, and `SOURCE_DATE_EPOCH`.
fn times() -> Result<(u64, Option<u64>), Diagnostic> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let Some(text) = env::var_os("SOURCE_DATE_EPOCH").filter(|text| !text.is_empty()) else {
        return Ok((now, None));
    };
    let fixed = text.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        let text = "`SOURCE_DATE_EPOCH` must be seconds since 1970";
        Diagnostic::usage("env.date", text)
    })?;
    Ok((now, Some(fixed)))
}

/// A repository is signed, or it is said that it is not to be.
fn signer(said: &Said, flags: &Flags, now: u64) -> Result<Option<Arc<Identity>>, Diagnostics> {
    if flags.no_sign {
        return Ok(None);
    }
    let signers = Signers::new(Wish::AsManifest, said.env.clone(), &said.dir, now);
    match signers.of(&said.tree)? {
        Signer::By(identity) => Ok(Some(identity)),
        Signer::Nobody(why) => {
            let text = "there is no key to sign the repository with";
            let hint = "`pkggen keygen dev` makes one to try with; --no-sign makes a repository \
                        that apt and dnf refuse unless they are told otherwise";
            Err(Diagnostic::signing("sign.missing", text).label(why).hint(hint).into())
        }
    }
}

fn report(args: &RepoArgs, ask: &Ask<'_>, published: &Published, ui: &Ui) {
    let Published { added, dropped, removed, packages, changed, signed_by, .. } = published;
    let found = Diagnostics { warnings: warnings(args, ask, published), ..Diagnostics::default() };
    ui.document(&serde_json::json!({
        "kind": kind(args),
        "dir": args.dir,
        "changed": changed,
        "packages": packages,
        "added": added,
        "dropped": dropped,
        "removed": removed,
        "date": published.date,
        "signed_by": signed_by,
        "url": ask.url,
        "client": { "file": published.client.0, "text": published.client.1 },
        "commands": published.commands,
        "warnings": super::ui::Problem::warnings(&found),
    }));
    ui.warnings(&found);
    for package in added {
        ui.note(&format!("added {package}"));
    }
    for package in dropped {
        ui.note(&format!("dropped {package}"));
    }
    for file in removed {
        ui.detail(&format!("removed {file}"));
    }
    let count = super::ui::count(*packages, "package");
    let state = if *changed { "" } else { ", unchanged" };
    let signed = signed_by.as_ref().map_or("not signed".to_owned(), |by| format!("signed by {by}"));
    ui.note(&format!("{}: {count}, {signed}{state}", args.dir.display()));
    ui.result(published.commands.trim_end());
}

fn warnings(args: &RepoArgs, ask: &Ask<'_>, published: &Published) -> Vec<Diagnostic> {
    let mut all = published.warnings.clone();
    if ask.signer.is_none() {
        let text = format!("`{}` is not signed: {} refuses it", args.dir.display(), kind(args));
        all.push(Diagnostic::signing("sign.none", text));
    }
    if ask.url.is_none() {
        let text = "nobody said where users will find the repository; the lines below are for this \
                    machine alone";
        let hint = format!("--url, or `url` in [release.{}]", kind(args));
        all.push(Diagnostic::usage("repo.url", text).hint(hint));
    }
    all
}

fn kind(args: &RepoArgs) -> &'static str {
    match args.kind {
        RepoKind::Apt => "apt",
        RepoKind::Dnf => "dnf",
    }
}
