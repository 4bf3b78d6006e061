//! Somebody's public keys, and what they signed.

use std::{
    fmt,
    io::{self, Read},
};

use pgp::{
    composed::{CleartextSignedMessage, Deserializable as _, DetachedSignature, SignedPublicKey},
    crypto::hash::HashAlgorithm,
    packet::{Signature, SignatureType},
    types::{KeyDetails as _, Timestamp},
};

use super::{
    Watched, key,
    part::{self, Part},
    validity,
};
use crate::{container::utc, diagnostic::Diagnostic};

/// Public keys, as in `key.asc`.
#[derive(Clone, Debug)]
pub struct Certificate {
    keys: Vec<SignedPublicKey>,
}

/// Who signed, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The primary key, which users trust.
    pub primary_fingerprint: String,
    /// The key or subkey that signed.
    pub fingerprint: String,
    /// Whom it belongs to.
    pub user_id: Option<String>,
    /// Seconds since 1970.
    pub time: u64,
}

/// `AAAA… (Ana Example <ana@example.org>)`
impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.primary_fingerprint)?;
        self.user_id.as_ref().map_or(Ok(()), |user| write!(f, " ({user})"))
    }
}

/// Why a signature is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// What should be a signature is none.
    #[error("it is no OpenPGP signature: {why}")]
    Malformed {
        /// What is wrong with it.
        why: String,
    },
    /// The signature is by somebody else.
    #[error("it was signed by {issuer}, which is not the given key")]
    UnknownKey {
        /// Fingerprints or key ids.
        issuer: String,
    },
    /// What was signed is not what is there.
    #[error("the signature by {fingerprint} is wrong: what was signed was changed")]
    Bad {
        /// The key that claims to have signed.
        fingerprint: String,
    },
    /// The key should not have signed.
    #[error("the key {fingerprint} signed, but {why}")]
    Key {
        /// The key that signed.
        fingerprint: String,
        /// What speaks against it.
        why: String,
    },
    /// The signature is of a kind that proves nothing.
    #[error("the signature by {fingerprint} is not accepted: {why}")]
    Weak {
        /// The key that signed.
        fingerprint: String,
        /// What speaks against it.
        why: String,
    },
    /// The data cannot be read.
    #[error("what was signed cannot be read")]
    Unreadable(#[source] io::Error),
}

impl Certificate {
    /// Reads public keys, armored or binary. Of secret keys only the public half is kept.
    pub fn parse(bytes: &[u8]) -> Result<Self, Diagnostic> {
        let found = key::read(bytes)
            .map_err(|()| Diagnostic::signing("sign.certificate", "an OpenPGP key is damaged"))?;
        let keys: Vec<_> = found.certificates().collect();
        if keys.is_empty() {
            let text = "there is no OpenPGP key";
            let hint = "`gpg --armor --export FINGERPRINT` writes one";
            return Err(Diagnostic::signing("sign.certificate", text).hint(hint));
        }
        Ok(Self { keys })
    }

    /// The primary keys: 40 upper-case hexadecimal digits each.
    pub fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(|key| format!("{:X}", key.fingerprint())).collect()
    }

    /// Checks a detached signature, armored or binary. Data is read once, front to back.
    pub fn verify(&self, data: &mut dyn Read, signature: &[u8]) -> Result<SignedBy, Refused> {
        let signatures = detached(signature)?;
        let kinds = [SignatureType::Binary, SignatureType::Text];
        let (signature, signer) = self.signer(&signatures, &kinds)?;
        signer.check(signature, data)
    }

    /// Checks a text with its signature around it; its text is returned as it was signed, lines
    /// ended by LF.
    pub fn verify_clearsigned(&self, text: &str) -> Result<(String, SignedBy), Refused> {
        let malformed = |why: String| Refused::Malformed { why };
        if !text.trim_end().ends_with("-----END PGP SIGNATURE-----") {
            return Err(malformed("text follows it, or its end is missing".into()));
        }
        let (message, _) = CleartextSignedMessage::from_string(text)
            .map_err(|error| malformed(error.to_string()))?;
        let (signature, signer) = self.signer(message.signatures(), &[SignatureType::Text])?;
        let text = message.signed_text();
        let by = signer.check(signature, &mut text.as_bytes())?;
        Ok((text.replace("\r\n", "\n") + "\n", by))
    }

    /// The first signature that one of these keys claims, and that key.
    fn signer<'a, 'b>(
        &'a self,
        signatures: &'b [Signature],
        kinds: &[SignatureType],
    ) -> Result<(&'b Signature, Signer<'a>), Refused> {
        let kind = |sig: &&Signature| sig.typ().is_some_and(|kind| kinds.contains(&kind));
        for signature in signatures.iter().filter(kind) {
            if let Some(signer) = self.keys.iter().find_map(|key| Signer::of(key, signature)) {
                return Ok((signature, signer));
            }
        }
        let issuers: Vec<_> = signatures.iter().filter(kind).filter_map(issuer).collect();
        if issuers.is_empty() {
            let why = "it does not say by whom, or is of another type".into();
            return Err(Refused::Malformed { why });
        }
        Err(Refused::UnknownKey { issuer: issuers.join(", ") })
    }
}

