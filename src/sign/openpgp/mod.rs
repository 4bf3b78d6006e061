//! OpenPGP signatures, made and checked in this process with rPGP, or made by a command.
//!
//! Format: RFC 9580 (and RFC 4880, which rpm and old gpg read): version 4 keys and signatures.
//! What we sign with and why: docs/signing.md.

mod certificate;
mod clearsign;
mod key;
mod validity;

use std::{collections::BTreeMap, fmt, io::Read, path::PathBuf};

use pgp::{
    composed::{ArmorOptions, DetachedSignature, SignedPublicKey},
    crypto::{hash::HashAlgorithm, public_key::PublicKeyAlgorithm},
    packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData},
    ser::Serialize as _,
    types::{KeyDetails as _, Password, SigningKey, Timestamp},
};

use super::Source;
use crate::diagnostic::Diagnostic;
pub use certificate::{Certificate, Refused, SignedBy};

/// Where a key comes from, and which one of several.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The secret key, armored or binary.
    pub key: Source,
    /// Its passphrase.
    pub passphrase: Source,
    /// The key or subkey that signs: its fingerprint.
    pub fingerprint: Option<String>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Where files are looked for and commands run.
    pub dir: PathBuf,
    /// The time, in seconds since 1970: expired keys do not sign.
    pub now: u64,
}

impl Settings {
    /// What is used without a word in the manifest: `GPG_PRIVATE_KEY` and `GPG_PASSPHRASE`.
    pub fn new(env: BTreeMap<String, String>, dir: PathBuf, now: u64) -> Self {
        Self {
            key: Source::Env("GPG_PRIVATE_KEY".into()),
            passphrase: Source::Env("GPG_PASSPHRASE".into()),
            fingerprint: None,
            env,
            dir,
            now,
        }
    }
}

/// What kind of key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA: what every rpm, dnf and apt reads.
    Rsa,
    /// Ed25519 in either of its two encodings.
    EdDsa,
    /// ECDSA with one of NIST's curves.
    Ecdsa,
    /// DSA: old keys.
    Dsa,
}

impl Algorithm {
    fn of(algorithm: PublicKeyAlgorithm) -> Option<Self> {
        match algorithm {
            PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign => Some(Self::Rsa),
            PublicKeyAlgorithm::EdDSALegacy
            | PublicKeyAlgorithm::Ed25519
            | PublicKeyAlgorithm::Ed448 => Some(Self::EdDsa),
            PublicKeyAlgorithm::ECDSA => Some(Self::Ecdsa),
            PublicKeyAlgorithm::DSA => Some(Self::Dsa),
            _ => None,
        }
    }

    /// Whether rpm stores its signatures as RSA, not as DSA.
    pub fn is_rsa(self) -> bool {
        self == Self::Rsa
    }
}

/// Somebody who signs: a key that is here.
pub struct Identity {
    /// The whole certificate, with every self-signature.
    certificate: SignedPublicKey,
    /// Primary key or subkey, unlocked.
    key: Box<dyn SigningKey + Send + Sync>,
    algorithm: Algorithm,
    /// Seconds since 1970. A signature may not be older than its key: gpg and Sequoia refuse it.
    since: u32,
    warnings: Vec<Diagnostic>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl Identity {
    /// The identity that these settings mean; `None` when there is no key.
    pub fn open(settings: &Settings) -> Result<Option<Self>, Diagnostic> {
        match settings.key.read(&settings.env, &settings.dir)? {
            Some(secret) => key::open(&secret, settings).map(Some),
            None => Ok(None),
        }
    }

    /// The key or subkey that signs: 40 upper-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        format!("{:X}", self.key.fingerprint())
    }

    /// The primary key of the certificate, which users trust.
    pub fn primary_fingerprint(&self) -> String {
        format!("{:X}", self.certificate.fingerprint())
    }

    /// What kind of key signs.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whom the key belongs to: `Ana Example <ana@example.org>`.
    pub fn user_id(&self) -> Option<String> {
        validity::user_id(&self.certificate)
    }

