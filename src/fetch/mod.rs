//! Content that has to be brought first: downloaded, or taken out of an archive. Both are done
//! once and kept in the cache by digest.
//!
//! | in the cache | is |
//! |---|---|
//! | `downloads/SHA256` | what was downloaded, and beside it `SHA256.stamp`: what the file was then |
//! | `downloads/part-KEY` | a download that is not whole, with what is needed to go on |
//! | `urls/KEY` | what a URL brought last, and how to ask whether it still does |
//! | `unpacked/SHA256/` | the members of an archive, numbered, and their `list` |
//! | `used` | beside either: its time is that of the last use |

mod archive;
mod download;
mod error;
mod http;
mod part;
mod prune;
mod unpack;
mod url;

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub(crate) use archive::leaves;
pub use download::{Fetched, Wanted};
pub use error::FetchError;
pub use unpack::{Member, MemberKind};
pub use url::{Scheme, Url, UrlError};

use crate::payload::{Progress, Silent};
use http::Http;

/// Brings content, with one cache and one way to the network.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    offline: bool,
    fresh: bool,
    threads: usize,
    progress: Arc<dyn Progress>,
    http: Http,
    /// Before the second try; doubles with every further one.
    pause: Duration,
}

/// What a [`Fetcher`] works with.
#[derive(Clone)]
pub struct Means {
    /// The folder of the cache.
    pub dir: PathBuf,
    /// No network at all.
    pub offline: bool,
    /// Believe nothing that an earlier run found out.
    pub fresh: bool,
    /// How many threads to use.
    pub threads: usize,
    /// Told of work that takes a while.
    pub progress: Arc<dyn Progress>,
    /// The environment: where proxies are named.
    pub env: BTreeMap<String, String>,
}

impl Means {
    /// With a cache in this folder; nobody is told.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            offline: false,
            fresh: false,
            threads: 1,
            progress: Arc::new(Silent),
            env: BTreeMap::new(),
        }
    }
}

impl Fetcher {
    /// Nothing is made or looked at yet.
    pub fn new(means: Means) -> Self {
        let Means { dir, offline, fresh, threads, progress, env } = means;
        let (http, pause) = (Http::new(&env), Duration::from_millis(500));
        Self(Arc::new(Inner { dir, offline, fresh, threads, progress, http, pause }))
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fetcher({})", self.0.dir.display())
    }
}

/// Bytes that an unprivileged user can still write there, when the system says so.
fn free_space(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Bytes that are left free whatever is brought.
const RESERVE: u64 = 64 << 20;

/// Replaces a small file at once.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_file_name(unique("new"));
    fs::write(&new, text).and_then(|()| fs::rename(&new, path)).inspect_err(|_| {
        let _ = fs::remove_file(&new);
    })
}

/// A name nobody else in this or another process uses.
fn unique(start: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{start}-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
