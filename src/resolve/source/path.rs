//! Files, directories and globs.

use std::{
    fs::{self, DirEntry, FileType, Metadata},
    io,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};

use globset::{GlobBuilder, GlobMatcher};

use super::{Found, Item, ItemKind, Problem, Sources, explain};
use crate::{fetch::leaves, payload::Blob};

/// Any executable bit of the owner.
const OWNER_MAY_EXECUTE: u32 = 0o100;

/// Everything that `source` below `root` stands for.
pub(super) fn find(sources: &Sources, root: &Path, source: &str) -> Result<Found, Vec<Problem>> {
    let trimmed = source.trim_end_matches('/');
    if trimmed.is_empty() {
        return Err(vec![Problem::new("source.missing", "the source is empty".into())]);
    }
    let path = root.join(trimmed);
    // Names such as `[id].js` are no globs when there is such a file.
    let literal = !is_glob(trimmed) || path.symlink_metadata().is_ok();
    let mut walk = Walk { sources, root, source: trimmed, items: Vec::new(), problems: Vec::new() };
    let single = if literal { walk.named(&path, source.ends_with('/')) } else { walk.glob() };
    if !walk.problems.is_empty() {
        walk.problems.sort_by(|a, b| a.message.cmp(&b.message));
        return Err(walk.problems);
    }
    walk.items.shrink_to_fit();
    walk.items.sort_by(|a, b| a.below.split('/').cmp(b.below.split('/')));
    Ok(Found { single, items: walk.items, ..Found::default() })
}

/// One file.
pub(super) fn file(sources: &Sources, root: &Path, source: &str) -> Result<Blob, Problem> {
    let path = root.join(source);
    let metadata = path.metadata().map_err(|error| {
        let problem = explain::missing(root, source, &error);
        // A text for metadata is no payload.
        let message = problem.message.trim_start_matches("payload ").to_owned();
        Problem { message, ..problem }
    })?;
    if !metadata.is_file() {
        let what = kind_word(metadata.file_type());
        return Err(Problem::new("source.kind", format!("`{source}` is {what}, not a file")));
    }
    readable(&path, source)?;
    Ok(sources.blob(&path, &metadata))
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

struct Walk<'a> {
    sources: &'a Sources,
    root: &'a Path,
    /// As the user typed it, without a slash at the end.
    source: &'a str,
    items: Vec<Item>,
    problems: Vec<Problem>,
}

/// A directory still to be read.
struct Pending {
    path: PathBuf,
    /// Path below the source; empty for the source itself.
    below: String,
    /// Everything in it is taken, match or not.
    whole: bool,
}

