//! Who signs: what the command line, `[sign]` and the environment come to.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    manifest::{self, CommandInput, Node, Secret, Sign, SignGpg, SignMode},
    sign::{
        Source,
        openpgp::{Identity, Settings, SignCommand},
    },
};

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// What the manifest says.
    #[default]
    AsManifest,
    /// Signatures; this flag asked for them.
    Must(String),
    /// None.
    Never,
}

/// Finds who signs; each identity is opened once.
pub struct Signers {
    wish: Wish,
    env: BTreeMap<String, String>,
    dir: PathBuf,
    now: u64,
    known: RefCell<Vec<(Sign, Signer)>>,
}

/// Who signs an artifact.
#[derive(Clone, Debug)]
pub enum Signer {
    /// This identity.
    By(Arc<Identity>),
    /// Nobody, because.
    Nobody(String),
}

impl Signer {
    /// The identity, if there is one.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        match self {
            Self::By(identity) => Some(identity),
            Self::Nobody(_) => None,
        }
    }
}

impl Signers {
    /// With this environment, for a manifest in this folder, at this time in seconds since 1970.
    pub fn new(wish: Wish, env: BTreeMap<String, String>, dir: &Path, now: u64) -> Self {
        Self { wish, env, dir: dir.to_owned(), now, known: RefCell::default() }
    }

    /// Who signs by `[sign]` of a merged and expanded manifest.
    pub fn of(&self, manifest: &Node) -> Result<Signer, Diagnostics> {
        let sign: Sign = manifest::decode_key(manifest, "sign")?;
        if let Some((_, signer)) = self.known.borrow().iter().find(|(known, _)| *known == sign) {
            return Ok(signer.clone());
        }
        let signer = self.find(&sign).map_err(|mut error| {
            if error.code == "sign.missing" && self.wish == Wish::AsManifest {
                error.place = manifest.find(&["sign", "mode"]).and_then(|node| node.place.clone());
            }
            error
        })?;
        self.known.borrow_mut().push((sign, signer.clone()));
        Ok(signer)
    }

    fn find(&self, sign: &Sign) -> Result<Signer, Diagnostic> {
        let asks = match (&self.wish, sign.mode) {
            (Wish::Never, _) => return Ok(Signer::Nobody("`--no-sign`".into())),
            (Wish::AsManifest, SignMode::Off) => {
                return Ok(Signer::Nobody("[sign] mode = \"off\"".into()));
            }
            (Wish::Must(flag), _) => Some(format!("`{flag}`")),
            (Wish::AsManifest, SignMode::Required) => Some("[sign] mode = \"required\"".into()),
            (Wish::AsManifest, SignMode::Auto) => None,
        };
        let mut settings = Settings::new(self.env.clone(), self.dir.clone(), self.now);
        if let Some(gpg) = &sign.gpg {
            apply(gpg, &mut settings);
        }
        if let Some(identity) = Identity::open(&settings)? {
            return Ok(Signer::By(Arc::new(identity)));
        }
        let absence = settings.key.absence();
        let Some(who) = asks else { return Ok(Signer::Nobody(absence)) };
        let text = format!("{who} asks for signatures, and there is no OpenPGP key: {absence}");
        let hint = "[sign.gpg] says where a key is, `pkggen keygen dev` makes one to try with, `--no-sign` builds without";
        Err(Diagnostic::signing("sign.missing", text).hint(hint))
    }
}

/// What `[sign.gpg]` says, over what is used without it.
pub fn apply(gpg: &SignGpg, settings: &mut Settings) {
    if let Some(key) = &gpg.key {
        settings.key = source(key);
    }
    if let Some(passphrase) = &gpg.passphrase {
        settings.passphrase = source(passphrase);
    }
    settings.fingerprint = gpg.fingerprint.as_ref().map(|text| text.value.0.clone());
    if let (Some(certificate), false) = (&gpg.certificate, gpg.command.is_empty()) {
        settings.command = Some(SignCommand {
            words: gpg.command.clone(),
            text_words: gpg.text_command.clone(),
            digest: gpg.command_input == CommandInput::Digest,
            certificate: certificate.value.0.clone().into(),
        });
    }
}

fn source(secret: &Secret) -> Source {
    match secret {
        Secret::Env(name) => Source::Env(name.clone()),
        Secret::File(path) => Source::File(path.into()),
        Secret::Command(words) => Source::Command(words.clone()),
    }
}
