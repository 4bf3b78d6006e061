//! What URLs bring.

use super::{Found, Item, ItemKind, Problem, Sources};
use crate::{
    diagnostic::Diagnostic,
    fetch::{Fetched, Url, Wanted},
    payload::Blob,
    resolve::{Pin, PinKind, lock},
};

/// Everything that a URL stands for: one file.
pub(super) fn find(sources: &Sources, source: &str) -> Result<Found, Problem> {
    let url = Url::parse(source).map_err(|why| {
        Problem::new("source.url", format!("`{source}` is no URL that can be downloaded: {why}"))
    })?;
    let below = url.file_name().ok_or_else(|| {
        let mut problem =
            Problem::new("source.url", format!("`{source}` does not end in the name of a file"));
        problem.hint = Some("link to the file itself".into());
        problem
    })?;
    let (blob, sha256) = if let Some(path) = url.file_path() {
        (sources.plain(&path, source)?, None)
    } else {
        let Fetched { path, sha256, .. } = download(sources, &url, source)?;
        (sources.cached(&path)?, Some(sha256))
    };
    let kind = PinKind::Url;
    let pin = Pin { blob: blob.clone(), source: source.to_owned(), kind, sha256, place: None };
    let items = vec![Item { below, kind: ItemKind::File { blob, executable: false } }];
    Ok(Found { single: true, items, pins: vec![pin], ..Found::default() })
}

fn download(sources: &Sources, url: &Url, source: &str) -> Result<Fetched, Problem> {
    let lock = sources.lock.as_ref();
    let pinned = lock.and_then(|lock| lock.get(source, PinKind::Url));
    if let (None, Some(lock), true) = (pinned, lock, sources.locked) {
        return Err(lock::missing(lock.shown(), source).into());
    }
    let wanted = pinned.map(|pinned| Wanted { sha256: pinned.sha256, len: pinned.size });
    let fetched = sources.fetcher()?.download(url, wanted);
    fetched.map_err(|error| Problem::from(Diagnostic::from(error)))
}

impl Sources {
    /// The file of a `file:` URL.
    fn plain(&self, path: &str, source: &str) -> Result<Blob, Problem> {
        super::path::file(self, "/".as_ref(), path.trim_start_matches('/')).map_err(|problem| {
            let message = problem.message.replace(path.trim_start_matches('/'), source);
            Problem { message, ..problem }
        })
    }

    /// A file of the cache.
    pub(super) fn cached(&self, path: &std::path::Path) -> Result<Blob, Problem> {
        let metadata = path.metadata().map_err(|error| {
            let text = format!("cannot use `{}`: {error}", path.display());
            Problem::new("fetch.cache", text)
        })?;
        Ok(self.blob(path, &metadata))
    }
}
