//! Arguments: what the user typed, as clap reads it.
//!
//! The flags are one list for all verbs, so that they may stand before or after the verb; each
//! verb says which of them mean something to it, shows only those in `--help` and refuses the
//! others. The verbs `deb`, `tar`, … come from [`FORMATS`].

use std::{ffi::OsString, path::PathBuf};

use clap::{
    ArgMatches, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use super::{formats, keygen::KeygenArgs, model::ModelArgs, repo::RepoArgs, test::TestArgs};
use crate::format::FORMATS;

/// One manifest in, native packages out: pkggen reads `pkggen.toml` (or `Cargo.toml`) and writes packages for every system it names,
/// from any Linux host, without the tools of those systems.
#[derive(Debug, Parser)]
#[command(
    name = "pkggen",
    version,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  pkggen init            write a first pkggen.toml
  pkggen plan            see what would be made
  pkggen deb             make the Debian package and print its path
  scp $(pkggen deb) host:

`pkggen VERB --help` has an example for every verb; docs/manifest.md has every key."
)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Flags of all verbs.
#[derive(Args, Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a switch of its own
pub(crate) struct Flags {
    /// The manifest [default: pkggen.toml, else Cargo.toml]
    #[arg(short, long, value_name = "FILE", global = true, help_heading = "What to build")]
    pub(crate) manifest: Option<PathBuf>,
    /// A member of the Cargo workspace
    #[arg(short, long, value_name = "NAME", global = true, help_heading = "What to build")]
    pub(crate) package: Option<String>,
    /// linux-x86_64, a Rust triple or a Go pair; may be given several times
    #[arg(
        long = "target",
        value_name = "T",
        global = true,
        value_delimiter = ',',
        help_heading = "What to build"
    )]
    pub(crate) targets: Vec<String>,
    /// Only this variant; may be given several times
    #[arg(
        long = "variant",
        value_name = "V",
        global = true,
        value_delimiter = ',',
        help_heading = "What to build"
    )]
    pub(crate) variants: Vec<String>,
    /// Strongest layer over the manifest: package.version=1.2.3
    #[arg(long = "set", value_name = "KEY=VALUE", global = true, help_heading = "What to build")]
    pub(crate) sets: Vec<String>,
    /// Which Cargo build is packaged: target/release or target/debug; release implies --sign
    #[arg(long, value_name = "PROFILE", global = true, help_heading = "What to build")]
    pub(crate) profile: Option<Profile>,
    /// pkggen.lock must not change; Cargo is told, too
    #[arg(long, global = true, help_heading = "What to build")]
    pub(crate) locked: bool,
    /// Take models from this Ollama store and no other
    #[arg(long, value_name = "DIR", global = true, help_heading = "What to build")]
    pub(crate) ollama_models: Option<PathBuf>,
    /// No network at all; Cargo is told, too
    #[arg(long, global = true, help_heading = "What to build")]
    pub(crate) offline: bool,

    /// Pack what Cargo built already
    #[arg(long, global = true, help_heading = "How to build")]
    pub(crate) no_build: bool,
    /// Folder for the artifacts [default: dist]
    #[arg(long, value_name = "DIR", global = true, help_heading = "How to build")]
    pub(crate) out: Option<PathBuf>,
    /// Everything must be signed
    #[arg(long, global = true, conflicts_with = "no_sign", help_heading = "How to build")]
    pub(crate) sign: bool,
    /// Nothing is signed, also with --profile release
    #[arg(long, global = true, help_heading = "How to build")]
    pub(crate) no_sign: bool,
    /// Threads [default: all cores]
    #[arg(short = 'j', long, value_name = "N", global = true, help_heading = "How to build",
          value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Read every payload again, also those that look unchanged
    #[arg(long, global = true, help_heading = "How to build")]
    pub(crate) fresh: bool,
    /// Accept what has changed into pkggen.lock
    #[arg(long, global = true, conflicts_with = "locked", help_heading = "How to build")]
    pub(crate) update_lock: bool,
    /// Go on with the other artifacts after one failed
    #[arg(long, global = true, help_heading = "How to build")]
    pub(crate) keep_going: bool,

    /// One JSON document on stdout
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,
    /// Events as they happen, one JSON object per line
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        conflicts_with = "json",
        help_heading = "Output"
    )]
    pub(crate) message_format: Option<MessageFormat>,
    /// Only errors on stderr
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub(crate) quiet: bool,
    /// More on stderr
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
    /// Colours on stderr
    #[arg(
        long,
        value_name = "WHEN",
        global = true,
        default_value = "auto",
        hide_default_value = true,
        help_heading = "Output"
    )]
    pub(crate) color: Color,
}

