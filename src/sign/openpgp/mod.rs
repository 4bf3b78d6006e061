//! OpenPGP signatures, made and checked in this process with rPGP, or made by a command.
//!
//! Format: RFC 9580 (and RFC 4880, which rpm and old gpg read): version 4 keys and signatures.
//! What we sign with and why: docs/signing.md.

mod certificate;
mod clearsign;
mod command;
mod generate;
mod key;
mod part;
mod validity;

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read},
    path::PathBuf,
};

use pgp::{
    composed::{ArmorOptions, DetachedSignature, SignedPublicKey},
    crypto::{hash::HashAlgorithm, public_key::PublicKeyAlgorithm},
    packet::{SignatureConfig, SignatureType, Subpacket, SubpacketData},
    ser::Serialize as _,
    types::{KeyDetails as _, Password, SigningKey, Timestamp},
};

use super::Source;
use crate::diagnostic::Diagnostic;
pub use certificate::{Certificate, Refused, SignedBy, claim};
use command::Remote;
pub use generate::{NewKey, Pair, generate};
use part::Part;

/// Where a key comes from, and which one of several.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The secret key, armored or binary.
    pub key: Source,
    /// Its passphrase.
    pub passphrase: Source,
    /// The key or subkey that signs: its fingerprint, or at least the 16 digits at its end.
    pub fingerprint: Option<String>,
    /// Signs instead of the key.
    pub command: Option<SignCommand>,
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
            command: None,
            env,
            dir,
            now,
        }
    }
}

/// A program that signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignCommand {
    /// Program and arguments.
    pub words: Vec<String>,
    /// The same for texts that keep their signature inside; empty for the same program.
    pub text_words: Vec<String>,
    /// It reads a digest and writes a bare signature; else data, and writes an OpenPGP signature.
    pub digest: bool,
    /// The public key that its signatures are checked with.
    pub certificate: PathBuf,
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

/// Somebody who signs: a key that is here, or a command.
pub struct Identity {
    /// Everything that is public about it, with every self-signature.
    certificate: SignedPublicKey,
    /// Primary key or subkey.
    part: Part,
    signer: Signer,
    warnings: Vec<Diagnostic>,
}

enum Signer {
    /// Unlocked.
    Key(Box<dyn SigningKey + Send + Sync>),
    Command(Box<Remote>),
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl Identity {
    /// The identity that these settings mean; `None` when there is no key.
    pub fn open(settings: &Settings) -> Result<Option<Self>, Diagnostic> {
        if let Some(command) = &settings.command {
            return key::of_command(command, settings).map(Some);
        }
        match settings.key.read(&settings.env, &settings.dir)? {
            Some(secret) => key::open(&secret, settings).map(Some),
            None => Ok(None),
        }
    }

    /// The key or subkey that signs: 40 upper-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        self.part.public.fingerprint()
    }

    /// The primary key of the certificate, which users trust.
    pub fn primary_fingerprint(&self) -> String {
        format!("{:X}", self.certificate.fingerprint())
    }

    /// What kind of key signs.
    pub fn algorithm(&self) -> Algorithm {
        self.part.public.algorithm().expect("a key that signs has one")
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
        let signed = clearsign::canonical(text).ok_or_else(|| {
            let why = "a text with a carriage return that ends no line cannot be clear-signed";
            Diagnostic::signing("sign.text", why)
        })?;
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
        let time = self.time(time)?;
        let key: &dyn SigningKey = match &self.signer {
            Signer::Command(remote) if !remote.reads_digests() => {
                let signature = remote.sign_data(kind, data, time.as_secs().into())?;
                return Ok(DetachedSignature::new(signature));
            }
            Signer::Command(remote) => &**remote,
            Signer::Key(key) => &**key,
        };
        let config = config(kind, key, time);
        let mut data = Watched::new(data);
        let signature = config.sign(&Box::new(key), &Password::empty(), &mut data);
        if let Some(error) = data.failed {
            let text = "cannot read what is to be signed";
            return Err(Diagnostic::failed("sign.unreadable", text).caused_by(&error));
        }
        signature.map(DetachedSignature::new).map_err(|error| {
            let text = format!("cannot sign with the {}", self.part.public.title());
            Diagnostic::signing("sign.failed", text).caused_by(&error)
        })
    }

    /// A signature may not be older than its key: gpg and Sequoia refuse it.
    fn time(&self, time: u64) -> Result<Timestamp, Diagnostic> {
        let time = u32::try_from(time).map_err(|_| {
            let text = format!("a signature cannot say {time} seconds, which is after 2106");
            Diagnostic::signing("sign.time", text)
        })?;
        Ok(Timestamp::from_secs(time.max(self.part.since())))
    }
}

/// What a signature says beside the data: when and by whom. Nothing random is in it, so that the
/// same data has the same signature.
fn config(kind: SignatureType, key: &dyn SigningKey, time: Timestamp) -> SignatureConfig {
    let fits = |data| Subpacket::regular(data).expect("a few bytes");
    let mut config = SignatureConfig::v4(kind, key.algorithm(), hash(key));
    config.hashed_subpackets = vec![
        fits(SubpacketData::IssuerFingerprint(key.fingerprint())),
        fits(SubpacketData::SignatureCreationTime(time)),
    ];
    config.unhashed_subpackets = vec![fits(SubpacketData::IssuerKeyId(key.legacy_key_id()))];
    config
}

/// SHA-512 where the key leaves the choice; a curve or a DSA key has a digest of its own size.
fn hash(key: &dyn SigningKey) -> HashAlgorithm {
    match Algorithm::of(key.algorithm()) {
        Some(Algorithm::Rsa | Algorithm::EdDsa) => HashAlgorithm::Sha512,
        _ => key.hash_alg(),
    }
}

/// A reader whose error is kept: rPGP would take it for its own.
struct Watched<'a> {
    data: &'a mut dyn Read,
    failed: Option<io::Error>,
}

impl<'a> Watched<'a> {
    fn new(data: &'a mut dyn Read) -> Self {
        Self { data, failed: None }
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.data.read(buffer).map_err(|error| {
            let again = io::Error::from(error.kind());
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed = Some(error);
            }
            again
        })
    }
}

/// Armor as gpg writes it: no headers, but the checksum, which old readers want.
fn armor() -> ArmorOptions<'static> {
    ArmorOptions { headers: None, include_checksum: true }
}
