//! Who signed a repository, and whether that is who should have.

use std::path::Path;

use super::{Ask, pack};
use crate::{diagnostic::Diagnostic, sign::openpgp::Certificate};

/// Whose signatures count.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Those of this key.
    Key(&'a Certificate),
    /// There is no key: nothing can be said.
    Nobody,
}

impl Trust<'_> {
    /// There is a key.
    pub(super) fn is_key(self) -> bool {
        matches!(self, Self::Key(_))
    }
}

/// The key to check with: the given one, else the one in the repository.
pub(super) fn trusted(dir: &Path, key: Option<&[u8]>) -> Result<Option<Certificate>, Diagnostic> {
    let path = dir.join("key.asc");
    let (bytes, name) = match (key, pack::small(&path)) {
        (Some(bytes), _) => (bytes.to_vec(), "the key".to_owned()),
        (None, Ok(bytes)) => (bytes, format!("`{}`", path.display())),
        (None, Err(error)) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        (None, Err(error)) => return Err(super::failed("repo.unreadable", &path, &error)),
    };
    Certificate::parse(&bytes)
        .map(Some)
        .map_err(|error| Diagnostic { message: format!("{name}: {}", error.message), ..error })
}

/// The key that what is there must be signed with: ours, or the old one when it changes.
pub(super) fn ours_or_old(ask: &Ask<'_>) -> Result<Option<Certificate>, Diagnostic> {
    let Some(signer) = ask.signer else { return Ok(None) };
    let there = trusted(ask.dir, None)?;
    if ask.new_key && there.is_some() {
        return Ok(there);
    }
    let ours = signer.primary_fingerprint();
    if let Some(there) = &there
        && !there.fingerprints().contains(&ours)
    {
        let text = format!(
            "the repository is signed by {}, and this key is {ours}",
            there.fingerprints().join(", ")
        );
        let hint =
            "who trusts the old key alone refuses the new one; --new-key changes it all the same";
        return Err(Diagnostic::signing("repo.key", text).hint(hint));
    }
    trusted(ask.dir, Some(&signer.certificate()))
}

/// The text of a clear-signed file and who signed it. The error is the reason.
pub(super) fn check_clearsigned(
    trust: Trust<'_>,
    text: &str,
) -> Result<(String, Option<String>), String> {
    match trust {
        Trust::Key(certificate) => {
            // nothing may stand in front of the armour
            cleartext(text).ok_or("it is not clear-signed")?;
            let (text, by) = certificate.verify_clearsigned(text).map_err(|why| why.to_string())?;
            Ok((text, Some(by.to_string())))
        }
        Trust::Nobody => {
            let text = cleartext(text).ok_or("it is not clear-signed")?;
            Ok((text, None))
        }
    }
}

/// Who signed `data`. The error is the reason.
pub(super) fn check_detached(
    trust: Trust<'_>,
    mut data: &[u8],
    signature: &[u8],
) -> Result<Option<String>, String> {
    match trust {
        Trust::Key(certificate) => {
            let by = certificate.verify(&mut data, signature).map_err(|why| why.to_string())?;
            Ok(Some(by.to_string()))
        }
        Trust::Nobody => Ok(None),
    }
}

/// What has to be said about the key that signatures were checked with.
pub(super) fn note(trust: Trust<'_>, given: bool) -> Option<String> {
    match (trust, given) {
        (Trust::Nobody, _) => {
            Some("there is no key.asc: signatures were not checked, if there are any".into())
        }
        (Trust::Key(_), false) => {
            Some("checked with the key in the repository; --key FILE shows who made it".into())
        }
        (Trust::Key(_), true) => None,
    }
}

/// The text of a clear-signed file, whoever signed it. RFC 9580, 7.
pub(super) fn cleartext(signed: &str) -> Option<String> {
    let mut lines = signed.lines();
    if lines.next()?.trim_end() != "-----BEGIN PGP SIGNED MESSAGE-----" {
        return None;
    }
    // the armour headers end at an empty line
    lines.by_ref().find(|line| line.trim().is_empty())?;
    let mut text = String::new();
    for line in lines {
        if line.starts_with("-----BEGIN PGP SIGNATURE-----") {
            return Some(text);
        }
        text.push_str(line.strip_prefix("- ").unwrap_or(line).trim_end());
        text.push('\n');
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_clear_signed_file_is_between_its_armour() {
        let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nA: 1\n- -b\n\
                      -----BEGIN PGP SIGNATURE-----\n\nxx\n-----END PGP SIGNATURE-----\n";
        assert_eq!(cleartext(signed).as_deref(), Some("A: 1\n-b\n"));
        for bad in ["", "A: 1\n", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: x\n\nA: 1\n"] {
            assert_eq!(cleartext(bad), None, "{bad}");
        }
    }
}
