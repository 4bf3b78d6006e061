//! `_gpgorigin`: the signature of a package, as debsig-verify reads it.
//!
//! Format: debsigs; docs/formats/deb.md, "Signature". A detached, armored OpenPGP signature of the
//! contents of `debian-binary`, `control.tar.*` and `data.tar.*`, one after the other.

use std::io::{self, Read};

use super::bytes;
use crate::{
    container::{ReadError, ar},
    diagnostic::Diagnostic,
    format::{Context, ReadSeek, Signed},
    package::Package,
    sign::openpgp::{Certificate, Refused},
    splice::Recipe,
};

/// The member's name.
pub(super) const NAME: &str = "_gpgorigin";

/// Largest signature that is read, in bytes.
pub(super) const MAX: u64 = 1 << 20;

/// The member for these others, if anybody signs. It is made of their recipes, so that no payload is
/// in memory and its length is known.
pub(super) fn member(
    members: &[(String, Recipe)],
    package: &Package,
    cx: &Context<'_>,
) -> Result<Option<(String, Recipe)>, Diagnostic> {
    let Some(signer) = cx.signer else { return Ok(None) };
    let mut contents = Recipe::default();
    for (_, recipe) in members {
        contents.append(recipe.clone());
    }
    let armored = signer.sign_armored(&mut contents.reader(), package.epoch)?;
    Ok(Some((NAME.to_owned(), bytes(&armored))))
}

/// Checks the member of a package.
pub(super) fn check(
    file: &mut dyn ReadSeek,
    certificate: &Certificate,
) -> Result<Signed, ReadError> {
    file.rewind()?;
    let mut archive = ar::Reader::new(&mut *file)?;
    let mut signature = None;
    while let Some(member) = archive.next_member()? {
        if member.name == NAME {
            ReadError::limit("`_gpgorigin` (bytes)", member.len, MAX)?;
            let mut bytes = Vec::new();
            archive.read_to_end(&mut bytes)?;
            signature = Some(bytes);
        }
    }
    let Some(signature) = signature else { return Ok(Signed::Not) };
    file.rewind()?;
    let mut contents = Contents { archive: ar::Reader::new(file)?, inside: false };
    match certificate.verify(&mut contents, &signature) {
        Ok(by) => Ok(Signed::By(by)),
        Err(Refused::Unreadable(error)) => Err(error.into()),
        Err(refused) => Ok(Signed::Refused(refused)),
    }
}

/// What is signed: the contents of every member that dpkg looks at.
struct Contents<R> {
    archive: ar::Reader<R>,
    inside: bool,
}

impl<R: Read> Read for Contents<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.inside {
                match self.archive.read(out)? {
                    0 if !out.is_empty() => self.inside = false,
                    count => return Ok(count),
                }
            }
            match self.archive.next_member()? {
                Some(member) => self.inside = !member.name.starts_with('_') && member.len > 0,
                None => return Ok(0),
            }
        }
    }
}
