//! Which key signs, and its passphrase.

use pgp::{
    composed::{PublicOrSecret, SignedPublicKey, SignedSecretKey},
    packet::{SecretKey, SecretSubkey},
    types::{KeyDetails as _, Password, S2kParams, SecretParams, SigningKey, StringToKey},
};

use super::{
    Identity, Settings, SignCommand, Signer,
    command::Remote,
    part::{self, Part},
};
use crate::{
    diagnostic::Diagnostic,
    sign::{Secret, Source},
};

/// The key that signs, unlocked.
pub(super) fn open(secret: &Secret, settings: &Settings) -> Result<Identity, Diagnostic> {
    let keys = parse(secret, &settings.key)?;
    let all = keys.iter().flat_map(|key| {
        let certificate = key.to_public_key();
        let halves = halves(key);
        let parts = part::parts(&certificate).into_iter();
        let found: Vec<_> = parts
            .map(|part| {
                let fingerprint = part.public.details().fingerprint();
                let half = halves.iter().find(|half| half.fingerprint() == fingerprint).copied();
                Candidate {
                    certificate: certificate.clone(),
                    part,
                    half: half.unwrap_or(Half::Missing),
                }
            })
            .collect();
        found
    });
    let chosen = choose(all.collect(), &settings.key.to_string(), settings)?;
    let mut warnings = chosen.warnings();
    if settings.fingerprint.is_none() && keys.len() > 1 {
        warnings.push(several(&chosen, keys.len(), settings));
    }
    let signer = Signer::Key(unlock(&chosen, settings)?);
    Ok(chosen.identity(signer, warnings))
}

/// The key of a command's certificate.
pub(super) fn of_command(
    command: &SignCommand,
    settings: &Settings,
) -> Result<Identity, Diagnostic> {
    let name = format!("`{}`", command.certificate.display());
    let source = Source::File(command.certificate.clone());
    let bytes = source.read(&settings.env, &settings.dir)?.ok_or_else(|| {
        Diagnostic::signing("sign.certificate", format!("the certificate {name} is not there"))
    })?;
    let damaged = || Diagnostic::signing("sign.certificate", format!("{name} is no OpenPGP key"));
    let found = read(bytes.bytes()).map_err(|()| damaged())?;
    let all: Vec<_> = found
        .certificates()
        .flat_map(|certificate| {
            let parts = part::parts(&certificate).into_iter();
            let candidate =
                |part| Candidate { certificate: certificate.clone(), part, half: Half::Elsewhere };
            parts.map(candidate).collect::<Vec<_>>()
        })
        .collect();
    if all.is_empty() {
        return Err(damaged());
    }
    let chosen = choose(all, &name, settings)?;
    let warnings = chosen.warnings();
    let signer = Signer::Command(Box::new(Remote::new(
        chosen.part.public.clone(),
        command.clone(),
        settings,
    )));
    Ok(chosen.identity(signer, warnings))
}

/// Every key of a file.
#[derive(Default)]
pub(super) struct Found {
    secret: Vec<SignedSecretKey>,
    public: Vec<SignedPublicKey>,
}

impl Found {
    /// The public half of every key.
    pub(super) fn certificates(self) -> impl Iterator<Item = SignedPublicKey> {
        self.public.into_iter().chain(self.secret.into_iter().map(|key| key.to_public_key()))
    }
}

/// Reads keys. What rPGP says of a broken one is not repeated: it may quote.
pub(super) fn read(bytes: &[u8]) -> Result<Found, ()> {
    let mut found = Found::default();
    for block in blocks(bytes) {
        let Ok((keys, _)) = PublicOrSecret::from_reader_many(block) else { continue };
        for key in keys {
            match key {
                Ok(PublicOrSecret::Secret(key)) => found.secret.push(key),
                Ok(PublicOrSecret::Public(key)) => found.public.push(key),
                Err(_) => return Err(()),
            }
        }
    }
    Ok(found)
}