    /// What is unusual about the key.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The public key, binary: what `gpg --export` writes.
    pub fn certificate(&self) -> Vec<u8> {
        self.certificate.to_bytes().expect("memory takes everything")
    }

    /// The public key, armored.
    pub fn certificate_armored(&self) -> String {
        self.certificate.to_armored_string(armor()).expect("memory takes everything")
    }

    /// Signs bytes: one version 4 signature packet of type 0x00, binary.
    ///
    /// Its time is `time`, in seconds since 1970, or when the key was made if that is later.
    pub fn sign(&self, data: &mut dyn Read, time: u64) -> Result<Vec<u8>, Diagnostic> {
        let signature = self.detached(SignatureType::Binary, data, time)?;
        Ok(signature.to_bytes().expect("memory takes everything"))
    }

    /// Signs bytes as [`Identity::sign`] does: the signature armored, as in an `.asc` file.
    pub fn sign_armored(&self, data: &mut dyn Read, time: u64) -> Result<String, Diagnostic> {
        let signature = self.detached(SignatureType::Binary, data, time)?;
        Ok(signature.to_armored_string(armor()).expect("memory takes everything"))
    }

    /// A text with its signature around it, as in `InRelease`. The signed text is this one without
    /// blanks at the ends of lines and without its last line end.
    pub fn clearsign(&self, text: &str, time: u64) -> Result<String, Diagnostic> {
        let signed = clearsign::canonical(text);
        let signature = self.detached(SignatureType::Text, &mut signed.as_bytes(), time)?;
        let hash = signature.signature.hash_alg().unwrap_or(HashAlgorithm::Sha512);
        let armored = signature.to_armored_string(armor()).expect("memory takes everything");
        Ok(clearsign::message(text, &hash.to_string(), &armored))
    }

    fn detached(
        &self,
        kind: SignatureType,
        data: &mut dyn Read,
        time: u64,
    ) -> Result<DetachedSignature, Diagnostic> {
        let config = self.config(kind, time)?;
        let signature =
            config.sign(&Box::new(&*self.key as &dyn SigningKey), &Password::empty(), data);
        signature.map(DetachedSignature::new).map_err(|error| {
            let text = format!("cannot sign with the key {}", self.fingerprint());
            Diagnostic::signing("sign.failed", text).caused_by(&error)
        })
    }

    /// What a signature says beside the data: when and by whom. Nothing random is in it, so that
    /// the same data has the same signature.
    fn config(&self, kind: SignatureType, time: u64) -> Result<SignatureConfig, Diagnostic> {
        let time = u32::try_from(time).map_err(|_| {
            let text = format!("a signature cannot say {time} seconds, which is after 2106");
            Diagnostic::signing("sign.time", text)
        })?;
        let time = Timestamp::from_secs(time.max(self.since));
        let key = &*self.key;
        let fits = |data| Subpacket::regular(data).expect("a few bytes");
        let mut config = SignatureConfig::v4(kind, key.algorithm(), hash(self.algorithm, key));
        config.hashed_subpackets = vec![
            fits(SubpacketData::IssuerFingerprint(key.fingerprint())),
            fits(SubpacketData::SignatureCreationTime(time)),
        ];
        config.unhashed_subpackets = vec![fits(SubpacketData::IssuerKeyId(key.legacy_key_id()))];
        Ok(config)
    }
}

/// SHA-512 where the key leaves the choice; a curve or a DSA key has a digest of its own size.
fn hash(algorithm: Algorithm, key: &dyn SigningKey) -> HashAlgorithm {
    match algorithm {
        Algorithm::Rsa | Algorithm::EdDsa => HashAlgorithm::Sha512,
        Algorithm::Ecdsa | Algorithm::Dsa => key.hash_alg(),
    }
}

/// Armor as gpg writes it: no headers, but the checksum, which old readers want.
fn armor() -> ArmorOptions<'static> {
    ArmorOptions { headers: None, include_checksum: true }
}
