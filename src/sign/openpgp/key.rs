//! Secret keys: which of them signs, and its passphrase.

use pgp::{
    composed::{PublicOrSecret, SignedPublicKey, SignedSecretKey},
    types::{KeyDetails, KeyVersion, Password, S2kParams, SecretParams, SigningKey, StringToKey},
};

use super::{
    Algorithm, Identity, Settings,
    validity::{self, Standing, date},
};
use crate::{
    diagnostic::Diagnostic,
    sign::{Secret, Source},
};

/// The key that signs, unlocked.
pub(super) fn open(secret: &Secret, settings: &Settings) -> Result<Identity, Diagnostic> {
    let keys = parse(secret, &settings.key)?;
    let certificates: Vec<_> = keys.iter().map(SignedSecretKey::to_public_key).collect();
    let parts = || keys.iter().zip(&certificates).flat_map(|(key, public)| parts(key, public));
    let chosen = choose(parts().collect(), settings)?;
    let mut warnings = Vec::new();
    if chosen.is_subkey {
        warnings.push(subkey_signs(&chosen));
    }
    if settings.fingerprint.is_none() && keys.len() > 1 {
        warnings.push(several(&chosen, keys.len(), settings));
    }
    let key = unlock(&chosen, settings)?;
    Ok(Identity {
        certificate: chosen.certificate.clone(),
        key,
        algorithm: chosen.algorithm.expect("a key that signs has one"),
        since: chosen.since,
        warnings,
    })
}

/// Every key of a file.
#[derive(Default)]
pub(super) struct Found {
    pub(super) secret: Vec<SignedSecretKey>,
    pub(super) public: Vec<SignedPublicKey>,
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

/// A primary key or a subkey, and what speaks against it.
struct Part<'a> {
    certificate: &'a SignedPublicKey,
    fingerprint: String,
    algorithm: Option<Algorithm>,
    is_subkey: bool,
    since: u32,
    secret: SecretPart<'a>,
    standing: Option<Standing>,
    /// Of the primary key, if this is a subkey.
    above: Option<Standing>,
    version: KeyVersion,
}

#[derive(Clone, Copy)]
enum SecretPart<'a> {
    Primary(&'a pgp::packet::SecretKey),
    Subkey(&'a pgp::packet::SecretSubkey),
}

impl SecretPart<'_> {
    fn params(&self) -> &SecretParams {
        match self {
            Self::Primary(key) => key.secret_params(),
            Self::Subkey(key) => key.secret_params(),
        }
    }

    /// Only the public half is there: `gpg --export-secret-subkeys`, or a smart card.
    fn is_stub(&self) -> bool {
        let SecretParams::Encrypted(locked) = self.params() else { return false };
        let (S2kParams::LegacyCfb { .. } | S2kParams::Unprotected) = locked.string_to_key_params()
        else {
            let s2k = match locked.string_to_key_params() {
                S2kParams::Aead { s2k, .. }
                | S2kParams::Cfb { s2k, .. }
                | S2kParams::MalleableCfb { s2k, .. } => s2k,
                _ => return false,
            };
            return matches!(s2k, StringToKey::Private { .. });
        };
        false
    }
}

fn parts<'a>(key: &'a SignedSecretKey, certificate: &'a SignedPublicKey) -> Vec<Part<'a>> {
    let above = validity::primary(certificate);
    let primary = &key.primary_key;
    let mut parts = vec![Part {
        certificate,
        fingerprint: format!("{:X}", primary.fingerprint()),
        algorithm: Algorithm::of(primary.algorithm()),
        is_subkey: false,
        since: above.map_or(0, |standing| standing.since),
        secret: SecretPart::Primary(primary),
        standing: above,
        above,
        version: primary.version(),
    }];
    for subkey in &key.secret_subkeys {
        let standing = validity::subkey(certificate, &subkey.signed_public_key());
        let since = [standing, above].iter().flatten().map(|standing| standing.since).max();
        parts.push(Part {
            certificate,
            fingerprint: format!("{:X}", subkey.key.fingerprint()),
            algorithm: Algorithm::of(subkey.key.algorithm()),
            is_subkey: true,
            since: since.unwrap_or(0),
            secret: SecretPart::Subkey(&subkey.key),
            standing,
            above,
            version: subkey.key.version(),
        });
    }
    parts
}

