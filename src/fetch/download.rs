//! URLs, downloaded once.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    thread,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{
    FetchError, Fetcher, RESERVE, Scheme, Url, free_space,
    http::{Answer, Ask, HttpError},
    part::{About, Part, copy},
    prune::{mark_of, prune, used},
    replace,
};
use crate::{
    digest::{Digest, Sha256Digest, sha256},
    payload::Stamp,
};

/// How often in a row a server may fail before anything comes.
const TRIES: u32 = 5;

/// What a URL must bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its length in bytes.
    pub len: u64,
}

/// A download in the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub sha256: Sha256Digest,
    /// How many bytes.
    pub len: u64,
}

/// What a URL brought last.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    url: String,
    sha256: String,
    len: u64,
    etag: Option<String>,
    modified: Option<String>,
}

/// What asking for a whole content came to.
enum Came {
    /// It is the one we have.
    Same,
    New(Fetched),
}

impl Fetcher {
    /// What a URL brings, from the cache if it is known to be there. What is `wanted` is never
    /// asked for twice; without that, the server is asked whether the cached one is current.
    pub fn download(
        &self,
        url: &Url,
        wanted: impl Into<Option<Wanted>>,
    ) -> Result<Fetched, FetchError> {
        let wanted = wanted.into();
        let record = self.record(url);
        let known = match wanted {
            Some(wanted) => self.kept(wanted.sha256),
            None => record.as_ref().and_then(|record| self.kept(Digest::parse(&record.sha256)?)),
        };
        if let (Some(known), true) = (&known, wanted.is_some() || self.0.offline) {
            return Ok(known.clone());
        }
        if self.0.offline {
            return Err(FetchError::Offline { url: url.to_string() });
        }
        if url.scheme != Scheme::Https && wanted.is_none() && !url.is_loopback() {
            return Err(FetchError::Clear { url: url.to_string() });
        }
        for dir in [self.downloads(), self.0.dir.join("urls")] {
            fs::create_dir_all(&dir).map_err(FetchError::cache(&dir))?;
        }
        let current = record.filter(|_| known.is_some() && !self.0.fresh);
        match (self.bring(url, wanted, current)?, known) {
            (Came::New(new), _) => Ok(new),
            (Came::Same, Some(known)) => Ok(known),
            (Came::Same, None) => unreachable!("nothing was asked to be the same"),
        }
    }

    fn bring(
        &self,
        url: &Url,
        wanted: Option<Wanted>,
        current: Option<Record>,
    ) -> Result<Came, FetchError> {
        let mut part = Part::open(&self.part(url))?;
        while !part.is_current() {
            // Another run has finished it.
            if let Some(found) = wanted.and_then(|wanted| self.kept(wanted.sha256)) {
                return Ok(Came::New(found));
            }
            part = Part::open(&self.part(url))?;
        }
        let mut transfer =
            Transfer { fetcher: self, url, wanted, current, part, resumed: false, started: false };
        let came = transfer.run();
        if transfer.started {
            self.0.progress.finish();
        }
        let Some(last) = came? else {
            transfer.part.discard();
            return Ok(Came::Same);
        };
        self.keep(url, wanted, transfer.part, &last).map(Came::New)
    }

    /// Names what is whole, and compares it with what was wanted.
    fn keep(
        &self,
        url: &Url,
        wanted: Option<Wanted>,
        part: Part,
        last: &Answer,
    ) -> Result<Fetched, FetchError> {
        let (path, sha256, len) = part.finish(|sha256| self.place(sha256))?;
        // Not remembering is no failure.
        let _ = stamp(&path);
        used(&mark_of(&path));
        prune(&self.0.dir);
        let record = Record {
            url: url.to_string(),
            sha256: sha256.to_string(),
            len,
            etag: last.header("etag").map(str::to_owned),
            modified: last.header("last-modified").map(str::to_owned),
        };
        let _ = replace(&self.url_file(url), &serde_json::to_string(&record).unwrap_or_default());
        if let Some(wanted) = wanted.filter(|wanted| wanted.sha256 != sha256) {
            let (was, was_len) = (wanted.sha256, wanted.len);
            let url = url.to_string();
            return Err(FetchError::Changed { url, was, was_len, now: sha256, now_len: len });
        }
        Ok(Fetched { path, sha256, len })
    }