impl Walk<'_> {
    /// A source that names a file or directory. Links are followed here: what they lead to is
    /// what was meant. Whether it is a single file.
    fn named(&mut self, path: &Path, want_dir: bool) -> bool {
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            Err(error) => {
                self.problems.push(explain::missing(self.root, self.source, &error));
                return true;
            }
        };
        if metadata.is_dir() {
            self.read_all(path, None);
            return false;
        }
        let name = self.source.rsplit('/').next().unwrap_or(self.source);
        if want_dir {
            let message = format!("`{}/` is a file, not a directory", self.source);
            self.problems.push(Problem::new("source.kind", message));
        } else if let Some(kind) = self.plain(path, self.source, &metadata) {
            self.items.push(Item { below: name.to_owned(), kind });
        }
        true
    }

    /// A source with a pattern. Whether it found one file and nothing else.
    fn glob(&mut self) -> bool {
        let parts: Vec<_> = self.source.split('/').collect();
        let fixed = parts.iter().take_while(|part| !is_glob(part)).count();
        let base = self.root.join(parts[..fixed].join("/"));
        let pattern = parts[fixed..].join("/");
        let matcher = GlobBuilder::new(&pattern).literal_separator(true).build();
        let matcher = match matcher {
            Ok(glob) => Matcher::new(&glob.compile_matcher(), &pattern),
            Err(error) => {
                let message = format!("`{}` is no glob: {}", self.source, error.kind());
                self.problems.push(Problem::new("source.glob", message));
                return false;
            }
        };
        if let Err(error) = base.metadata() {
            let fixed = parts[..fixed].join("/");
            self.problems.push(explain::missing(self.root, &fixed, &error));
            return false;
        }
        self.read_all(&base, Some(&matcher));
        if self.items.is_empty() && self.problems.is_empty() {
            self.problems.push(explain::no_match(self.root, self.source, &base));
        }
        matches!(&self.items[..], [Item { below, kind: ItemKind::File { .. } }] if !below.contains('/'))
    }

    fn read_all(&mut self, base: &Path, matcher: Option<&Matcher>) {
        let whole = matcher.is_none();
        let mut pending = vec![Pending { path: base.to_owned(), below: String::new(), whole }];
        while let Some(dir) = pending.pop() {
            if let Err(error) = self.read_dir(&dir, matcher, &mut pending) {
                let shown = self.shown(base, &dir.path);
                self.problems.push(explain::unreadable(&shown, &dir.path, &error));
            }
        }
    }

    fn read_dir(
        &mut self,
        dir: &Pending,
        matcher: Option<&Matcher>,
        pending: &mut Vec<Pending>,
    ) -> io::Result<()> {
        let mut count = 0_u64;
        for entry in fs::read_dir(&dir.path)? {
            let entry = entry?;
            count += 1;
            let Some(name) = self.name(&entry, &dir.below) else { continue };
            let below = if dir.below.is_empty() { name } else { format!("{}/{name}", dir.below) };
            let whole = dir.whole || matcher.is_some_and(|matcher| matcher.fits(&below));
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if whole || matcher.is_some_and(|matcher| matcher.may_be_below(&below)) {
                    pending.push(Pending { path: entry.path(), below, whole });
                }
            } else if whole {
                self.entry(&entry, kind, below)?;
            }
        }
        if count == 0 && dir.whole && !dir.below.is_empty() {
            self.items.push(Item { below: dir.below.clone(), kind: ItemKind::EmptyDir });
        }
        Ok(())
    }

    fn entry(&mut self, entry: &DirEntry, kind: FileType, below: String) -> io::Result<()> {
        let found = if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            self.link(&below, &target)
        } else {
            // The file may be gone since the directory was read.
            let metadata = entry.metadata()?;
            self.plain(&entry.path(), &self.typed(&below), &metadata)
        };
        self.items.extend(found.map(|kind| Item { below, kind }));
        Ok(())
    }

    /// A name that a package can hold.
    fn name(&mut self, entry: &DirEntry, dir: &str) -> Option<String> {
        let name = entry.file_name();
        let problem = match name.to_str() {
            None => "is not UTF-8",
            Some(text) if text.chars().any(char::is_control) => "holds a control character",
            Some(text) => return Some(text.to_owned()),
        };
        let shown = name.to_string_lossy();
        let dir = if dir.is_empty() { self.source.to_owned() } else { self.typed(dir) };
        let message = format!("the name `{}` in `{dir}` {problem}", shown.escape_debug());
        let mut problem = Problem::new("source.name", message);
        problem.hint = Some("rename it: not every format and system can say such a name".into());
        self.problems.push(problem);
        None
    }

    fn link(&mut self, below: &str, target: &Path) -> Option<ItemKind> {
        let typed = self.typed(below);
        let shown = target.to_string_lossy().into_owned();
        let why = match target.to_str() {
            None => "is not UTF-8",
            Some(text) if text.chars().any(char::is_control) => "holds a control character",
            Some(text) if text.starts_with('/') => "is absolute",
            Some(text) if leaves(below, text) => "leaves the source",
            Some(text) => return Some(ItemKind::Symlink(text.to_owned())),
        };
        let message =
            format!("the link `{typed}` leads to `{}`, which {why}", shown.escape_debug());
        let mut problem = Problem::new("source.link", message);
        problem.hint = Some(
            "ship what it leads to in the same item, or write the link into [payload] links".into(),
        );
        self.problems.push(problem);
        None
    }

    /// A regular file, or a problem.
    fn plain(&mut self, path: &Path, typed: &str, metadata: &Metadata) -> Option<ItemKind> {
        if !metadata.is_file() {
            let what = kind_word(metadata.file_type());
            let message = format!("`{typed}` is {what}, which no package can hold");
            self.problems.push(Problem::new("source.kind", message));
            return None;
        }
        if let Err(problem) = readable(path, typed) {
            self.problems.push(problem);
            return None;
        }
        let executable = metadata.permissions().mode() & OWNER_MAY_EXECUTE != 0;
        Some(ItemKind::File { blob: self.sources.blob(path, metadata), executable })
    }

    /// A path below the source, from where the user typed it.
    fn typed(&self, below: &str) -> String {
        let fixed: Vec<_> = self.source.split('/').take_while(|part| !is_glob(part)).collect();
        if fixed.is_empty() { below.to_owned() } else { format!("{}/{below}", fixed.join("/")) }
    }

    fn shown(&self, base: &Path, path: &Path) -> String {
        match path.strip_prefix(base) {
            Ok(below) if below.as_os_str().is_empty() => self.source.to_owned(),
            Ok(below) => self.typed(&below.to_string_lossy()),
            Err(_) => path.display().to_string(),
        }
    }
}

/// Asks for the right to read without reading.
fn readable(path: &Path, typed: &str) -> Result<(), Problem> {
    match rustix::fs::access(path, rustix::fs::Access::READ_OK) {
        Ok(()) => Ok(()),
        Err(error) => Err(explain::unreadable(typed, path, &error.into())),
    }
}

fn kind_word(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "no file"
    }
}

/// A glob and how deep it can match.
struct Matcher {
    glob: GlobMatcher,
    /// Levels of directories; `None` for any number.
    depth: Option<usize>,
}

impl Matcher {
    fn new(glob: &GlobMatcher, pattern: &str) -> Self {
        let any = pattern.contains("**") || pattern.contains('{');
        let depth = (!any).then(|| pattern.matches('/').count());
        Self { glob: glob.clone(), depth }
    }

    fn fits(&self, below: &str) -> bool {
        self.glob.is_match(below)
    }

    /// Whether something in this directory can match.
    fn may_be_below(&self, dir: &str) -> bool {
        self.depth.is_none_or(|depth| dir.matches('/').count() < depth)
    }
}

#[cfg(test)]
mod tests;