impl Part<'_> {
    /// Why it cannot sign, with the code of the error.
    fn against(&self, now: u64) -> Option<(&'static str, String)> {
        let (Some(standing), Some(above)) = (self.standing, self.above) else {
            return Some(("sign.key", "it has no valid self-signature".into()));
        };
        let expires = [standing.expires, above.expires].into_iter().flatten().min();
        if standing.revoked || above.revoked {
            Some(("sign.revoked", "it is revoked".into()))
        } else if let Some(expired) = expires.filter(|expires| *expires <= now) {
            Some(("sign.expired", format!("it expired on {}", date(expired))))
        } else if self.version != KeyVersion::V4 {
            Some(("sign.key", "it is no version 4 key, and rpm and apt read no other".into()))
        } else if self.algorithm.is_none() || !standing.signs {
            Some(("sign.key", "it is not made for signing".into()))
        } else if self.secret.is_stub() {
            let why = "its secret half is not there (a stub, as for a smart card)";
            Some(("sign.stub", why.into()))
        } else {
            None
        }
    }

    fn is_called(&self, fingerprint: &str) -> bool {
        self.fingerprint.ends_with(fingerprint)
    }

    fn title(&self) -> String {
        let kind = if self.is_subkey { "subkey" } else { "key" };
        format!("OpenPGP {kind} {}", self.fingerprint)
    }
}

/// The key that was asked for; else the first primary key that can sign, else the newest subkey.
fn choose<'a>(parts: Vec<Part<'a>>, settings: &Settings) -> Result<Part<'a>, Diagnostic> {
    let Some(wanted) = &settings.fingerprint else { return best(parts, settings) };
    let wanted = wanted.replace(' ', "").to_uppercase();
    let names: Vec<_> = parts.iter().map(Part::title).collect();
    match parts.into_iter().find(|part| part.is_called(&wanted)) {
        Some(part) => best(vec![part], settings),
        None => {
            let text = format!("{} holds no key {wanted}", settings.key);
            let mut error = Diagnostic::signing("sign.fingerprint", text);
            error.causes = names.into_iter().map(|name| format!("it holds the {name}")).collect();
            Err(error)
        }
    }
}

fn best<'a>(parts: Vec<Part<'a>>, settings: &Settings) -> Result<Part<'a>, Diagnostic> {
    let mut against = Vec::new();
    let mut good = Vec::new();
    for part in parts {
        match part.against(settings.now) {
            Some(reason) => against.push((part.title(), reason)),
            None => good.push(part),
        }
    }
    let newest = |a: &Part<'a>, b: &Part<'a>| {
        (a.is_subkey, if a.is_subkey { u32::MAX - a.since } else { 0 })
            .cmp(&(b.is_subkey, if b.is_subkey { u32::MAX - b.since } else { 0 }))
    };
    good.sort_by(newest);
    match (good.into_iter().next(), against.as_slice()) {
        (Some(part), _) => Ok(part),
        (None, [(title, (code, why))]) => {
            Err(Diagnostic::signing(code, format!("the {title} cannot sign: {why}")))
        }
        (None, _) => {
            // Subkeys for encryption say nothing about why the others do not sign.
            let telling = against.iter().find(|(_, (code, _))| *code != "sign.key");
            let code = telling.or(against.first()).map_or("sign.key", |(_, (code, _))| *code);
            let text = format!("no key of {} can sign", settings.key);
            let mut error = Diagnostic::signing(code, text);
            error.causes =
                against.into_iter().map(|(title, (_, why))| format!("{title}: {why}")).collect();
            Err(error)
        }
    }
}

/// The secret half, without its passphrase: a wrong one is said now, not in the middle of a build.
fn unlock(
    part: &Part<'_>,
    settings: &Settings,
) -> Result<Box<dyn SigningKey + Send + Sync>, Diagnostic> {
    let mut password = Password::empty();
    if part.secret.params().is_encrypted() {
        let source = &settings.passphrase;
        let passphrase = source.read(&settings.env, &settings.dir)?.ok_or_else(|| {
            let text = format!("the {} needs a passphrase, and {}", part.title(), source.absence());
            Diagnostic::signing("sign.passphrase", text)
        })?;
        password = Password::from(passphrase.line());
    }
    let unlocked: pgp::errors::Result<Box<dyn SigningKey + Send + Sync>> = match part.secret {
        SecretPart::Primary(key) => {
            let mut key = key.clone();
            key.remove_password(&password).map(|()| Box::new(key) as _)
        }
        SecretPart::Subkey(key) => {
            let mut key = key.clone();
            key.remove_password(&password).map(|()| Box::new(key) as _)
        }
    };
    unlocked.map_err(|_| {
        let text =
            format!("the passphrase in {} does not open the {}", settings.passphrase, part.title());
        Diagnostic::signing("sign.passphrase", text)
    })
}

fn subkey_signs(part: &Part<'_>) -> Diagnostic {
    let text =
        format!("the {} signs, and rpm on EL 7 and dnf 5 accept only primary keys", part.title());
    Diagnostic::signing("sign.subkey", text)
        .hint("a primary key that may sign avoids that: `pkggen keygen dev` shows one")
}

fn several(part: &Part<'_>, keys: usize, settings: &Settings) -> Diagnostic {
    let text = format!("{} holds {keys} keys, and the {} signs", settings.key, part.title());
    Diagnostic::signing("sign.several", text).hint("[sign.gpg] fingerprint = \"…\" chooses another")
}