pub(super) fn detached(bytes: &[u8]) -> Result<Vec<Signature>, Refused> {
    let malformed = |why: String| Refused::Malformed { why };
    let (found, _) =
        DetachedSignature::from_reader_many(bytes).map_err(|error| malformed(error.to_string()))?;
    let all: Result<Vec<_>, _> = found.collect();
    let all = all.map_err(|error| malformed(error.to_string()))?;
    if all.is_empty() {
        return Err(malformed("there is none".into()));
    }
    Ok(all.into_iter().map(|detached| detached.signature).collect())
}

/// Who says to have made a detached signature, and when; nothing is checked. `None` when it is no
/// signature.
///
/// ```text
/// OpenPGP 97E6AB1C3F623A1590A22BB37A25D7B7D8A84F3C, 2026-11-21 00:00:00
/// ```
pub fn claim(signature: &[u8]) -> Option<String> {
    let all = detached(signature).ok()?;
    let claims: Option<Vec<_>> = all
        .iter()
        .map(|signature| {
            let time = signature.created().map_or(0, Timestamp::as_secs);
            Some(format!("OpenPGP {}, {}", issuer(signature)?, utc(time.into())))
        })
        .collect();
    claims.map(|claims| claims.join("; "))
}

/// Who says to have signed.
fn issuer(signature: &Signature) -> Option<String> {
    let fingerprint = signature.issuer_fingerprint().first().map(|f| format!("{f:X}"));
    fingerprint
        .or_else(|| signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase()))
}

/// A key that may have made a signature.
struct Signer<'a> {
    certificate: &'a SignedPublicKey,
    part: Part,
}

impl<'a> Signer<'a> {
    fn of(certificate: &'a SignedPublicKey, signature: &Signature) -> Option<Self> {
        let mut parts = part::parts(certificate).into_iter();
        let part = parts.find(|part| part.public.claims(signature))?;
        Some(Self { certificate, part })
    }

    fn check(&self, signature: &Signature, data: &mut dyn Read) -> Result<SignedBy, Refused> {
        let fingerprint = self.part.public.fingerprint();
        if let Some(why) = weak(signature) {
            return Err(Refused::Weak { fingerprint, why });
        }
        let mut data = Watched::new(data);
        let good = self.part.public.verify(signature, &mut data);
        if let Some(error) = data.failed {
            return Err(Refused::Unreadable(error));
        }
        if !good {
            return Err(Refused::Bad { fingerprint });
        }
        let time = u64::from(signature.created().map_or(0, Timestamp::as_secs));
        if let Some((_, why)) = self.part.against(time) {
            return Err(Refused::Key { fingerprint, why });
        }
        Ok(SignedBy {
            primary_fingerprint: format!("{:X}", self.certificate.fingerprint()),
            fingerprint,
            user_id: validity::user_id(self.certificate),
            time,
        })
    }
}

/// Signatures that somebody else could have made.
fn weak(signature: &Signature) -> Option<String> {
    match signature.hash_alg() {
        Some(
            HashAlgorithm::Sha224
            | HashAlgorithm::Sha256
            | HashAlgorithm::Sha384
            | HashAlgorithm::Sha512
            | HashAlgorithm::Sha3_256
            | HashAlgorithm::Sha3_512,
        ) => signature.created().is_none().then(|| "it does not say when it was made".into()),
        Some(hash) => Some(format!("it rests on {hash}, which is broken")),
        None => Some("its version is not known".into()),
    }
}