/// `--profile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    Release,
    Dev,
}

/// `--message-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    Json,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make packages: all that the manifest names, or only FORMATs
    #[command(after_help = "\
Examples:
  pkggen build                       everything whose sources are there
  pkggen build deb tar.zst --target linux-aarch64
  pkggen build --json | jq -r '.artifacts[].sha256'")]
    Build {
        /// deb, tar, tar.xz, zip, … (`pkggen formats`)
        #[arg(value_name = "FORMAT")]
        formats: Vec<String>,
    },
    /// Look for mistakes in manifest, sources, names and limits; make nothing
    #[command(after_help = "\
Examples:
  pkggen check && git push
  pkggen check --update-lock   accept sources that have changed into pkggen.lock

Exits like `pkggen build` would: 0 is good, 2 a mistake or a missing source, 3 something that
cannot be made.")]
    Check {
        /// Only these formats
        #[arg(value_name = "FORMAT")]
        formats: Vec<String>,
    },
    /// Show what would be made and what it does on the user's machine
    #[command(after_help = "\
Examples:
  pkggen plan
  pkggen plan deb --json | jq '.artifacts[].files[].path'")]
    Plan {
        /// Only these formats
        #[arg(value_name = "FORMAT")]
        formats: Vec<String>,
    },
    /// Say where a file lands, which layer set a key, or what a service becomes
    #[command(after_help = "\
Examples:
  pkggen explain config/app.toml     where this file lands in every format
  pkggen explain /usr/bin/app        which item put it there
  pkggen explain deb.depends         every layer that says something, and the winner
  pkggen explain app                 the unit and the scripts of [service.app]")]
    Explain {
        /// A source or installed path, a key of the manifest, or a service
        #[arg(value_name = "PATH|KEY|SERVICE")]
        what: String,
    },
    /// Show what is in a package, ours or not
    #[command(after_help = "\
Examples:
  pkggen inspect dist/app_1.0.0_amd64.deb
  pkggen inspect app.deb --scripts
  pkggen inspect site                a repository: suites, indexes, packages
  pkggen inspect app.zip --json | jq '.files[].path'")]
    Inspect {
        /// A package, or the folder of a repository
        file: PathBuf,
        /// Only the files
        #[arg(long)]
        files: bool,
        /// Only the scripts that run on the user's machine, in full
        #[arg(long)]
        scripts: bool,
        /// Only the metadata: fields, conffiles, triggers, checksums
        #[arg(long)]
        control: bool,
    },
    /// Check structure, digests and policy of packages
    #[command(after_help = "\
Examples:
  pkggen verify dist                 every file of SHA256SUMS, and the packages inside out
  pkggen verify --strict app.deb     what is only unusual is an error, too
  pkggen verify --key key.asc dist   everything must be signed with that key
  pkggen verify site --key key.asc   a repository: every file, index and signature

SHA256SUMS beside a package is compared, and the manifest when it makes a package of that name:
the one of `-m FILE`, else the pkggen.toml of this folder.")]
    Verify {
        /// Packages, folders with packages, or repositories
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
        /// Who must have signed: public keys, armored or binary
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Warnings are errors
        #[arg(long)]
        strict: bool,
    },
    /// Compare two packages, or a package with what the manifest would make
    #[command(after_help = "\
Examples:
  pkggen diff old/app_1.0.0_amd64.deb dist/app_1.1.0_amd64.deb
  pkggen diff dist/app_1.0.0_amd64.deb pkggen.toml   what would change
  pkggen diff site mirror                            two repositories

Exits with 1 when there is a difference.")]
    Diff {
        /// A package, a repository or a manifest
        a: PathBuf,
        /// A package, a repository or a manifest
        b: PathBuf,
    },
    /// Try a package: install, services well, upgrade, edited configuration kept, remove, purge,
    /// nothing left
    #[command(after_help = "\
Examples:
  sudo pkggen test dist/app_1.1.0_amd64.deb --upgrade-from old/app_1.0.0_amd64.deb
  sudo pkggen test app.rpm --probe http://127.0.0.1:8080/health
  sudo pkggen test app.deb --with model-2.deb --upgrade-from model-1.deb

All of it happens in a container that is thrown away (systemd-nspawn); nothing is installed here.
The manifest of this folder, or that of `-m FILE`, says which address answers while a service is
well: `health`. docs/testing-packages.md has the whole list of what is looked at.")]
    Test(Box<TestArgs>),
    /// Make or extend a signed repository for apt or dnf: a folder that any web server can serve
    #[command(after_help = "\
