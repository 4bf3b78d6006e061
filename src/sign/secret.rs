//! Secrets: where they come from, and bytes that nobody prints.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use zeroize::Zeroizing;

use crate::diagnostic::Diagnostic;

/// Longest secret that is read, in bytes: a file of many keys.
const MAX_SECRET: u64 = 16 << 20;

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An environment variable.
    Env(String),
    /// A file, relative to the manifest's folder.
    File(PathBuf),
    /// What a command prints, run in the manifest's folder.
    Command(Vec<String>),
}

/// Bytes that are wiped when they are no longer needed.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// These bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes without the line end that editors and `echo` leave behind.
    pub(super) fn line(&self) -> &[u8] {
        let bytes = self.bytes();
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes.strip_suffix(b"\r").unwrap_or(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What it is called in messages: never its value.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "`{name}`"),
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Command(words) => {
                write!(f, "the output of `{}`", words.first().map_or("", String::as_str))
            }
        }
    }
}

impl Source {
    /// Why there is nothing, for a plan.
    pub fn absence(&self) -> String {
        match self {
            Self::Env(_) => format!("{self} is not set"),
            Self::File(_) => format!("{self} is not there"),
            Self::Command(_) => format!("{self} is empty"),
        }
    }

    /// The secret; `None` when the variable or the file is not there. An empty one is none: CI
    /// systems set the variables of secrets that they do not hand out to an empty text.
    pub fn read(
        &self,
        env: &BTreeMap<String, String>,
        dir: &Path,
    ) -> Result<Option<Secret>, Diagnostic> {
        let bytes = match self {
            Self::Env(name) => env.get(name).map(|text| text.clone().into_bytes()),
            Self::File(path) => file(&dir.join(at_home(path, env))).map_err(|error| {
                Diagnostic::signing("sign.secret", format!("cannot read {self}")).caused_by(&error)
            })?,
            Self::Command(words) => Some(output(words, env, dir)?),
        };
        let secret = bytes.map(Secret::new);
        Ok(secret.filter(|secret| !secret.bytes().trim_ascii().is_empty()))
    }
}

/// What a command prints.
fn output(
    words: &[String],
    env: &BTreeMap<String, String>,
    dir: &Path,
) -> Result<Vec<u8>, Diagnostic> {
    let program = words.first().map_or("", String::as_str);
    let failed = |text: String| Diagnostic::signing("sign.secret", text);
    let output = Command::new(program)
        .args(words.iter().skip(1))
        .env_clear()
        .envs(env)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(format!("cannot run `{program}`")).caused_by(&error))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let mut error = failed(format!("`{program}`, which gives a secret, failed"));
    error.causes.push(output.status.to_string());
    // What it printed may be half of the secret: not shown, and wiped.
    drop(Secret::new(output.stdout));
    Err(error)
}

/// `~/` is the user's home, as in a shell.
fn at_home(path: &Path, env: &BTreeMap<String, String>) -> PathBuf {
    match (path.strip_prefix("~"), env.get("HOME")) {
        (Ok(below), Some(home)) => Path::new(home).join(below),
        _ => path.to_owned(),
    }
}

fn file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let len = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?.len(),
    };
    if len > MAX_SECRET {
        return Err(io::Error::other(format!("it has {len} bytes, more than {MAX_SECRET}")));
    }
    fs::read(path).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Source {
        Source::Command(words.iter().map(ToString::to_string).collect())
    }

    fn read(source: &Source) -> Result<Option<Vec<u8>>, Diagnostic> {
        let set = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let path = std::env::var("PATH").unwrap();
        let env = [("KEY", "hunter2"), ("EMPTY", "\n"), ("PATH", &path)].map(set).into();
        let secret = source.read(&env, Path::new("/"));
        secret.map(|secret| secret.map(|secret| secret.bytes().to_vec()))
    }

    #[test]
    fn a_secret_comes_from_the_environment_a_file_or_a_command() {
        assert_eq!(read(&Source::Env("KEY".into())).unwrap().unwrap(), b"hunter2");
        assert_eq!(read(&words(&["sh", "-c", "echo $KEY"])).unwrap().unwrap(), b"hunter2\n");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "hunter2").unwrap();
        assert_eq!(read(&Source::File(file.path().to_owned())).unwrap().unwrap(), b"hunter2");
    }

    #[test]
    fn a_tilde_is_the_home() {
        let env = [("HOME".to_owned(), "/home/ana".to_owned())].into();
        assert_eq!(at_home(Path::new("~/key.asc"), &env), Path::new("/home/ana/key.asc"));
        assert_eq!(at_home(Path::new("~ana/key.asc"), &env), Path::new("~ana/key.asc"));
    }

    #[test]
    fn what_is_not_there_or_empty_is_no_secret() {
        for source in [Source::Env("NONE".into()), Source::Env("EMPTY".into())] {
            assert_eq!(read(&source).unwrap(), None);
        }
        assert_eq!(read(&Source::File("/no/such/file".into())).unwrap(), None);
    }

    #[test]
    fn a_command_that_fails_does_not_show_what_it_printed() {
        let error = read(&words(&["sh", "-c", "echo $KEY; echo $KEY >&2; exit 3"])).unwrap_err();
        assert_eq!(error.class as u8, 4);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
        assert!(error.to_string().contains("`sh`, which gives a secret, failed"));
    }

    #[test]
    fn a_secret_is_not_shown_in_debug() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret(…)");
    }

    #[test]
    fn the_line_end_behind_a_passphrase_is_not_part_of_it() {
        for text in ["a b", "a b\n", "a b\r\n"] {
            assert_eq!(Secret::new(text.into()).line(), b"a b");
        }
    }
}
