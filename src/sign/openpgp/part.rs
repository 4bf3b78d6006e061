//! A key of a certificate: its primary key or a subkey, and what speaks against it.

use std::io::Read;

use pgp::{
    composed::SignedPublicKey,
    crypto::hash::HashAlgorithm,
    packet::{PublicKey, PublicSubkey, Signature},
    types::{KeyDetails, KeyVersion, SignatureBytes, VerifyingKey as _},
};

use super::{
    Algorithm,
    validity::{self, Standing, date},
};

/// The public half.
#[derive(Clone, Debug)]
pub(super) enum Public {
    Primary(PublicKey),
    Subkey(PublicSubkey),
}

/// A key of a certificate and how it stands there.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) public: Public,
    /// By its own self-signatures; `None` when there is none.
    standing: Option<Standing>,
    /// That of the primary key.
    above: Option<Standing>,
}

/// All keys of a certificate, the primary key first.
pub(super) fn parts(certificate: &SignedPublicKey) -> Vec<Part> {
    let above = validity::primary(certificate);
    let primary = Public::Primary(certificate.primary_key.clone());
    let mut parts = vec![Part { public: primary, standing: above, above }];
    parts.extend(certificate.public_subkeys.iter().map(|subkey| Part {
        public: Public::Subkey(subkey.key.clone()),
        standing: validity::subkey(certificate, subkey),
        above,
    }));
    parts
}

impl Public {
    pub(super) fn details(&self) -> &dyn KeyDetails {
        match self {
            Self::Primary(key) => key,
            Self::Subkey(key) => key,
        }
    }

    pub(super) fn is_subkey(&self) -> bool {
        matches!(self, Self::Subkey(_))
    }

    pub(super) fn fingerprint(&self) -> String {
        format!("{:X}", self.details().fingerprint())
    }

    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::of(self.details().algorithm())
    }

    /// What it is called in messages.
    pub(super) fn title(&self) -> String {
        let kind = if self.is_subkey() { "subkey" } else { "key" };
        format!("OpenPGP {kind} {}", self.fingerprint())
    }

    /// Whether a signature says that this key made it.
    pub(super) fn claims(&self, signature: &Signature) -> bool {
        let key = self.details();
        let fingerprints = signature.issuer_fingerprint();
        if fingerprints.is_empty() {
            return signature.issuer_key_id().iter().any(|id| **id == key.legacy_key_id());
        }
        fingerprints.iter().any(|fingerprint| **fingerprint == key.fingerprint())
    }

    /// Whether it did make it, of this data.
    pub(super) fn verify(&self, signature: &Signature, data: &mut dyn Read) -> bool {
        match self {
            Self::Primary(key) => signature.verify(key, data),
            Self::Subkey(key) => signature.verify(key, data),
        }
        .is_ok()
    }

    /// The same of a digest.
    pub(super) fn verify_digest(
        &self,
        hash: HashAlgorithm,
        digest: &[u8],
        signature: &SignatureBytes,
    ) -> bool {
        match self {
            Self::Primary(key) => key.verify(hash, digest, signature),
            Self::Subkey(key) => key.verify(hash, digest, signature),
        }
        .is_ok()
    }
}

impl Part {
    /// Seconds since 1970: from then on its self-signatures say what it is.
    pub(super) fn since(&self) -> u32 {
        let since = [self.standing, self.above].into_iter().flatten().map(|it| it.since).max();
        since.unwrap_or(0)
    }

    /// Why it should not sign at that time, with the code of the error.
    pub(super) fn against(&self, time: u64) -> Option<(&'static str, String)> {
        let (Some(standing), Some(above)) = (self.standing, self.above) else {
            return Some(("sign.key", "it has no valid self-signature".into()));
        };
        let expires = [standing.expires, above.expires].into_iter().flatten().min();
        if standing.revoked || above.revoked {
            Some(("sign.revoked", "it is revoked".into()))
        } else if let Some(expired) = expires.filter(|expires| *expires <= time) {
            Some(("sign.expired", format!("it expired on {}", date(expired))))
        } else if time < u64::from(standing.created) {
            let made = date(standing.created.into());
            Some(("sign.time", format!("it was only made on {made}")))
        } else if self.public.algorithm().is_none() || !standing.signs {
            Some(("sign.key", "it is not made for signing".into()))
        } else {
            None
        }
    }

    /// Whether rpm, apt and gpg can read it: they know version 4 keys.
    pub(super) fn is_known(&self) -> bool {
        self.public.details().version() == KeyVersion::V4
    }
}