Examples:
  pkggen repo apt site dist/*.deb --url https://example.org/deb
  pkggen repo dnf site dist/*.rpm --keep 3
  pkggen verify site --key key.asc   every file, index and signature

Prints what a user of the repository types. The key is [sign.gpg] key, else GPG_PRIVATE_KEY.
Put DIR on the server as it is, InRelease and repomd.xml last (docs/repositories.md).")]
    Repo(Box<RepoArgs>),
    /// List, show or verify the models of this machine: Ollama stores, Hugging Face cache, GGUF files
    #[command(after_help = "\
Examples:
  pkggen model list                      as `source` in a manifest names them
  pkggen model show qwen2.5-coder:3b     layers, quantisation, context
  pkggen model show weights.gguf
  pkggen model verify                    read every blob, compare it with its digest

Exits with 1 when something is not what its name says.")]
    Model(ModelArgs),
    /// Make a throw-away OpenPGP key to try signing with, and say how to trust it
    #[command(after_help = "\
Examples:
  pkggen keygen dev --out keys          dev.secret.asc, dev.asc, dev.gpg, dev.pol
  pkggen keygen dev --algorithm ed25519

Every call makes another key. It has no passphrase and no expiry: never release with it.")]
    Keygen(KeygenArgs),
    /// Write a first manifest from what is in this folder
    #[command(after_help = "\
Examples:
  pkggen init                  from Cargo.toml when there is one, else from the files
  pkggen init --from dir --yes write over an earlier pkggen.toml")]
    Init {
        /// Where to look [default: cargo with a Cargo.toml, else dir]
        #[arg(long, value_name = "WHAT")]
        from: Option<InitFrom>,
        /// Write over an earlier manifest
        #[arg(short, long)]
        yes: bool,
    },
    /// List the formats and the systems they are for
    #[command(after_help = "Example:\n  pkggen formats --json")]
    Formats,
    /// Print the JSON Schema of the manifest, for editors
    #[command(after_help = "\
Example:
  pkggen schema > pkggen.schema.json     then `#:schema ./pkggen.schema.json` on line 1")]
    Schema,
    /// Print a completion script
    #[command(after_help = "\
Examples:
  pkggen completions bash > /usr/share/bash-completion/completions/pkggen
  pkggen completions zsh > ~/.zfunc/_pkggen")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write all of them into --out
    #[command(after_help = "\
Examples:
  pkggen man | man -l -
  pkggen man --out /usr/share/man/man1")]
    Man,
    /// Look for tools that are useful beside pkggen; none is needed to build
    #[command(after_help = "Example:\n  pkggen doctor")]
    Doctor,
}

/// `init --from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InitFrom {
    Cargo,
    Dir,
}

/// Flags that choose what is built.
const WHAT: &[&str] = &[
    "manifest",
    "package",
    "targets",
    "variants",
    "sets",
    "profile",
    "locked",
    "offline",
    "ollama_models",
    "sign",
    "no_sign",
    "out",
];
/// Flags that say how the work is done.
const HOW: &[&str] = &["jobs", "fresh", "keep_going", "no_build"];
/// Flags that only some verb knows.
const ELSE: &[&str] = &["update_lock"];

/// Flags that mean something to a verb, besides those for output.
fn flags_of(verb: &str) -> Vec<&'static str> {
    match verb {
        "check" => [WHAT, &["jobs", "fresh", "update_lock"]].concat(),
        "plan" => WHAT.to_vec(),
        // What they show is the same, signed or not.
        "explain" | "diff" => {
            WHAT.iter().copied().filter(|flag| !["sign", "no_sign"].contains(flag)).collect()
        }
        "init" => vec!["manifest", "package"],
        "man" | "keygen" => vec!["out"],
        "verify" => vec!["manifest", "ollama_models"],
        "test" => vec!["manifest"],
        "model" => vec!["ollama_models", "jobs"],
        "repo" => vec!["manifest", "sign", "no_sign", "fresh"],
        "inspect" | "formats" | "schema" | "completions" | "doctor" => Vec::new(),
        _ => [WHAT, HOW].concat(),
    }
}

/// Verbs of later versions, so that typing one is answered.
const LATER: &[&str] = &["sign", "notarize", "release", "ci", "update"];

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Request {
    /// The flags.
    pub(crate) flags: Flags,
    /// The verb, unless `pkggen` stood alone.
    pub(crate) verb: Option<Verb>,
}

/// Why there is no [`Request`].
#[derive(Debug)]
pub(crate) enum Refusal {
    /// `--help`, `--version` or a mistake, with clap's text.
    Clap(clap::Error),
    /// A verb or format that this version does not have.
    Later(String),
}

/// The whole command line: verbs, and a shortcut per format.
pub(crate) fn command() -> Command {
    let mut command = Cli::command();
    for format in FORMATS {
        for spelling in std::iter::once(&format.name()).chain(format.spellings()) {
            if command.find_subcommand(spelling).is_none() {
                command = command.subcommand(shortcut(spelling, format.name(), format.about()));
            }
        }
    }
    command.build();
    let verbs: Vec<_> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    for verb in verbs {
        let useful = flags_of(&verb);
        command = command.mut_subcommand(verb, |verb| hide_others(verb, &useful));
    }
    command
}

fn shortcut(spelling: &'static str, name: &str, about: &str) -> Command {
    Command::new(spelling)
        .about(format!("`pkggen build {spelling}`: {about}"))
        .hide(spelling != name)
        .after_help(format!("Example:\n  pkggen {spelling} --target linux-x86_64"))
}

fn hide_others(verb: Command, useful: &[&str]) -> Command {
    [WHAT, HOW, ELSE]
        .concat()
        .iter()
        .filter(|flag| !useful.contains(flag))
        .fold(verb, |verb, flag| {
            verb.mut_args(|arg| if arg.get_id() == *flag { arg.hide(true) } else { arg })
        })
}

/// Reads the arguments; the first is the program's name.
pub(crate) fn parse(
    args: impl IntoIterator<Item = OsString>,
    name: &'static str,
    color: clap::ColorChoice,
) -> Result<Request, Refusal> {
    let mut command = command().bin_name(name).color(color);
    let matches = command.try_get_matches_from_mut(args).map_err(refusal)?;
    let flags = Flags::from_arg_matches(&matches).map_err(Refusal::Clap)?;
    let Some(verb) = matches.subcommand_name() else {
        return Ok(Request { flags, verb: None });
    };
    refuse_others(&mut command, verb, &matches)?;
    let verb = if is_format(verb) {
        Verb::Build { formats: vec![verb.to_owned()] }
    } else {
        Verb::from_arg_matches(&matches).map_err(Refusal::Clap)?
    };
    Ok(Request { flags, verb: Some(verb) })
}

fn is_format(verb: &str) -> bool {
    FORMATS.iter().any(|format| format.name() == verb || format.spellings().contains(&verb))
}

/// A word that a later version will know is not "unrecognized".
fn refusal(error: clap::Error) -> Refusal {
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::InvalidSubcommand => word,
        _ => return Refusal::Clap(error),
    };
    let later = LATER.contains(&word.as_str()) || formats::is_later(word);
    if later { Refusal::Later(word.clone()) } else { Refusal::Clap(error) }
}

fn refuse_others(command: &mut Command, verb: &str, matches: &ArgMatches) -> Result<(), Refusal> {
    let useful = flags_of(verb);
    let typed = |flag: &&&str| matches.value_source(flag) == Some(ValueSource::CommandLine);
    let Some(flag) =
        [WHAT, HOW, ELSE].concat().into_iter().filter(|f| !useful.contains(f)).find(|f| typed(&f))
    else {
        return Ok(());
    };
    let long = command.get_arguments().find(|arg| arg.get_id() == flag).and_then(|a| a.get_long());
    let text = format!("`--{}` means nothing to `pkggen {verb}`", long.unwrap_or(flag));
    Err(Refusal::Clap(command.error(ErrorKind::UnknownArgument, text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Refusal> {
        let args = line.split(' ').map(OsString::from);
        parse(args, "pkggen", clap::ColorChoice::Never)
    }

    #[test]
    fn the_arguments_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn flags_may_stand_before_and_after_the_verb() {
        for line in ["pkggen --out x -m y check", "pkggen check --out x -m y"] {
            let request = parsed(line).unwrap();
            assert_eq!(request.flags.out, Some("x".into()), "{line}");
            assert_eq!(request.flags.manifest, Some("y".into()), "{line}");
        }
    }

    #[test]
    fn a_flag_without_a_meaning_for_the_verb_is_refused() {
        let Err(Refusal::Clap(error)) = parsed("pkggen formats --target linux-x86_64") else {
            panic!("refused")
        };
        assert!(error.to_string().contains("`--target` means nothing to `pkggen formats`"));
    }

    #[test]
    fn a_verb_of_a_later_version_is_known_as_such() {
        assert!(matches!(parsed("pkggen notarize x.dmg"), Err(Refusal::Later(_))));
        assert!(matches!(parsed("pkggen dmg --sign"), Err(Refusal::Later(_))));
        assert!(matches!(parsed("pkggen frobnicate"), Err(Refusal::Clap(_))));
    }
}