    /// A download that is there and whole.
    fn kept(&self, sha256: Sha256Digest) -> Option<Fetched> {
        let path = self.place(sha256);
        let metadata = path.metadata().ok()?;
        let said = fs::read_to_string(stamp_file(&path)).unwrap_or_default();
        if self.0.fresh || said != stamp_text(&metadata) {
            let mut hasher = Sha256::new();
            hash(&mut File::open(&path).ok()?, &mut hasher).ok()?;
            if Digest(hasher.finalize().into()) != sha256 {
                let _ = fs::remove_file(&path);
                return None;
            }
            let _ = stamp(&path);
        }
        used(&mark_of(&path));
        Some(Fetched { path, sha256, len: metadata.len() })
    }

    fn record(&self, url: &Url) -> Option<Record> {
        let text = fs::read_to_string(self.url_file(url)).ok()?;
        serde_json::from_str(&text).ok().filter(|record: &Record| record.url == url.to_string())
    }

    fn downloads(&self) -> PathBuf {
        self.0.dir.join("downloads")
    }

    fn place(&self, sha256: Sha256Digest) -> PathBuf {
        self.downloads().join(sha256.to_string())
    }

    fn part(&self, url: &Url) -> PathBuf {
        self.downloads().join(format!("part-{}", key(url)))
    }

    fn url_file(&self, url: &Url) -> PathBuf {
        self.0.dir.join("urls").join(key(url).to_string())
    }
}

fn key(url: &Url) -> Sha256Digest {
    sha256(url.to_string().as_bytes())
}

fn stamp_file(path: &Path) -> PathBuf {
    path.with_extension("stamp")
}

fn stamp_text(metadata: &fs::Metadata) -> String {
    let Stamp { len, mtime, nanos, inode, device } = Stamp::of(metadata);
    format!("{len} {mtime}.{nanos:09} {inode} {device}\n")
}

/// Notes what a file is while it is known to be whole.
fn stamp(path: &Path) -> io::Result<()> {
    replace(&stamp_file(path), &stamp_text(&path.metadata()?))
}

