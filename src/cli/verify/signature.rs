//! `pkggen verify --key FILE`: who signed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::Row;
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::Signed,
    inspect::{self, sums},
    sign::openpgp::{Certificate, Refused, SignedBy},
};

/// The key that must have signed.
pub(super) fn certificate(key: &[u8]) -> Result<Certificate, Diagnostics> {
    Ok(Certificate::parse(key)?)
}

/// Checks the signature of a package, or that of the SHA256SUMS which names it.
pub(super) fn check(row: &mut Row, certificate: &Certificate) -> Result<(), Diagnostic> {
    let signed = match &row.verdict.report {
        Some(_) => inspect::check_signature(&row.path, certificate)?,
        // What cannot be read has its problem already.
        None if !row.verdict.problems.is_empty() => return Ok(()),
        None => Signed::Nowhere,
    };
    match signed {
        Signed::By(by) => {
            row.compared.push("signature");
            row.signed_by = Some(by);
        }
        Signed::Refused(refused) => problem(row, "its signature", &refused),
        Signed::Not => row.verdict.problems.push("it is not signed".into()),
        Signed::Nowhere => by_sums(row, certificate),
    }
    Ok(())
}

/// Files whose format holds no signature are as good as the checksums that name them.
fn by_sums(row: &mut Row, certificate: &Certificate) {
    let what = "holds no signature of its own, and";
    match sums_signature(&row.path, certificate) {
        _ if !row.listed => {
            row.verdict.problems.push(format!("it {what} SHA256SUMS does not name it"));
        }
        None => row.verdict.problems.push(format!("it {what} SHA256SUMS is not signed")),
        Some(Err(refused)) => problem(row, "the signature of SHA256SUMS", &refused),
        Some(Ok(by)) => {
            row.compared.push(sums::SIGNATURE);
            row.signed_by = Some(by);
        }
    }
}

/// The signature of the SHA256SUMS beside a file; `None` when there is none.
fn sums_signature(file: &Path, certificate: &Certificate) -> Option<Result<SignedBy, Refused>> {
    let beside = |name: &str| -> PathBuf { file.with_file_name(name) };
    let read = |name: &str| fs::read(beside(name));
    let signature = match read(sums::SIGNATURE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        signature => signature,
    };
    let both = signature.and_then(|signature| Ok((signature, read(sums::NAME)?)));
    Some(
        both.map_err(Refused::Unreadable)
            .and_then(|(signature, text)| certificate.verify(&mut text.as_slice(), &signature)),
    )
}

fn problem(row: &mut Row, what: &str, refused: &Refused) {
    let cause = std::error::Error::source(refused).map(|cause| format!(" ({cause})"));
    row.verdict.problems.push(format!("{what}: {refused}{}", cause.unwrap_or_default()));
}
