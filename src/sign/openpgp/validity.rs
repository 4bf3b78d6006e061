//! Which keys of a certificate may sign, and when: self-signatures, expiry, revocation.

use pgp::{
    composed::{SignedPublicKey, SignedPublicSubKey},
    packet::{KeyFlags, Signature, SignatureType, SubpacketData},
    types::{KeyDetails as _, Tag},
};

use crate::container::utc;

/// What the self-signatures say of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Seconds since 1970.
    pub(super) created: u32,
    /// Seconds since 1970: its own making, or its first self-signature if that is later.
    pub(super) since: u32,
    /// Seconds since 1970.
    pub(super) expires: Option<u64>,
    /// By its owner.
    pub(super) revoked: bool,
    /// Its flags allow signatures of data.
    pub(super) signs: bool,
}

/// How a primary key stands; `None` when nothing that it signed itself is with it.
pub(super) fn primary(certificate: &SignedPublicKey) -> Option<Standing> {
    let key = &certificate.primary_key;
    let details = &certificate.details;
    let mut own: Vec<&Signature> = Vec::new();
    for user in &details.users {
        let good = |sig: &&Signature| {
            let good = sig.verify_certification(key, Tag::UserId, &user.id).is_ok();
            good && made_by_itself(sig)
        };
        let good: Vec<_> = user.signatures.iter().filter(good).collect();
        let revoked = |sig: &&&Signature| sig.typ() == Some(SignatureType::CertRevocation);
        if !good.iter().any(|sig| revoked(&sig)) {
            own.extend(good);
        }
    }
    let direct = details.direct_signatures.iter();
    own.extend(
        direct.filter(|sig| sig.typ() == Some(SignatureType::Key) && sig.verify_key(key).is_ok()),
    );
    let revoked = details.revocation_signatures.iter().any(|sig| sig.verify_key(key).is_ok());
    let newest = newest(&own)?;
    Some(Standing {
        created: key.created_at().as_secs(),
        since: since(key.created_at().as_secs(), &own),
        expires: expires(key.created_at().as_secs(), newest),
        revoked,
        // a key without flags may do everything
        signs: flags(newest).is_none_or(|flags| flags.sign()),
    })
}

/// How a subkey stands by itself; its primary key counts besides. `None` when it is not bound.
pub(super) fn subkey(
    certificate: &SignedPublicKey,
    subkey: &SignedPublicSubKey,
) -> Option<Standing> {
    let (primary, key) = (&certificate.primary_key, &subkey.key);
    let good = |sig: &&Signature| sig.verify_subkey_binding(primary, key).is_ok();
    let good: Vec<_> = subkey.signatures.iter().filter(good).collect();
    let of = |kind| good.iter().copied().filter(move |sig| sig.typ() == Some(kind));
    let bindings: Vec<_> = of(SignatureType::SubkeyBinding).collect();
    let newest = newest(&bindings)?;
    // A key that signs must agree to its binding, or anybody could claim it.
    let agrees = newest
        .embedded_signature()
        .is_some_and(|sig| sig.verify_primary_key_binding(key, primary).is_ok());
    Some(Standing {
        created: key.created_at().as_secs(),
        since: since(key.created_at().as_secs(), &bindings),
        expires: expires(key.created_at().as_secs(), newest),
        revoked: of(SignatureType::SubkeyRevocation).next().is_some(),
        signs: agrees && flags(newest).is_some_and(|flags| flags.sign()),
    })
}

/// The user id that gpg would show: the one marked as primary, else the first.
pub(super) fn user_id(certificate: &SignedPublicKey) -> Option<String> {
    let users = &certificate.details.users;
    let user = users.iter().find(|user| user.is_primary()).or(users.first())?;
    let text: String = String::from_utf8_lossy(user.id.id()).into_owned();
    Some(text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect())
}

/// Certifications of a user id, not their revocation by somebody.
fn made_by_itself(sig: &Signature) -> bool {
    sig.is_certification() || matches!(sig.typ(), Some(SignatureType::CertRevocation))
}

fn newest<'a>(all: &[&'a Signature]) -> Option<&'a Signature> {
    all.iter().copied().max_by_key(|sig| sig.created())
}

fn since(created: u32, all: &[&Signature]) -> u32 {
    let first = all.iter().filter_map(|sig| sig.created()).min();
    first.map_or(created, |first| first.as_secs().max(created))
}

fn expires(created: u32, newest: &Signature) -> Option<u64> {
    let after = newest.key_expiration_time()?.as_secs();
    (after != 0).then(|| u64::from(created) + u64::from(after))
}

fn flags(signature: &Signature) -> Option<KeyFlags> {
    signature.config()?.hashed_subpackets().find_map(|packet| match &packet.data {
        SubpacketData::KeyFlags(flags) => Some(flags.clone()),
        _ => None,
    })
}

/// A day, in UTC.
pub(super) fn date(epoch: u64) -> String {
    let text = utc(i64::try_from(epoch).unwrap_or(i64::MAX));
    text.split(' ').next().unwrap_or_default().to_owned()
}