/// Takes the rest of a file into a digest; how many bytes it was.
pub(super) fn hash(file: &mut File, sha256: &mut Sha256) -> io::Result<u64> {
    let (mut buffer, mut len) = (vec![0; 256 << 10], 0);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(len),
            Ok(count) => {
                sha256.update(&buffer[..count]);
                len += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// One URL on its way, however often the connection breaks.
struct Transfer<'a> {
    fetcher: &'a Fetcher,
    url: &'a Url,
    wanted: Option<Wanted>,
    /// What is in the cache, while the server has not said that it is another.
    current: Option<Record>,
    part: Part,
    /// Some of it came before what is asked for next.
    resumed: bool,
    started: bool,
}

/// What one answer came to.
enum Step {
    Whole(Answer),
    Same,
    /// The connection broke, or the server has changed its mind.
    Again(HttpError),
}

impl Transfer<'_> {
    /// The last answer once the part is whole; nothing if what is in the cache still holds.
    fn run(&mut self) -> Result<Option<Answer>, FetchError> {
        let mut failures = 0;
        loop {
            let before = self.part.len;
            let error = match self.once()? {
                Step::Whole(_) if self.is_mixed() => {
                    self.part.restart(About::default())?;
                    HttpError::Broken("it changed while it was downloaded".into())
                }
                Step::Whole(answer) => return Ok(Some(answer)),
                Step::Same => return Ok(None),
                Step::Again(error) => error,
            };
            failures = if self.part.len > before { 1 } else { failures + 1 };
            if failures >= TRIES {
                return Err(FetchError::http(self.url, &error));
            }
            thread::sleep(self.fetcher.0.pause * (1 << (failures - 1)));
        }
    }

    /// Whether the parts of several answers do not make up what is wanted: the whole may.
    fn is_mixed(&self) -> bool {
        self.resumed && self.wanted.is_some_and(|wanted| wanted.sha256 != self.part.sha256())
    }

    fn once(&mut self) -> Result<Step, FetchError> {
        let ask = self.ask()?;
        let answer = match self.fetcher.0.http.get(self.url, &ask, self.wanted.is_some()) {
            Ok(answer) => answer,
            Err(error) if error.may_pass() => return Ok(Step::Again(error)),
            Err(error) => return Err(FetchError::http(self.url, &error)),
        };
        match answer.status {
            304 if self.current.is_some() => Ok(Step::Same),
            206 if ask.from > 0 && self.continues(&answer) => {
                self.resumed = true;
                self.take(answer)
            }
            200 => {
                (self.current, self.resumed) = (None, false);
                let total = number(answer.header("content-length"));
                self.check_length(total, answer.header("transfer-encoding").is_some())?;
                self.part.restart(About { validator: validator(&answer), total })?;
                self.start();
                self.take(answer)
            }
            _ => {
                // The rest of something else: from the start, then.
                self.part.restart(About::default())?;
                Ok(Step::Again(HttpError::Broken("the server sends another part".into())))
            }
        }
    }

    /// What to ask for next.
    fn ask(&mut self) -> Result<Ask, FetchError> {
        if let Some(record) = &self.current {
            let (etag, modified) = (record.etag.clone(), record.modified.clone());
            if etag.is_some() || modified.is_some() {
                let if_modified_since = modified.filter(|_| etag.is_none());
                return Ok(Ask { if_none_match: etag, if_modified_since, ..Ask::default() });
            }
        }
        // Nothing would tell that the rest belongs to another content.
        let blind = self.part.about.validator.is_none() && self.wanted.is_none();
        if self.part.len > 0 && (blind || self.part.about.total == Some(self.part.len)) {
            self.part.restart(About::default())?;
        }
        let if_range = self.part.about.validator.clone().filter(|_| self.part.len > 0);
        Ok(Ask { from: self.part.len, if_range, ..Ask::default() })
    }

    /// Whether an answer is the rest of the part.
    fn continues(&self, answer: &Answer) -> bool {
        let Some(range) = answer.header("content-range") else { return false };
        let Some((range, total)) =
            range.trim().strip_prefix("bytes").and_then(|r| r.split_once('/'))
        else {
            return false;
        };
        let from = range.trim().split('-').next().and_then(|from| from.parse().ok());
        let total: Option<u64> = total.trim().parse().ok();
        let About { validator: known, total: known_total } = &self.part.about;
        let same =
            |a: Option<&String>, b: Option<&str>| a.is_none_or(|a| b.is_none_or(|b| *a == b));
        let tag = known.as_ref().filter(|known| known.starts_with('"'));
        from == Some(self.part.len)
            && (known_total.is_none() || total.is_none() || total == *known_total)
            && same(tag, answer.header("etag"))
    }

    fn check_length(&self, total: Option<u64>, chunked: bool) -> Result<(), FetchError> {
        let url = || self.url.to_string();
        match (total, self.wanted) {
            (Some(now), Some(Wanted { len: was, .. })) if now != was => {
                return Err(FetchError::Length { url: url(), was, now });
            }
            (None, None) if !chunked => return Err(FetchError::NoLength { url: url() }),
            _ => {}
        }
        let dir = self.fetcher.downloads();
        let (needed, free) = (total.unwrap_or(0), free_space(&dir));
        match free {
            Some(free) if free < needed.saturating_add(RESERVE) => {
                Err(FetchError::Space { dir, what: format!("`{}`", self.url), free, needed })
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self) {
        let progress = &self.fetcher.0.progress;
        if self.started {
            progress.finish();
        }
        let name = self.url.file_name().unwrap_or_else(|| self.url.to_string());
        progress.start(&format!("downloading {name}"), self.part.about.total.unwrap_or(0));
        self.started = true;
    }

    /// Copies what an answer holds.
    fn take(&mut self, mut answer: Answer) -> Result<Step, FetchError> {
        if !self.started {
            self.start();
            self.fetcher.0.progress.advance(self.part.len);
        }
        let progress = self.fetcher.0.progress.clone();
        let copied = copy(&mut *answer.body, &mut self.part, |bytes| progress.advance(bytes))?;
        let (len, total) = (self.part.len, self.part.about.total);
        Ok(match (copied, total) {
            (Err(error), _) => Step::Again(HttpError::Broken(error.to_string())),
            (Ok(()), Some(total)) if len < total => {
                Step::Again(HttpError::Broken(format!("it ends after {len} of {total} bytes")))
            }
            (Ok(()), Some(total)) if len > total => {
                self.part.restart(About::default())?;
                Step::Again(HttpError::Broken(format!("it goes on after its {total} bytes")))
            }
            (Ok(()), _) => Step::Whole(answer),
        })
    }
}

fn number(text: Option<&str>) -> Option<u64> {
    text?.trim().parse().ok()
}

/// What tells one content of a URL from another: a strong tag, else the date.
fn validator(answer: &Answer) -> Option<String> {
    let tag = answer.header("etag").filter(|tag| tag.starts_with('"'));
    tag.or_else(|| answer.header("last-modified")).map(str::to_owned)
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
