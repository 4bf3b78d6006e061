//! What the whole-program tests share: the program, the fixtures, the tools of others.
//!
//! A tool that is missing is a named skip; with `CI` set it is a failure.

#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]
#![allow(clippy::print_stderr)] // skips are said

pub mod gguf;
pub mod gpg;
pub mod ollama;

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

pub use tempfile::TempDir;

/// The project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `linux-x86_64`: what the programs of the fixtures are for.
pub fn host() -> String {
    format!("linux-{}", env::consts::ARCH)
}

/// Debian's word for [`host`].
pub fn debarch() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The folder of a fixture, its programs built.
pub fn app(name: &str) -> PathBuf {
    static PROGRAMS: OnceLock<()> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        // one test program at a time: the others must not see half of it
        let lock = fs::File::create(root().join("fixtures/apps/.lock")).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let script = root().join("packaging/fixtures.sh");
        ok(Command::new("sh").arg(script).arg("programs"));
    });
    root().join("fixtures/apps").join(name)
}

pub fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Runs to the end; panics with all output unless it succeeds.
pub fn ok(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, said(&output));
    output
}

/// stdout of a run that must succeed.
pub fn stdout(command: &mut Command) -> String {
    String::from_utf8(ok(command).stdout).unwrap()
}

/// All a program said.
pub fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// pkggen in a clean environment with a store of its own.
pub fn pkggen(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pkggen"));
    command.env_clear().env("PATH", env::var_os("PATH").unwrap()).env("HOME", home);
    command.env("XDG_CACHE_HOME", home.join("cache")).env("NO_COLOR", "1");
    command
}

/// Builds one fixture for this machine; the artifacts by file name.
pub fn build(name: &str, formats: &[&str], more: &[&str], out: &Path) -> BTreeMap<String, PathBuf> {
    let manifest = app(name).join("pkggen.toml");
    let home = TempDir::new().unwrap();
    let mut command = pkggen(home.path());
    command.arg("build").args(formats).arg("-m").arg(manifest).arg("--out").arg(out).args(more);
    if !more.contains(&"--target") {
        command.args(["--target", &host()]);
    }
    artifacts(&stdout(&mut command))
}

/// One path per line, as `build` prints them.
pub fn artifacts(stdout: &str) -> BTreeMap<String, PathBuf> {
    let paths = stdout.lines().map(PathBuf::from);
    paths.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path)).collect()
}

/// The only artifact of a fixture in one format.
pub fn build_one(name: &str, format: &str, more: &[&str], out: &Path) -> PathBuf {
    let all = build(name, &[format], more, out);
    assert_eq!(all.len(), 1, "{all:?}");
    all.into_values().next().unwrap()
}

/// The words of CI: a test that cannot run is a failure there.
pub fn skip(test: &str, why: &str) {
    assert!(env::var_os("CI").is_none(), "{test} must run in CI: {why}");
    eprintln!("skipped {test}: {why}");
}

/// Whether the tools (`command` or `command:package`) are here; says what is missing.
pub fn have(test: &str, tools: &[&str]) -> bool {
    let missing: Vec<_> = tools.iter().filter(|tool| !found(command_of(tool))).copied().collect();
    if !missing.is_empty() {
        skip(test, &format!("missing {}", missing.join(", ")));
    }
    missing.is_empty()
}

fn command_of(tool: &str) -> &str {
    tool.split(':').next().unwrap()
}

fn found(command: &str) -> bool {
    let path = env::var_os("PATH").unwrap();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(more).any(|folder| folder.join(command).is_file())
}

/// Runs a script of packaging/checks. 77 is a skip with its reason. Whether it ran.
pub fn check(script: &str, args: &[&str]) -> bool {
    let path = root().join("packaging/checks").join(script);
    let mut command = if !is_root() && found("sudo") && sudo_works() {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "-E", "sh"]);
        sudo
    } else {
        Command::new("sh")
    };
    let output = command.arg(path).args(args).output().unwrap();
    match output.status.code() {
        Some(0) => true,
        Some(77) => {
            skip(script, said(&output).trim());
            false
        }
        code => panic!("{script} {args:?}: {code:?}\n{}", said(&output)),
    }
}

fn sudo_works() -> bool {
    Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|output| output.status.success())
}

/// Every file below `folder` with its bytes, by relative path.
pub fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                all.insert(name, fs::read(&path).unwrap_or_default());
            }
        }
    }
    all
}

/// A manifest with one payload in `folder`; returns its path.
pub fn manifest(folder: &Path, source: &str, more: &str) -> PathBuf {
    let path = folder.join("pkggen.toml");
    let text = format!(
        "[package]\nname = \"blob\"\nversion = \"1.0.0\"\nsummary = \"one payload\"\nlicense = \"MIT\"\n\
         authors = [\"A <a@example.org>\"]\n\n[targets]\nlinux = {{ arch = [\"x86_64\"], formats = [\"deb\", \
         \"tar.gz\", \"tar.xz\", \"tar.zst\", \"zip\"] }}\n\n[payload]\nfiles = [{{ source = \"{source}\", \
         type = \"data\" }}]\n{more}"
    );
    fs::write(&path, text).unwrap();
    path
}

/// Bytes that do not shrink, the same every time.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
