//! `SHA256SUMS` in the output folder, as sha256sum(1) writes and reads it.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::{
    diagnostic::Diagnostic,
    digest::Sha256Digest,
    inspect::sums::{self, NAME, SIGNATURE},
    sign::openpgp::Identity,
};

/// Signs the checksums in a folder.
pub(super) fn sign(dir: &Path, identity: &Identity, time: u64) -> Result<(), Diagnostic> {
    let failed = |error: io::Error| {
        let text = format!("cannot write `{}`", dir.join(SIGNATURE).display());
        Diagnostic::failed("write.failed", text).caused_by(&error)
    };
    let _lock = lock(dir).map_err(failed)?;
    let text = fs::read(dir.join(NAME)).map_err(failed)?;
    let signature = identity.sign_armored(&mut text.as_slice(), time)?;
    replace(dir, SIGNATURE, &signature).map_err(failed)
}

/// Puts the digests of new artifacts beside those of earlier ones: sorted by name, replaced at
/// once. Lines of files that are gone are dropped, so that `sha256sum -c` goes on to pass. An earlier
/// signature goes: it is none of what is there now.
pub(super) fn merge(dir: &Path, new: &[(String, Sha256Digest)]) -> io::Result<()> {
    let _lock = lock(dir)?;
    let old = match fs::read_to_string(dir.join(NAME)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let (mut sums, _) = sums::parse(&old);
    sums.retain(|name, _| dir.join(name).exists());
    sums.extend(new.iter().cloned());
    let text: Vec<_> = sums.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
    match fs::remove_file(dir.join(SIGNATURE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => replace(dir, NAME, &text.concat()),
    }
}

fn replace(dir: &Path, name: &str, text: &str) -> io::Result<()> {
    let draft = dir.join(format!(".{name}.{}", std::process::id()));
    let written = File::create(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, dir.join(name)));
    if written.is_err() {
        // What stopped the write is the error to report.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// Two builds into one folder must not lose each other's lines.
#[cfg(unix)]
fn lock(dir: &Path) -> io::Result<File> {
    let file = File::open(dir)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
    Ok(file)
}

#[cfg(not(unix))]
fn lock(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digests;

    fn sha(text: &str) -> Sha256Digest {
        Digests::of(text.as_bytes()).sha256
    }

    #[test]
    fn lines_of_other_files_stay_and_those_of_missing_files_go() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.deb", "b.zip"] {
            fs::write(dir.path().join(name), name).unwrap();
        }
        merge(dir.path(), &[("b.zip".into(), sha("old")), ("gone".into(), sha(""))]).unwrap();
        merge(dir.path(), &[("a.deb".into(), sha("a.deb"))]).unwrap();
        merge(dir.path(), &[("b.zip".into(), sha("b.zip"))]).unwrap();
        let text = fs::read_to_string(dir.path().join(NAME)).unwrap();
        assert_eq!(text, format!("{}  a.deb\n{}  b.zip\n", sha("a.deb"), sha("b.zip")));
    }
}
