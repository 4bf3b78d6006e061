//! Mistakes that only show when files are looked at: `fixtures/manifests/files`. Each manifest lists
//! the files it is tried with in `#:` lines, the message is beside it. `UPDATE=1` rewrites messages.

use std::{
    env, fs,
    os::unix::{ffi::OsStringExt, fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
};

use super::{Job, Matrix, Settings, Sources, matrix, resolve, tests::listing};
use crate::{
    diagnostic::Diagnostics,
    format::TABLES,
    layout::{DEBIAN, Layout, PORTABLE},
    manifest::{self, Manifest},
    package::{Target, program::samples},
};

/// `a\nb` and `a\xffb` are names that no line can hold.
fn name(text: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend(before.bytes());
        let (byte, len) = match after.strip_prefix('x') {
            Some(hex) => (u8::from_str_radix(&hex[..2], 16).unwrap(), 3),
            None => (b'\n', 1),
        };
        bytes.push(byte);
        rest = &after[len..];
    }
    bytes.extend(rest.bytes());
    std::ffi::OsString::from_vec(bytes).into()
}

fn lay_out(dir: &Path, line: &str) {
    let words: Vec<_> = line.split(' ').collect();
    let path = dir.join(name(words[1]));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let program = |target: &str| samples::program(Target::parse(target).unwrap());
    match words[0] {
        "file" => fs::write(path, "text\n").unwrap(),
        "link" => symlink(words[2], path).unwrap(),
        "socket" => drop(UnixListener::bind(path).unwrap()),
        "program" => fs::write(path, program(words[2])).unwrap(),
        "cut" => fs::write(path, &program(words[2])[..40]).unwrap(),
        other => panic!("unknown kind of file: {other}"),
    }
}

/// The way of a build, up to the formats.
fn all(manifest: &Manifest, dir: &Path) -> Diagnostics {
    let settings = Settings { made: vec!["deb", "rpm", "tar", "zip"], ..Settings::default() };
    let sources = Sources::new(dir);
    let matrix = match matrix(manifest, &settings, &sources) {
        Ok(matrix) => matrix,
        Err(errors) => return errors,
    };
    let Matrix { jobs, errors, .. } = matrix;
    let mut found = Diagnostics { errors, ..Diagnostics::default() };
    for job in jobs {
        if let Err(errors) = one(manifest, &job, &settings, &sources) {
            found.append(errors);
        }
    }
    found
}

fn one(
    manifest: &Manifest,
    job: &Job,
    settings: &Settings,
    sources: &Sources,
) -> Result<(), Diagnostics> {
    let installed = matches!(job.spelling, "deb" | "rpm");
    let layout: &dyn Layout = if installed { &DEBIAN } else { &PORTABLE };
    let package = resolve(manifest, job, settings, sources, layout)?.package;
    layout.place(&package).map(|_| ())
}

#[test]
fn every_mistake_in_files_has_its_message() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/manifests/files");
    let mut cases = 0;
    for entry in fs::read_dir(fixtures).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ext| ext != "toml") {
            assert!(path.with_extension("toml").exists(), "{} is left over", path.display());
            continue;
        }
        cases += 1;
        let text = fs::read_to_string(&path).unwrap();
        let dir = tempfile::tempdir().unwrap();
        for line in text.lines().filter_map(|line| line.strip_prefix("#: ")) {
            lay_out(dir.path(), line);
        }
        let manifest = manifest::parse("pkggen.toml", &text, TABLES)
            .unwrap_or_else(|errors| panic!("{}:\n{}", path.display(), listing(&errors)));
        let errors = all(&manifest, dir.path());
        assert!(!errors.is_ok(), "{} has no errors", path.display());
        let dir = dir.path().to_str().unwrap();
        let got = format!("exit {}\n{}", errors.exit_code(), listing(&errors)).replace(dir, "DIR");
        compare(&path.with_extension("txt"), &got);
    }
    assert!(cases >= 25);
}

fn compare(path: &Path, got: &str) {
    if env::var_os("UPDATE").is_some() {
        fs::write(path, got).unwrap();
        return;
    }
    let want = fs::read_to_string(path).unwrap_or_default();
    assert!(want == got, "{} is not\n{got}\n(UPDATE=1 rewrites it)", path.display());
}
