//! Mistakes that only show when files are looked at: `fixtures/manifests/files`. Each manifest lists
//! the files it is tried with in `#:` lines, the message is beside it. `UPDATE=1` rewrites messages.

use std::{
    env, fs,
    os::unix::{ffi::OsStringExt, fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
};

use super::{Job, Matrix, Settings, Sources, gguf::sample, matrix, resolve, tests::listing};
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
        "shard" => {
            let [name, number, count, said] = [1, 2, 3, 4].map(|at| words[at]);
            let number: u16 = number.parse().unwrap();
            let path = dir.join(format!("{name}-{number:05}-of-{count:0>5}.gguf"));
            let shard = sample::shards(0, said.parse().unwrap()).remove(usize::from(number) - 1);
            fs::write(path, shard.bytes()).unwrap();
        }
        kind => fs::write(path, model(kind)).unwrap(),
    }
}

/// A model, or what is there in place of one.
fn model(kind: &str) -> Vec<u8> {
    let tiny = sample::tiny(0);
    match kind {
        "model" => tiny.bytes(),
        "model-v1" => sample::Gguf { version: 1, ..tiny }.bytes(),
        "cut-model" => tiny.bytes()[..10_000].to_vec(),
        "cut-header" => tiny.bytes()[..700].to_vec(),
        "renamed" => sample::shards(0, 2).remove(1).bytes(),
        "lfs" => b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 42\n".to_vec(),
        "html" => b"<!doctype html>\n<title>404</title>\n".to_vec(),
        "legacy" => b"lmgg\x01\0\0\0".to_vec(),
        "safetensors" => b"\x10\x20\0\0\0\0\0\0{\"__metadata__\"".to_vec(),
        "empty" => Vec::new(),
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