/// Armored blocks one by one, or all of a binary file: keys may have been appended to each other.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN PGP ";
    if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        return vec![bytes];
    }
    let at: Vec<_> = bytes
        .windows(BEGIN.len())
        .enumerate()
        .filter(|(_, window)| *window == BEGIN)
        .map(|(at, _)| at)
        .collect();
    let ends = at.iter().skip(1).copied().chain([bytes.len()]);
    at.iter().copied().zip(ends).map(|(from, to)| &bytes[from..to]).collect()
}

fn parse(secret: &Secret, source: &Source) -> Result<Vec<SignedSecretKey>, Diagnostic> {
    let found = read(secret.bytes()).map_err(|()| {
        let text = format!("{source} holds an OpenPGP key that is damaged");
        Diagnostic::signing("sign.key", text)
    })?;
    if found.secret.is_empty() {
        return Err(no_secret_key(source, !found.public.is_empty()));
    }
    Ok(found.secret)
}

fn no_secret_key(source: &Source, is_public: bool) -> Diagnostic {
    let hint = "`gpg --armor --export-secret-keys FINGERPRINT` writes what signing needs";
    if is_public {
        let text = format!("{source} holds only a public OpenPGP key, which cannot sign");
        return Diagnostic::signing("sign.public", text).hint(hint);
    }
    let error = Diagnostic::signing("sign.key", format!("{source} holds no OpenPGP key"));
    match source {
        Source::Env(_) => error.hint(
            "the variable holds the key itself, not a path; for a file write [sign.gpg] key = { file = \"PATH\" }",
        ),
        _ => error.hint(hint),
    }
}

/// Where the secret half of a key is.
#[derive(Clone, Copy)]
enum Half<'a> {
    Primary(&'a SecretKey),
    Subkey(&'a SecretSubkey),
    /// A command has it.
    Elsewhere,
    Missing,
}

fn halves(key: &SignedSecretKey) -> Vec<Half<'_>> {
    let subkeys = key.secret_subkeys.iter().map(|subkey| Half::Subkey(&subkey.key));
    std::iter::once(Half::Primary(&key.primary_key)).chain(subkeys).collect()
}

impl Half<'_> {
    fn fingerprint(&self) -> pgp::types::Fingerprint {
        match self {
            Self::Primary(key) => key.fingerprint(),
            Self::Subkey(key) => key.fingerprint(),
            Self::Elsewhere | Self::Missing => pgp::types::Fingerprint::Unknown(Box::default()),
        }
    }

    fn params(&self) -> Option<&SecretParams> {
        match self {
            Self::Primary(key) => Some(key.secret_params()),
            Self::Subkey(key) => Some(key.secret_params()),
            Self::Elsewhere | Self::Missing => None,
        }
    }

    /// Only the public half is there: `gpg --export-secret-subkeys`, or a smart card.
    fn is_missing(&self) -> bool {
        let Some(params) = self.params() else { return matches!(self, Self::Missing) };
        let SecretParams::Encrypted(locked) = params else { return false };
        match locked.string_to_key_params() {
            S2kParams::Aead { s2k, .. }
            | S2kParams::Cfb { s2k, .. }
            | S2kParams::MalleableCfb { s2k, .. } => matches!(s2k, StringToKey::Private { .. }),
            S2kParams::LegacyCfb { .. } | S2kParams::Unprotected => false,
        }
    }
}

/// A key that may sign.
struct Candidate<'a> {
    certificate: SignedPublicKey,
    part: Part,
    half: Half<'a>,
}

impl Candidate<'_> {
    /// Why it cannot sign now, with the code of the error.
    fn against(&self, now: u64) -> Option<(&'static str, String)> {
        // The clocks of two machines differ.
        if let Some(reason) = self.part.against(now.max(self.part.since().into())) {
            return Some(reason);
        }
        if !self.part.is_known() {
            let why = "it is no version 4 key, and rpm and apt read no other";
            return Some(("sign.key", why.into()));
        }
        let why = "its secret half is not there (a stub, as for a smart card)";
        self.half.is_missing().then(|| ("sign.stub", why.to_owned()))
    }

    fn warnings(&self) -> Vec<Diagnostic> {
        if !self.part.public.is_subkey() {
            return Vec::new();
        }
        let title = self.part.public.title();
        let text = format!("the {title} signs, and rpm on EL 7 and dnf 5 accept only primary keys");
        vec![
            Diagnostic::signing("sign.subkey", text)
                .hint("a primary key that may sign avoids that; `pkggen keygen dev` makes one"),
        ]
    }

    fn identity(self, signer: Signer, warnings: Vec<Diagnostic>) -> Identity {
        let Self { certificate, part, .. } = self;
        Identity { certificate, part, signer, warnings }
    }
}

