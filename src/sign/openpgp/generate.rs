//! New keys, to try signing with.

use pgp::{
    composed::{KeyType, SecretKeyParamsBuilder, SignedSecretKey},
    ser::Serialize as _,
    types::{KeyDetails as _, Timestamp},
};
use rand::rngs::OsRng;

use super::armor;
use crate::{diagnostic::Diagnostic, sign::Secret};

/// What kind of key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewKey {
    /// RSA, 3072 bits: what every rpm, dnf and apt reads.
    Rsa3072,
    /// Ed25519 as gpg writes it: small and fast; not for EL 7.
    Ed25519,
}

/// A key and its public half.
#[derive(Debug)]
pub struct Pair {
    /// The secret key, armored, without a passphrase.
    pub secret: Secret,
    /// The public key, armored.
    pub armored: String,
    /// The public key, binary.
    pub binary: Vec<u8>,
    /// 40 upper-case hexadecimal digits.
    pub fingerprint: String,
}

/// Makes a key: one primary key that signs and certifies, no subkeys, no expiry, version 4. Two calls
/// never make the same one.
pub fn generate(kind: NewKey, user: &str, time: u64) -> Result<Pair, Diagnostic> {
    let failed = |error: &dyn std::error::Error| {
        Diagnostic::signing("keygen.failed", "cannot make a key").caused_by(error)
    };
    let created = u32::try_from(time).map_err(|error| failed(&error))?;
    let mut params = SecretKeyParamsBuilder::default();
    params
        .key_type(match kind {
            NewKey::Rsa3072 => KeyType::Rsa(3072),
            NewKey::Ed25519 => KeyType::Ed25519Legacy,
        })
        .can_certify(true)
        .can_sign(true)
        .created_at(Timestamp::from_secs(created))
        .primary_user_id(user.to_owned());
    let params = params.build().map_err(|error| failed(&error))?;
    let key = params.generate(OsRng).map_err(|error| failed(&error))?;
    pair(&key).map_err(|error| failed(&error))
}

fn pair(key: &SignedSecretKey) -> pgp::errors::Result<Pair> {
    let public = key.to_public_key();
    Ok(Pair {
        secret: Secret::new(key.to_armored_bytes(armor())?),
        armored: public.to_armored_string(armor())?,
        binary: public.to_bytes()?,
        fingerprint: format!("{:X}", key.fingerprint()),
    })
}
