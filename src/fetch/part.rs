//! A download that is not whole yet, and survives the run.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{FetchError, download::hash, replace};
use crate::digest::{Digest, Sha256Digest};
use sha2::{Digest as _, Sha256};

/// The beginning of a content on disk.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    pub(super) about: About,
    sha256: Sha256,
    /// Bytes that are there.
    pub(super) len: u64,
}

/// What tells whether the rest still belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    /// The server's tag or date of the content.
    pub(super) validator: Option<String>,
    /// Length of the whole, in bytes.
    pub(super) total: Option<u64>,
}

impl Part {
    /// Opens what an earlier run left, or begins. Other runs wait until this one is done with it.
    pub(super) fn open(path: &Path) -> Result<Self, FetchError> {
        let failed = || FetchError::cache(path);
        let mut options = File::options();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed())?;
        // Without locks two runs would download twice, each into the same file: the digest tells.
        let _ = flock(&file, FlockOperation::LockExclusive);
        let text = fs::read_to_string(about(path)).unwrap_or_default();
        let known: Option<About> = serde_json::from_str(&text).ok();
        let (mut sha256, mut len) = (Sha256::new(), 0);
        if known.is_some() {
            len = hash(&mut file, &mut sha256).map_err(failed())?;
        } else {
            file.set_len(0).map_err(failed())?;
        }
        let about = known.unwrap_or_default();
        Ok(Self { path: path.to_owned(), file, about, sha256, len })
    }

    /// Whether it still has its name: another run may have finished it while this one waited.
    pub(super) fn is_current(&self) -> bool {
        let inode = |metadata: fs::Metadata| std::os::unix::fs::MetadataExt::ino(&metadata);
        let there = self.path.metadata().map(inode).ok();
        there.is_some() && there == self.file.metadata().map(inode).ok()
    }

    /// Forgets everything that is there.
    pub(super) fn restart(&mut self, about_it: About) -> Result<(), FetchError> {
        (self.len, self.sha256) = (0, Sha256::new());
        self.file.set_len(0).map_err(FetchError::cache(&self.path))?;
        self.file.seek(SeekFrom::Start(0)).map_err(FetchError::cache(&self.path))?;
        self.about = about_it;
        let text = serde_json::to_string(&self.about).unwrap_or_default();
        replace(&about(&self.path), &text).map_err(FetchError::cache(&self.path))
    }

    /// Adds the next bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(FetchError::cache(&self.path))?;
        self.sha256.update(bytes);
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The digest of what is there.
    pub(super) fn sha256(&self) -> Sha256Digest {
        Digest(self.sha256.clone().finalize().into())
    }

    /// Gives it the name that `place` makes of its digest.
    pub(super) fn finish(
        self,
        place: impl FnOnce(Sha256Digest) -> PathBuf,
    ) -> Result<(PathBuf, Sha256Digest, u64), FetchError> {
        let sha256 = self.sha256();
        let to = place(sha256);
        let failed = || FetchError::cache(&to);
        self.file.sync_all().map_err(failed())?;
        fs::rename(&self.path, &to).map_err(failed())?;
        let _ = fs::remove_file(about(&self.path));
        Ok((to, sha256, self.len))
    }

    /// Nothing of it is kept.
    pub(super) fn discard(self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(about(&self.path));
    }
}

fn about(part: &Path) -> PathBuf {
    let mut name = part.file_name().unwrap_or_default().to_owned();
    name.push(".about");
    part.with_file_name(name)
}

/// Copies what comes; whether the reader failed, which is no failure of the disk.
pub(super) fn copy(
    body: &mut dyn Read,
    part: &mut Part,
    mut told: impl FnMut(u64),
) -> Result<Result<(), io::Error>, FetchError> {
    let mut buffer = vec![0; 128 << 10];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => return Ok(Ok(())),
            Ok(count) => {
                part.add(&buffer[..count])?;
                told(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(error)),
        }
    }
}