/// The key that was asked for; else the first primary key that can sign, else the newest subkey.
fn choose<'a>(
    mut all: Vec<Candidate<'a>>,
    source: &str,
    settings: &Settings,
) -> Result<Candidate<'a>, Diagnostic> {
    if let Some(wanted) = &settings.fingerprint {
        let wanted = wanted.replace(' ', "").to_uppercase();
        let names: Vec<_> = all.iter().map(|it| it.part.public.title()).collect();
        all.retain(|it| it.part.public.fingerprint().ends_with(&wanted));
        if all.is_empty() {
            let text = format!("{source} holds no key {wanted}");
            let mut error = Diagnostic::signing("sign.fingerprint", text);
            error.causes = names.into_iter().map(|name| format!("it holds the {name}")).collect();
            return Err(error);
        }
    }
    let mut against = Vec::new();
    let mut good = Vec::new();
    for candidate in all {
        match candidate.against(settings.now) {
            Some(reason) => against.push((candidate.part.public.title(), reason)),
            None => good.push(candidate),
        }
    }
    let is_subkey = |it: &Candidate<'_>| it.part.public.is_subkey();
    let primary = good.iter().position(|it| !is_subkey(it));
    let newest = || (0..good.len()).max_by_key(|at| good[*at].part.since());
    match primary.or_else(newest) {
        Some(at) => Ok(good.swap_remove(at)),
        None => Err(none_signs(&against, source)),
    }
}

fn none_signs(against: &[(String, (&'static str, String))], source: &str) -> Diagnostic {
    if let [(title, (code, why))] = against {
        return Diagnostic::signing(code, format!("the {title} cannot sign: {why}"));
    }
    // Subkeys for encryption say nothing about why the others do not sign.
    let telling = against.iter().find(|(_, (code, _))| *code != "sign.key");
    let code = telling.or(against.first()).map_or("sign.key", |(_, (code, _))| *code);
    let mut error = Diagnostic::signing(code, format!("no key of {source} can sign"));
    error.causes = against.iter().map(|(title, (_, why))| format!("{title}: {why}")).collect();
    error
}

/// The secret half, without its passphrase: a wrong one is said now, not in the middle of a build.
fn unlock(
    chosen: &Candidate<'_>,
    settings: &Settings,
) -> Result<Box<dyn SigningKey + Send + Sync>, Diagnostic> {
    let title = chosen.part.public.title();
    let mut password = Password::empty();
    let source = &settings.passphrase;
    if chosen.half.params().is_some_and(SecretParams::is_encrypted) {
        let passphrase = source.read(&settings.env, &settings.dir)?.ok_or_else(|| {
            let text = format!("the {title} needs a passphrase, and {}", source.absence());
            Diagnostic::signing("sign.passphrase", text)
        })?;
        password = Password::from(passphrase.line());
    }
    let wrong = || {
        let text = format!("the passphrase in {source} does not open the {title}");
        Diagnostic::signing("sign.passphrase", text)
    };
    match chosen.half {
        Half::Primary(key) => {
            let mut key = key.clone();
            key.remove_password(&password).map_err(|_| wrong())?;
            Ok(Box::new(key))
        }
        Half::Subkey(key) => {
            let mut key = key.clone();
            key.remove_password(&password).map_err(|_| wrong())?;
            Ok(Box::new(key))
        }
        Half::Elsewhere | Half::Missing => Err(wrong()),
    }
}

fn several(chosen: &Candidate<'_>, keys: usize, settings: &Settings) -> Diagnostic {
    let title = chosen.part.public.title();
    let text = format!("{} holds {keys} keys, and the {title} signs", settings.key);
    Diagnostic::signing("sign.several", text).hint("[sign.gpg] fingerprint = \"…\" chooses another")
}
