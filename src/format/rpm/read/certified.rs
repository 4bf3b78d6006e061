//! Who signed a package: its signatures against a key.

use std::io::{Read, SeekFrom};

use super::signature::{Covers, signatures};
use crate::{
    container::{Input, ReadError},
    format::{ReadSeek, Signed, rpm::package::Heads},
    sign::openpgp::{Certificate, Refused},
};

/// Checks the signatures of a package. One of the key's must be good, and none of them bad; those of
/// other keys do not count. A signature of the header covers the payload by the digests in the header,
/// which [`super::read`] compares.
pub fn check_signature(
    file: &mut dyn ReadSeek,
    certificate: &Certificate,
) -> Result<Signed, ReadError> {
    file.rewind()?;
    let heads = Heads::read(&mut Input::new(&mut *file))?;
    let payload = heads.header_range().end;
    let mut outcome = Signed::Not;
    for signature in signatures(&heads.signature.header) {
        let mut header = heads.main.bytes.as_slice();
        let checked = match signature.covers {
            Covers::Header => certificate.verify(&mut header, &signature.packet),
            Covers::HeaderAndPayload => {
                file.seek(SeekFrom::Start(payload))?;
                certificate.verify(&mut header.chain(&mut *file), &signature.packet)
            }
        };
        match checked {
            Err(Refused::Unreadable(error)) => return Err(error.into()),
            Err(refused @ (Refused::Bad { .. } | Refused::Key { .. })) => {
                return Ok(Signed::Refused(refused));
            }
            _ if matches!(outcome, Signed::By(_)) => {}
            Ok(by) => outcome = Signed::By(by),
            // What proves nothing is told before what is of somebody else.
            Err(refused @ Refused::Weak { .. }) => outcome = Signed::Refused(refused),
            Err(refused) if matches!(outcome, Signed::Not) => outcome = Signed::Refused(refused),
            Err(_) => {}
        }
    }
    Ok(outcome)
}
