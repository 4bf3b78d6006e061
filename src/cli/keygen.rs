//! `pkggen keygen dev`: a throw-away key to try signing with, and how to trust it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{Outcome, session::now, ui::Ui};
use crate::{
    diagnostic::Diagnostic,
    sign::openpgp::{NewKey, Pair, generate},
    template,
};

/// What is made.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeygenArgs {
    /// What the key is for
    #[arg(value_name = "KIND")]
    kind: KeyKind,
    /// rsa3072 is read by every rpm and apt; ed25519 is small, and not for EL 7
    #[arg(long, value_name = "WORD", default_value = "rsa3072")]
    algorithm: Algorithm,
    /// Whom the key belongs to
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "pkggen development key <dev@example.invalid>"
    )]
    user: String,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyKind {
    /// To try signing with
    Dev,
}

/// `--algorithm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    Rsa3072,
    Ed25519,
}

/// The name of the files.
const NAME: &str = "dev";

/// The policy of debsig-verify.
const POLICY: &str = include_str!("../../templates/sign/debsig.pol");

/// What to do with the files.
const TRUST: &str = include_str!("../../templates/sign/trust.txt");

/// The files, as the user types their names.
#[derive(Serialize)]
struct Files {
    secret: PathBuf,
    armored: PathBuf,
    binary: PathBuf,
    policy: PathBuf,
}

impl Files {
    fn below(dir: &Path) -> Self {
        let file = |ending: &str| dir.join(format!("{NAME}.{ending}"));
        Self {
            secret: file("secret.asc"),
            armored: file("asc"),
            binary: file("gpg"),
            policy: file("pol"),
        }
    }
}

/// Makes a key and writes it into a folder.
pub(super) fn run(args: &KeygenArgs, out: Option<&Path>, ui: &Ui) -> Outcome {
    let KeygenArgs { kind: KeyKind::Dev, algorithm, user } = args;
    if user.trim().is_empty() || user.chars().any(char::is_control) {
        let text = "`--user` is empty or holds a control character";
        return Err(Diagnostic::usage("usage", text).into());
    }
    let kind = match algorithm {
        Algorithm::Rsa3072 => NewKey::Rsa3072,
        Algorithm::Ed25519 => NewKey::Ed25519,
    };
    let files = Files::below(out.unwrap_or(Path::new("")));
    let pair = generate(kind, user, now())?;
    let id = &pair.fingerprint[24..];
    let policy = template::render(POLICY, &serde_json::json!({ "name": NAME, "id": id }));
    write(&files, &pair, &policy)?;
    let words = |path: &Path| template::shell(&path.display().to_string());
    let trust = template::render(
        TRUST,
        &serde_json::json!({
            "name": NAME, "id": id,
            "secret": words(&files.secret), "armored": words(&files.armored),
            "binary": words(&files.binary), "policy": words(&files.policy),
        }),
    );
    ui.note(&format!("OpenPGP key {}\n\n{}", pair.fingerprint, trust.trim_end()));
    for file in [&files.secret, &files.armored, &files.binary, &files.policy] {
        ui.result(&file.display().to_string());
    }
    ui.document(&serde_json::json!({
        "fingerprint": pair.fingerprint, "files": files, "trust": trust,
    }));
    Ok(0)
}

/// The secret key first: nobody but its owner reads it, and no earlier one is written over.
fn write(files: &Files, pair: &Pair, policy: &str) -> Result<(), Diagnostic> {
    let failed = |path: &Path, error: &io::Error| {
        let text = format!("cannot write `{}`", path.display());
        let found = Diagnostic::failed("write.failed", text).caused_by(error);
        if error.kind() != io::ErrorKind::AlreadyExists {
            return found;
        }
        found.hint("`--out DIR` writes elsewhere; an earlier key is never replaced")
    };
    if let Some(dir) = files.secret.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    }
    let content = [
        (&files.secret, pair.secret.bytes()),
        (&files.armored, pair.armored.as_bytes()),
        (&files.binary, pair.binary.as_slice()),
        (&files.policy, policy.as_bytes()),
    ];
    for (path, _) in &content {
        if path.exists() {
            return Err(failed(path, &io::ErrorKind::AlreadyExists.into()));
        }
    }
    for (path, bytes) in content {
        let written = create(path, *path == files.secret)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(|error| failed(path, &error))?;
    }
    Ok(())
}

#[cfg(unix)]
fn create(path: &Path, is_secret: bool) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mode = if is_secret { 0o600 } else { 0o644 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _: bool) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}
