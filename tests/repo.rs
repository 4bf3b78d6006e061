//! Repositories: made, extended, interrupted, spoiled; before the real apt and dnf.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use common::{
    TempDir, check, files,
    gpg::{public_key, secret_key},
    have, noise, ok, pkggen, said, stdout,
};
use pkggen::{
    codec::Codec,
    diagnostic::Diagnostics,
    publish::{self, Ask, Kind, Published, apt, dnf},
    sign::{
        Source,
        openpgp::{Identity, Settings},
    },
};

/// 2026-11-21.
const NOW: u64 = 1_795_219_200;
/// 2023-11-14.
const EPOCH: &str = "1700000000";
const KEY: &str = "rsa3072";
const OTHER_KEY: &str = "ed25519";

/// Packages of one file each, made by pkggen.
struct Debs(TempDir);

impl Debs {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// `arch` is `all` or one of Rust's words.
    fn make(&self, name: &str, version: &str, arch: &str, content: &str) -> PathBuf {
        self.packed("deb", name, version, arch, content)
    }

    /// An rpm for all architectures, signed.
    fn rpm(&self, name: &str, version: &str) -> PathBuf {
        self.packed("rpm", name, version, "all", "rpm")
    }

    fn packed(
        &self,
        format: &str,
        name: &str,
        version: &str,
        arch: &str,
        content: &str,
    ) -> PathBuf {
        let folder = self.0.path().join(format!("{name}-{version}-{arch}-{}", content.len()));
        fs::create_dir_all(&folder).unwrap();
        let script = format!("#!/bin/sh\necho {content}\n");
        fs::write(folder.join("run"), &script).unwrap();
        let (targets, role) = match arch {
            "all" => (String::new(), "bin"),
            arch => (format!("[targets]\nlinux = {{ arch = [\"{arch}\"] }}\n"), "data"),
        };
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"{version}\"\nsummary = \"says {name}\"\n\
             license = \"MIT\"\nauthors = [\"A <a@example.org>\"]\n{targets}[payload]\n\
             files = [{{ source = \"run\", type = \"{role}\", dest = \"{name}\" }}]\n[deb]\ndepends = []\n"
        );
        fs::write(folder.join("pkggen.toml"), manifest).unwrap();
        let mut command = pkggen(self.0.path());
        command.arg(format).current_dir(&folder).env("SOURCE_DATE_EPOCH", EPOCH);
        if format == "rpm" {
            command.env("GPG_PRIVATE_KEY", text(secret_key(KEY)));
        }
        folder.join(stdout(&mut command).trim())
    }
}

fn identity(key: &str) -> Identity {
    let source = Source::File(secret_key(key));
    let settings = Settings::new(BTreeMap::new(), ".".into(), NOW);
    Identity::open(&Settings { key: source, ..settings }).unwrap().unwrap()
}

/// What is asked for in most tests.
fn ask<'a>(dir: &'a Path, files: &'a [PathBuf], signer: &'a Identity) -> Ask<'a> {
    Ask {
        dir,
        files,
        signer: Some(signer),
        now: NOW,
        fixed: None,
        name: Some("example".into()),
        url: Some("https://pkg.example.org".into()),
        keep: None,
        codecs: &[Codec::Gzip, Codec::Xz],
        fresh: false,
        new_key: false,
        stop: None,
    }
}

fn apt_add(dir: &Path, files: &[PathBuf]) -> Published {
    apt::publish(&ask(dir, files, &identity(KEY)), &apt::Options::default()).unwrap()
}

fn code(result: Result<Published, Diagnostics>) -> &'static str {
    result.unwrap_err().errors[0].code
}

/// What `verify` finds wrong, with the right key.
fn problems(kind: Kind, dir: &Path) -> Vec<String> {
    let key = fs::read(public_key(KEY)).unwrap();
    match publish::read(kind, dir, Some(&key)) {
        Ok(report) => report.problems,
        Err(error) => vec![error.to_string()],
    }
}

fn copy(from: &Path, to: &Path) {
    ok(Command::new("cp").arg("-a").arg(from).arg(to));
}

/// Changes one byte, and keeps the file's time.
fn flip(path: &Path, at: usize) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
    fs::File::options().append(true).open(path).unwrap().set_modified(modified).unwrap();
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// Everything that is published, without what pkggen knows of it.
fn published(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = files(dir);
    all.retain(|path, _| !path.starts_with(".pkggen"));
    all
}

/// A repository of one package, and the update that adds another.
struct Site {
    dir: TempDir,
    debs: Debs,
}

impl Site {
    fn new() -> Self {
        let (dir, debs) = (TempDir::new().unwrap(), Debs::new());
        let first = debs.make("hello", "1.0.0", "all", "one");
        apt_add(dir.path(), &[first]);
        Self { dir, debs }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn add(&self, name: &str, version: &str, arch: &str) -> Published {
        apt_add(self.path(), &[self.debs.make(name, version, arch, "two")])
    }

    fn packages(&self, which: &str) -> String {
        text(self.path().join("dists").join(which).join("Packages"))
    }
}

#[test]
fn an_apt_repository_is_sound_and_complete() {
    let site = Site::new();
    site.add("hello", "1.1.0", "all");
    assert_eq!(problems(Kind::Apt, site.path()), [""; 0]);
    let release = text(site.path().join("dists/stable/InRelease"));
    for line in
        ["Origin: example", "Suite: stable", "Architectures: amd64 arm64", "Components: main"]
    {
        assert!(release.contains(&format!("\n{line}\n")), "{line}: {release}");
    }
    let packages = site.packages("stable/main/binary-arm64");
    for line in
        ["Version: 1.0.0", "Version: 1.1.0", "Filename: pool/main/h/hello/hello_1.1.0_all.deb"]
    {
        assert!(packages.contains(&format!("\n{line}\n")), "{line}: {packages}");
    }
    assert_eq!(text(site.path().join("key.asc")), identity(KEY).certificate_armored());
    assert!(
        text(site.path().join("example.sources"))
            .contains("Signed-By: /etc/apt/keyrings/example.asc")
    );
}

#[test]
fn publishing_again_changes_nothing() {
    let site = Site::new();
    let before = published(site.path());
    let again = site.debs.make("hello", "1.0.0", "all", "one");
    let result = apt_add(site.path(), &[again]);
    assert!(!result.changed && result.added.is_empty(), "{result:?}");
    assert_eq!(published(site.path()), before);
}

#[test]
fn the_same_packages_make_the_same_repository() {
    let debs = Debs::new();
    let one = debs.make("hello", "1.0.0", "all", "one");
    let two = debs.make("world", "2.0.0", "x86_64", "two");
    let make = |files: &[PathBuf]| {
        let dir = TempDir::new().unwrap();
        let signer = identity(KEY);
        let ask = Ask { fixed: Some(NOW - 9), ..ask(dir.path(), files, &signer) };
        apt::publish(&ask, &apt::Options::default()).unwrap();
        published(dir.path())
    };
    assert_eq!(make(&[one.clone(), two.clone()]), make(&[two, one]));
}

#[test]
fn a_version_is_published_once() {
    let site = Site::new();
    let other = site.debs.make("hello", "1.0.0", "all", "something else");
    let before = files(site.path());
    let signer = identity(KEY);
    let result = apt::publish(&ask(site.path(), &[other], &signer), &apt::Options::default());
    assert_eq!(code(result), "repo.conflict");
    assert_eq!(files(site.path()), before);
    // another architecture of it is the same version, where it was for all of them
    let amd64 = site.debs.make("hello", "1.0.0", "x86_64", "something else");
    let result = apt::publish(&ask(site.path(), &[amd64], &signer), &apt::Options::default());
    assert_eq!(code(result), "repo.conflict");
}

#[test]
fn packages_stand_in_the_index_of_their_architecture_and_all_in_every_one() {
    let site = Site::new();
    site.add("world", "1.0.0", "x86_64");
    let signer = identity(KEY);
    let file = [site.debs.make("extra", "1.0.0", "aarch64", "x")];
    let options = apt::Options { component: "contrib".into(), ..apt::Options::default() };
    apt::publish(&ask(site.path(), &file, &signer), &options).unwrap();
    let names = |which: &str| {
        let packages = site.packages(which);
        packages
            .lines()
            .filter_map(|l| l.strip_prefix("Package: ").map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(names("stable/main/binary-amd64"), ["hello", "world"]);
    assert_eq!(names("stable/main/binary-arm64"), ["hello"]);
    assert_eq!(names("stable/contrib/binary-arm64"), ["extra"]);
    assert_eq!(names("stable/contrib/binary-amd64"), [""; 0]);
    assert!(
        text(site.path().join("dists/stable/Release")).contains("\nComponents: contrib main\n")
    );
    assert_eq!(problems(Kind::Apt, site.path()), [""; 0]);
}

#[test]
fn old_versions_leave_the_index_now_and_the_pool_a_generation_later() {
    let site = Site::new();
    site.add("hello", "1.1.0", "all");
    let pool = site.path().join("pool/main/h/hello");
    let signer = identity(KEY);
    let newest = [site.debs.make("hello", "1.2.0", "all", "two")];
    let ask = |files, keep| Ask { keep: Some(keep), ..ask(site.path(), files, &signer) };
    let result = apt::publish(&ask(&newest, 2), &apt::Options::default()).unwrap();
    assert_eq!(result.dropped, ["hello 1.0.0 all"]);
    assert!(!site.packages("stable/main/binary-amd64").contains("Version: 1.0.0"));
    assert!(pool.join("hello_1.0.0_all.deb").exists());
    // nothing new: still the same generation
    apt::publish(&ask(&newest, 2), &apt::Options::default()).unwrap();
    assert!(pool.join("hello_1.0.0_all.deb").exists());
    apt::publish(&ask(&[], 1), &apt::Options::default()).unwrap();
    assert!(!pool.join("hello_1.0.0_all.deb").exists());
    assert!(pool.join("hello_1.1.0_all.deb").exists());
    assert_eq!(problems(Kind::Apt, site.path()), [""; 0]);
}

#[test]
fn suites_share_the_pool_and_keep_what_another_lists() {
    let site = Site::new();
    let first = [site.debs.make("hello", "1.0.0", "all", "one")];
    let signer = identity(KEY);
    let nightly =
        apt::Options { suite: "nightly".into(), not_automatic: true, ..apt::Options::default() };
    let result = apt::publish(&ask(site.path(), &first, &signer), &nightly).unwrap();
    assert_eq!(result.added, ["hello 1.0.0 all"]);
    for version in ["1.1.0", "1.2.0", "1.3.0"] {
        let new = [site.debs.make("hello", version, "all", "two")];
        let ask = Ask { keep: Some(1), ..ask(site.path(), &new, &signer) };
        apt::publish(&ask, &apt::Options::default()).unwrap();
    }
    let pool = site.path().join("pool/main/h/hello");
    assert!(pool.join("hello_1.0.0_all.deb").exists(), "nightly lists it");
    assert!(!pool.join("hello_1.1.0_all.deb").exists());
    assert!(text(site.path().join("dists/nightly/Release")).contains("\nNotAutomatic: yes\n"));
    assert!(site.path().join("example-nightly.sources").exists());
    assert_eq!(problems(Kind::Apt, site.path()), [""; 0]);
}

#[test]
fn indexes_of_three_generations_stay() {
    let site = Site::new();
    let hashes = || {
        let folder = site.path().join("dists/stable/main/binary-amd64/by-hash/SHA256");
        fs::read_dir(folder).unwrap().count()
    };
    let counts: Vec<_> = (1..6)
        .map(|minor| {
            site.add("hello", &format!("1.{minor}.0"), "all");
            hashes()
        })
        .collect();
    // plain, gz and xz of each
    assert_eq!(counts, [6, 9, 9, 9, 9]);
    // without the state they are found again
    fs::remove_file(site.path().join(".pkggen/apt.json")).unwrap();
    site.add("hello", "1.6.0", "all");
    assert_eq!(hashes(), 12);
    for minor in 7..9 {
        site.add("hello", &format!("1.{minor}.0"), "all");
    }
    assert_eq!(hashes(), 9);
}

#[test]
fn dates_come_from_the_packages_and_never_go_back() {
    let date = |site: &Site| {
        let release = text(site.path().join("dists/stable/Release"));
        release.lines().find_map(|line| line.strip_prefix("Date: ").map(str::to_owned)).unwrap()
    };
    let site = Site::new();
    assert_eq!(date(&site), "Tue, 14 Nov 2023 22:13:20 UTC");
    site.add("hello", "1.1.0", "all");
    assert_eq!(date(&site), "Tue, 14 Nov 2023 22:13:21 UTC");
    let signer = identity(KEY);
    let fixed = |fixed, version: &str| {
        let new = [site.debs.make("hello", version, "all", "two")];
        let ask = Ask { fixed: Some(fixed), ..ask(site.path(), &new, &signer) };
        apt::publish(&ask, &apt::Options::default()).unwrap()
    };
    fixed(NOW, "1.2.0");
    assert_eq!(date(&site), "Sat, 21 Nov 2026 00:00:00 UTC");
    fixed(NOW - 1000, "1.3.0");
    assert_eq!(date(&site), "Sat, 21 Nov 2026 00:00:01 UTC");
    let ahead = fixed(NOW + 1000, "1.4.0");
    assert_eq!(ahead.warnings[0].code, "repo.future");
}

#[test]
fn an_expiry_is_renewed_and_stays() {
    let site = Site::new();
    let signer = identity(KEY);
    let until = || {
        let release = text(site.path().join("dists/stable/Release"));
        release.lines().find_map(|line| line.strip_prefix("Valid-Until: ").map(str::to_owned))
    };
    let options = apt::Options { valid_days: Some(7), ..apt::Options::default() };
    apt::publish(&ask(site.path(), &[], &signer), &options).unwrap();
    assert_eq!(until().unwrap(), "Sat, 28 Nov 2026 00:00:00 UTC");
    // nothing new, and nobody asked for a renewal
    assert!(!apt_add(site.path(), &[]).changed);
    site.add("hello", "1.1.0", "all");
    assert_eq!(until().unwrap(), "Sat, 28 Nov 2026 00:00:01 UTC");
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let site = Site::new();
    let deb = site.path().join("pool/main/h/hello/hello_1.0.0_all.deb");
    let good = fs::read(&deb).unwrap();
    // the same size and time: only reading tells
    flip(&deb, good.len() - 20);
    site.add("hello", "1.1.0", "all");
    let signer = identity(KEY);
    let fresh = Ask { fresh: true, ..ask(site.path(), &[], &signer) };
    assert_eq!(code(apt::publish(&fresh, &apt::Options::default())), "repo.unsound");
    // another time: it is read
    fs::write(&deb, fs::read(&deb).unwrap()).unwrap();
    let plain = ask(site.path(), &[], &signer);
    assert_eq!(code(apt::publish(&plain, &apt::Options::default())), "repo.unsound");
    fs::write(&deb, good).unwrap();
    apt_add(site.path(), &[]);
}

#[test]
fn nothing_is_signed_over_what_somebody_else_changed() {
    let site = Site::new();
    let signer = identity(KEY);
    for name in ["InRelease", "main/binary-amd64/Packages", "main/binary-amd64/Packages.xz"] {
        let dir = TempDir::new().unwrap();
        let spoiled = dir.path().join("site");
        copy(site.path(), &spoiled);
        flip(&spoiled.join("dists/stable").join(name), 60);
        let new = [site.debs.make("hello", "1.1.0", "all", "two")];
        let result = apt::publish(&ask(&spoiled, &new, &signer), &apt::Options::default());
        assert_eq!(code(result), "repo.unsound", "{name}");
    }
}

#[test]
fn another_key_must_be_asked_for() {
    let site = Site::new();
    let other = identity(OTHER_KEY);
    let new = [site.debs.make("hello", "1.1.0", "all", "two")];
    let plain = ask(site.path(), &new, &other);
    assert_eq!(code(apt::publish(&plain, &apt::Options::default())), "repo.key");
    let asked = Ask { new_key: true, ..ask(site.path(), &new, &other) };
    apt::publish(&asked, &apt::Options::default()).unwrap();
    let key = fs::read(public_key(OTHER_KEY)).unwrap();
    assert_eq!(publish::read(Kind::Apt, site.path(), Some(&key)).unwrap().problems, [""; 0]);
    assert!(!problems(Kind::Apt, site.path()).is_empty());
}

#[test]
fn what_apt_would_ask_about_does_not_change() {
    let site = Site::new();
    let signer = identity(KEY);
    let options = apt::Options { origin: Some("Somebody Else".into()), ..apt::Options::default() };
    assert_eq!(code(apt::publish(&ask(site.path(), &[], &signer), &options)), "repo.changed");
    for word in ["../x", "a/b", "", "."] {
        let options = apt::Options { suite: word.into(), ..apt::Options::default() };
        assert_eq!(code(apt::publish(&ask(site.path(), &[], &signer), &options)), "repo.word");
    }
}

#[test]
fn every_changed_byte_of_what_clients_read_is_noticed() {
    let site = Site::new();
    site.add("hello", "1.1.0", "all");
    let dir = TempDir::new().unwrap();
    let spoiled = dir.path().join("site");
    let mut paths: Vec<_> = published(site.path()).into_keys().collect();
    paths.retain(|path| path.starts_with("dists") || path.starts_with("pool"));
    let release = text(site.path().join("dists/stable/Release"));
    for path in paths {
        let hashed = path.to_string_lossy().contains("by-hash");
        let old = hashed && !release.contains(path.file_name().unwrap().to_str().unwrap());
        if old {
            continue; // of the generation before: nothing lists it
        }
        copy(site.path(), &spoiled);
        let len = fs::metadata(spoiled.join(&path)).unwrap().len();
        flip(&spoiled.join(&path), usize::try_from(len).unwrap() / 2);
        assert!(!problems(Kind::Apt, &spoiled).is_empty(), "{}", path.display());
        if path.starts_with("pool") {
            fs::remove_file(spoiled.join(&path)).unwrap();
            assert!(problems(Kind::Apt, &spoiled).concat().contains("not there"));
        }
        fs::remove_dir_all(&spoiled).unwrap();
    }
    // without signatures, and by another key
    copy(site.path(), &spoiled);
    fs::remove_file(spoiled.join("dists/stable/InRelease")).unwrap();
    fs::remove_file(spoiled.join("dists/stable/Release.gpg")).unwrap();
    assert!(problems(Kind::Apt, &spoiled).concat().contains("is not signed"));
    let other = fs::read(public_key(OTHER_KEY)).unwrap();
    let report = publish::read(Kind::Apt, site.path(), Some(&other)).unwrap();
    assert!(report.problems.concat().contains("not the given key"), "{:?}", report.problems);
}

#[test]
fn hostile_indexes_end_in_errors() {
    let site = Site::new();
    let release = site.path().join("dists/stable/Release");
    fs::remove_file(site.path().join("dists/stable/InRelease")).unwrap();
    fs::remove_file(site.path().join("dists/stable/Release.gpg")).unwrap();
    fs::remove_file(site.path().join("key.asc")).unwrap();
    let good = text(&release);
    let first = good.lines().find(|line| line.ends_with("Packages")).unwrap().to_owned();
    let hash = first.split_whitespace().next().unwrap();
    for (line, why) in [
        (format!(" {hash} 1 ../../../etc/passwd"), "no path inside the repository"),
        (format!(" {hash} 1 /etc/passwd"), "no path inside the repository"),
        (format!(" {hash} 9999999999999 main/binary-amd64/Packages"), "more than the limit"),
        (format!(" {hash} 99999999999999999999999 main/binary-amd64/Packages"), "no line of"),
    ] {
        fs::write(&release, good.replace(&first, &line)).unwrap();
        let found = publish::read(Kind::Apt, site.path(), None).unwrap().problems.concat();
        assert!(found.contains(why), "{line}: {found}");
    }
}

/// Publishes to a folder, and stops before a step.
type Update<'a> = dyn Fn(&Path, Option<usize>) -> Result<Published, Diagnostics> + 'a;

/// Stops an update before each of its steps; the old or the new repository is there, whole.
fn interrupted(kind: Kind, site: &Path, update: &Update<'_>, client: &dyn Fn(&Path)) -> usize {
    let names = |dir: &Path| {
        let report = publish::read(kind, dir, None).unwrap();
        report.entries.into_iter().map(|entry| entry.path).collect::<Vec<_>>()
    };
    let scratch = TempDir::new().unwrap();
    let whole = scratch.path().join("whole");
    copy(site, &whole);
    update(&whole, None).unwrap();
    let (old, new) = (names(site), names(&whole));
    assert_ne!(old, new);
    let mut switched = false;
    for step in 0.. {
        let dir = scratch.path().join(step.to_string());
        copy(site, &dir);
        let result = update(&dir, Some(step));
        assert_eq!(problems(kind, &dir), [""; 0], "stopped before step {step}");
        let now = names(&dir);
        assert!(now == old || now == new, "stopped before step {step}: {now:?}");
        assert!(!switched || now == new, "step {step} went back");
        switched = now == new;
        client(&dir);
        // the next run ends where it would have ended
        if result.is_ok() {
            assert!(switched);
            return step;
        }
        assert_eq!(code(result), "repo.stopped");
        update(&dir, None).unwrap();
        assert_eq!(published(&dir), published(&whole), "after a stop before step {step}");
        fs::remove_dir_all(&dir).unwrap();
    }
    unreachable!("the steps end")
}

#[test]
fn an_interrupted_update_of_an_apt_repository_leaves_the_old_one_or_the_new_one() {
    let site = Site::new();
    let new = [site.debs.make("hello", "1.1.0", "all", "two")];
    let signer = identity(KEY);
    let update = |dir: &Path, stop: Option<usize>| {
        // one packing less than before: its index goes, too
        let codecs = &[Codec::Xz];
        let ask = Ask { stop, fixed: Some(NOW), codecs, ..ask(dir, &new, &signer) };
        apt::publish(&ask, &apt::Options::default())
    };
    let tools = ["apt-get:apt", "gpgv:gpgv", "busybox:busybox-static", "python3:python3"];
    let real = have("an_interrupted_update_of_an_apt_repository", &tools);
    let client = |dir: &Path| {
        if real {
            let key = dir.join("key.asc");
            check("apt-from-repo.sh", &[str(dir), str(&key), "hello", "--update"]);
        }
    };
    let steps = interrupted(Kind::Apt, site.path(), &update, &client);
    assert!(steps > 12, "{steps}");
}

fn str(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn apt_installs_and_upgrades_from_it_and_refuses_spoiled_copies() {
    let site = Site::new();
    site.add("hello", "1.1.0", "all");
    let scratch = TempDir::new().unwrap();
    let sources = scratch.path().join("example.sources");
    let ours = text(site.path().join("example.sources"));
    let ours = ours.replace("https://pkg.example.org", "@REPO@");
    fs::write(&sources, ours.replace("/etc/apt/keyrings/example.asc", "@KEY@")).unwrap();
    let key = site.path().join("key.asc");
    check("apt-from-repo.sh", &[str(site.path()), str(&key), "hello", "--sources", str(&sources)]);
    // the binary keyring, and every packing of the index
    let signer = identity(KEY);
    for codec in [Codec::Gzip, Codec::Xz, Codec::Zstd] {
        let dir = TempDir::new().unwrap();
        let files = [site.debs.make("hello", "1.0.0", "all", "one")];
        let ask = Ask { codecs: &[codec], ..ask(dir.path(), &files, &signer) };
        apt::publish(&ask, &apt::Options::default()).unwrap();
        let key = dir.path().join("key.gpg");
        check("apt-from-repo.sh", &[str(dir.path()), str(&key), "hello", "--quick"]);
    }
}

#[test]
fn apt_ftparchive_writes_the_same_packages() {
    if !have("apt_ftparchive_writes_the_same_packages", &["apt-ftparchive:apt-utils"]) {
        return;
    }
    let site = Site::new();
    site.add("libworld", "1.0.0", "x86_64");
    let mut command = Command::new("apt-ftparchive");
    let theirs =
        stdout(command.args(["-a", "amd64", "packages", "pool/main"]).current_dir(site.path()));
    // weak digests, and one that would make apt ask for by-hash/SHA512
    let other = ["MD5sum:", "SHA1:", "SHA512:"];
    let paragraphs = |text: &str| {
        let lines = |paragraph: &str| {
            let mut lines: Vec<_> = paragraph
                .lines()
                .filter(|line| !other.iter().any(|name| line.starts_with(name)))
                .map(str::to_owned)
                .collect();
            lines.sort();
            lines
        };
        let mut all: Vec<_> = text.trim().split("\n\n").map(lines).collect();
        all.sort();
        all
    };
    assert_eq!(paragraphs(&site.packages("stable/main/binary-amd64")), paragraphs(&theirs));
}

/// rpms made by rpmbuild, signed by our key with the real rpm.
struct Rpms(TempDir);

/// The tools for them.
const RPM_TOOLS: [&str; 2] = ["rpmbuild:rpm", "rpm:rpm"];

impl Rpms {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn make(&self, version: &str, more: &str) -> PathBuf {
        let spec = self.0.path().join("hello.spec");
        let text = format!(
            "Name: hello\nVersion: {version}\nRelease: 1\nSummary: Says <hello> & \"more\"\nLicense: MIT\n\
             URL: https://example.org/?a=1&b=2\nBuildArch: noarch\n{more}\n"
        );
        fs::write(&spec, text).unwrap();
        let top = self.0.path().join(version);
        let mut command = Command::new("rpmbuild");
        command.arg("-bb").arg("--define").arg(format!("_topdir {}", top.display()));
        command.args(["--define", "_buildhost localhost"]);
        command.args(["--define", "use_source_date_epoch_as_buildtime 1"]);
        command.args(["--define", "clamp_mtime_to_source_date_epoch 1"]);
        ok(command.env("SOURCE_DATE_EPOCH", EPOCH).env("HOME", self.0.path()).arg(&spec));
        top.join(format!("RPMS/noarch/hello-{version}-1.noarch.rpm"))
    }

    fn plain(&self, version: &str) -> PathBuf {
        self.make(version, PLAIN)
    }
}

const PLAIN: &str = "%description\nAt length.\n%install\nmkdir -p %{buildroot}/usr/bin %{buildroot}/etc\n\
    echo echo hello > %{buildroot}/usr/bin/hello\nchmod 755 %{buildroot}/usr/bin/hello\n%files\n/usr/bin/hello\n";

/// Every kind of relation, file and change that an index has something to say about.
const RICH: &str = "Epoch: 2\nVendor: O'Brien\nPackager: A <a@example.org>\nGroup: Tools\n\
    Requires: (a or b)\nRequires: c >= 1:2-3\nRequires: d < 4\nRequires(post): e\nRequires(pre): f = 1\n\
    Requires: hello = 2:1.0-1\nRequires: /usr/bin/hello\nRequires: g%{?_isa} > 1~rc1\n\
    Provides: virtual = 1.2\nProvides: bare\nConflicts: h <= 5\nObsoletes: old < 1\n\
    Recommends: weak\nSuggests: s\nSupplements: (x and y)\nEnhances: n >= 2\n\
    %description\nTwo <lines>\n\n& \"quotes\"\n%install\n\
    mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/hello %{buildroot}/usr/share/hello %{buildroot}/var/log\n\
    echo echo hello > %{buildroot}/usr/bin/hello\nchmod 755 %{buildroot}/usr/bin/hello\n\
    echo x > %{buildroot}/etc/hello/hello.conf\necho '&' > '%{buildroot}/usr/share/hello/a & <b>'\n\
    touch %{buildroot}/var/log/hello.log\nln -s hello %{buildroot}/usr/bin/hi\n\
    %post\ntrue\n%files\n/usr/bin/*\n%dir /etc/hello\n%config(noreplace) /etc/hello/hello.conf\n\
    /usr/share/hello\n%ghost /var/log/hello.log\n%changelog\n\
    * Tue Jan 13 2026 A <a@example.org> - 1-13\n- thirteen & <more>\n\
    * Mon Jan 12 2026 A <a@example.org> - 1-12\n- twelve\n\
    * Mon Jan 12 2026 A <a@example.org> - 1-11\n- the same day\n\
    * Sat Jan 10 2026 A <a@example.org> - 1-10\n- ten\n* Fri Jan 09 2026 A <a@example.org> - 1-9\n- nine\n\
    * Thu Jan 08 2026 A <a@example.org> - 1-8\n- eight\n* Wed Jan 07 2026 A <a@example.org> - 1-7\n- seven\n\
    * Tue Jan 06 2026 A <a@example.org> - 1-6\n- six\n* Mon Jan 05 2026 A <a@example.org> - 1-5\n- five\n\
    * Sun Jan 04 2026 A <a@example.org> - 1-4\n- four\n* Sat Jan 03 2026 A <a@example.org> - 1-3\n- three\n\
    * Fri Jan 02 2026 A <a@example.org> - 1-2\n- two\n";

fn dnf_add(dir: &Path, files: &[PathBuf]) -> Published {
    let signer = identity(KEY);
    let ask = Ask { codecs: &[Codec::Gzip], ..ask(dir, files, &signer) };
    dnf::publish(&ask, &dnf::Options::default()).unwrap()
}

/// An index of a repository, unpacked.
fn index(dir: &Path, kind: &str) -> String {
    let repomd = dnf::Repomd::parse(&fs::read(dir.join("repodata/repomd.xml")).unwrap()).unwrap();
    let data = repomd.data.iter().find(|data| data.kind == kind).unwrap();
    let packed = fs::File::open(dir.join(data.place.as_str())).unwrap();
    let codec = data.codec().unwrap();
    let unpack = pkggen::container::unpack::Unpack::new(packed, codec).unwrap();
    std::io::read_to_string(unpack).unwrap()
}

#[test]
fn createrepo_c_says_the_same_of_every_package() {
    let tools = [&RPM_TOOLS[..], &["createrepo_c:createrepo-c"]].concat();
    if !have("createrepo_c_says_the_same_of_every_package", &tools) {
        return;
    }
    let (rpms, ours, theirs) = (Rpms::new(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let (debs, built) = (Debs::new(), TempDir::new().unwrap());
    let with_libraries = common::build_one("llm", "rpm", &[], built.path());
    let all =
        [rpms.make("1.0", RICH), rpms.plain("0.9"), debs.rpm("world", "1.0.0"), with_libraries];
    dnf_add(ours.path(), &all);
    copy(&ours.path().join("packages"), theirs.path());
    ok(Command::new("createrepo_c").arg("--quiet").arg(theirs.path()));
    // lines of each package, in any order
    let packages = |text: &str| {
        let mut all: Vec<Vec<String>> = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.starts_with("<package ") {
                all.push(Vec::new());
            }
            // the time of the file is when it was built: the same bytes every time
            let line = if line.starts_with("<time ") { "<time/>" } else { line };
            // createrepo_c keeps the one of the highest version
            let libc = line.starts_with("<rpm:entry name=\"libc.so.6");
            if let (Some(package), false) = (all.last_mut(), libc) {
                package.push(line.to_owned());
            }
            if line == "</package>" {
                all.last_mut().unwrap().sort();
                all.push(Vec::new());
            }
        }
        all.retain(|lines| lines.len() > 1);
        all.sort();
        all
    };
    for kind in ["primary", "filelists", "other"] {
        let (ours, theirs) = (index(ours.path(), kind), index(theirs.path(), kind));
        assert_eq!(packages(&ours), packages(&theirs), "{kind}");
    }
}

#[test]
fn dnf_installs_upgrades_removes_from_it_and_refuses_spoiled_copies() {
    let (debs, site) = (Debs::new(), TempDir::new().unwrap());
    dnf_add(site.path(), &[debs.rpm("hello", "1.0.0")]);
    let result = dnf_add(site.path(), &[debs.rpm("hello", "1.1.0")]);
    assert_eq!(result.warnings, [], "{:?}", result.warnings);
    assert_eq!(problems(Kind::Dnf, site.path()), [""; 0]);
    let scratch = TempDir::new().unwrap();
    let file = scratch.path().join("example.repo");
    let ours = text(site.path().join("example.repo"));
    let ours = ours.replace("https://pkg.example.org/key.asc", "@KEY@");
    fs::write(&file, ours.replace("https://pkg.example.org", "@REPO@")).unwrap();
    let key = site.path().join("key.asc");
    check("dnf-from-repo.sh", &[str(site.path()), str(&key), "hello", "--repo", str(&file)]);
    let signer = identity(KEY);
    for codec in [Codec::Xz, Codec::Zstd] {
        let dir = TempDir::new().unwrap();
        let files = [debs.rpm("hello", "1.0.0")];
        let ask = Ask { codecs: &[codec], ..ask(dir.path(), &files, &signer) };
        dnf::publish(&ask, &dnf::Options::default()).unwrap();
        check("dnf-from-repo.sh", &[str(dir.path()), str(&key), "hello", "--quick"]);
    }
}

#[test]
fn a_dnf_repository_is_extended_pruned_and_sound() {
    if !have("a_dnf_repository_is_extended_pruned_and_sound", &RPM_TOOLS) {
        return;
    }
    let (rpms, dir) = (Rpms::new(), TempDir::new().unwrap());
    let first = rpms.make("1.0", RICH);
    let result = dnf_add(dir.path(), std::slice::from_ref(&first));
    assert_eq!(result.added, ["hello 2:1.0-1 noarch"]);
    assert_eq!(result.warnings[0].code, "repo.unsigned");
    assert!(!dnf_add(dir.path(), &[first]).changed);
    dnf_add(dir.path(), &[rpms.plain("1.1")]);
    assert_eq!(problems(Kind::Dnf, dir.path()), [""; 0]);
    let signer = identity(KEY);
    let indexes = || {
        let names = fs::read_dir(dir.path().join("repodata")).unwrap();
        names.filter(|name| name.as_ref().unwrap().path().extension().unwrap() == "gz").count()
    };
    assert_eq!(indexes(), 6, "those of the last generation stay");
    for version in ["1.2", "1.3"] {
        let new = [rpms.make(version, &format!("Epoch: 2\n{PLAIN}"))];
        let ask = Ask { keep: Some(1), codecs: &[Codec::Gzip], ..ask(dir.path(), &new, &signer) };
        dnf::publish(&ask, &dnf::Options::default()).unwrap();
    }
    assert_eq!(indexes(), 6);
    let mut left: Vec<_> = files(&dir.path().join("packages")).into_keys().collect();
    left.sort();
    let want = ["hello-1.2-1.noarch.rpm", "hello-1.3-1.noarch.rpm"].map(PathBuf::from);
    assert_eq!(left, want, "those of the last generation stay");
    let primary = index(dir.path(), "primary");
    assert!(primary.contains("ver=\"1.3\"") && !primary.contains("ver=\"1.2\""), "{primary}");
    let text = text(dir.path().join("example.repo"));
    assert!(
        text.contains("baseurl=https://pkg.example.org\n") && text.contains("repo_gpgcheck=1\n")
    );
    assert_eq!(problems(Kind::Dnf, dir.path()), [""; 0]);
}

#[test]
fn every_changed_byte_of_what_dnf_reads_is_noticed() {
    if !have("every_changed_byte_of_what_dnf_reads_is_noticed", &RPM_TOOLS) {
        return;
    }
    let (rpms, dir) = (Rpms::new(), TempDir::new().unwrap());
    dnf_add(dir.path(), &[rpms.plain("1.0")]);
    let scratch = TempDir::new().unwrap();
    let spoiled = scratch.path().join("site");
    for path in published(dir.path()).into_keys() {
        if !path.starts_with("repodata") && !path.starts_with("packages") {
            continue;
        }
        copy(dir.path(), &spoiled);
        let len = fs::metadata(spoiled.join(&path)).unwrap().len();
        flip(&spoiled.join(&path), usize::try_from(len).unwrap() / 2);
        assert!(!problems(Kind::Dnf, &spoiled).is_empty(), "{}", path.display());
        fs::remove_dir_all(&spoiled).unwrap();
    }
    copy(dir.path(), &spoiled);
    fs::remove_file(spoiled.join("repodata/repomd.xml.asc")).unwrap();
    assert!(problems(Kind::Dnf, &spoiled).concat().contains("is not signed"));
    let other = fs::read(public_key(OTHER_KEY)).unwrap();
    let report = publish::read(Kind::Dnf, dir.path(), Some(&other)).unwrap();
    assert!(!report.problems.is_empty());
}

#[test]
fn an_interrupted_update_of_a_dnf_repository_leaves_the_old_one_or_the_new_one() {
    if !have("an_interrupted_update_of_a_dnf_repository", &RPM_TOOLS) {
        return;
    }
    let (rpms, dir) = (Rpms::new(), TempDir::new().unwrap());
    dnf_add(dir.path(), &[rpms.plain("1.0")]);
    let new = [rpms.plain("1.1")];
    let signer = identity(KEY);
    let update = |dir: &Path, stop: Option<usize>| {
        let ask = Ask { stop, fixed: Some(NOW), codecs: &[Codec::Gzip], ..ask(dir, &new, &signer) };
        dnf::publish(&ask, &dnf::Options::default())
    };
    let tools = ["dnf:dnf", "createrepo_c:createrepo-c", "gpg:gpg", "busybox:busybox-static"];
    let real = have("an_interrupted_update_of_a_dnf_repository", &tools);
    let client = |dir: &Path| {
        if real {
            let key = dir.join("key.asc");
            check("dnf-from-repo.sh", &[str(dir), str(&key), "hello", "--metadata"]);
        }
    };
    let steps = interrupted(Kind::Dnf, dir.path(), &update, &client);
    assert!(steps > 8, "{steps}");
}

/// Runs `pkggen repo`, with a key in the environment.
fn repo(args: &[&str], cwd: &Path) -> Output {
    let mut command = pkggen(cwd);
    command.arg("repo").args(args).current_dir(cwd);
    command.env("GPG_PRIVATE_KEY", text(secret_key(KEY))).env("SOURCE_DATE_EPOCH", EPOCH);
    command.output().unwrap()
}

#[test]
fn the_program_prints_what_a_user_types() {
    let debs = Debs::new();
    let deb = debs.make("hello", "1.0.0", "all", "one");
    let cwd = debs.0.path();
    let output = repo(&["apt", "site", str(&deb), "--url", "https://example.org/deb/"], cwd);
    assert!(output.status.success(), "{}", said(&output));
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(lines.contains(
        "sudo curl -fsSLo /etc/apt/keyrings/hello.asc https://example.org/deb/key.asc\n"
    ));
    assert!(lines.contains("URIs: https://example.org/deb\nSuites: stable\n"), "{lines}");
    let json = repo(&["apt", "site", "--json"], cwd);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["packages"], 1);
    assert_eq!(json["changed"], false);
    assert_eq!(json["signed_by"], identity(KEY).primary_fingerprint());
    assert_eq!(json["warnings"][0]["code"], "repo.url");
}

#[test]
fn without_a_key_it_must_be_asked_for() {
    let debs = Debs::new();
    let deb = debs.make("hello", "1.0.0", "all", "one");
    let run = |args: &[&str]| {
        let mut command = pkggen(debs.0.path());
        command.args(["repo", "apt", "site", str(&deb)]).args(args).current_dir(debs.0.path());
        command.output().unwrap()
    };
    let refused = run(&[]);
    assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
    assert!(said(&refused).contains("`GPG_PRIVATE_KEY` is not set"));
    assert!(!debs.0.path().join("site").exists());
    let unsigned = run(&["--no-sign"]);
    assert!(unsigned.status.success(), "{}", said(&unsigned));
    assert!(said(&unsigned).contains("warning: `site` is not signed: apt refuses it"));
    assert!(!debs.0.path().join("site/dists/stable/InRelease").exists());
    // it is signed later
    let signed = repo(&["apt", "site", str(&deb)], debs.0.path());
    assert!(signed.status.success(), "{}", said(&signed));
    assert_eq!(problems(Kind::Apt, &debs.0.path().join("site")), [""; 0]);
}

#[test]
fn the_manifest_says_address_and_suite() {
    let debs = Debs::new();
    let deb = debs.make("hello", "1.0.0", "all", "one");
    let folder = deb.ancestors().find(|dir| dir.join("pkggen.toml").exists()).unwrap();
    let manifest = folder.join("pkggen.toml");
    let more = "[release.apt]\nurl = \"https://pkg.example.org/{{ name }}\"\nsuite = \"bookworm\"\n\
                [release.dnf]\nurl = \"https://pkg.example.org/rpm\"\n";
    fs::write(&manifest, text(&manifest) + more).unwrap();
    let output = repo(&["apt", "site", "dist"], folder);
    assert!(output.status.success(), "{}", said(&output));
    let sources = text(folder.join("site/hello-bookworm.sources"));
    assert!(
        sources.contains("URIs: https://pkg.example.org/hello\nSuites: bookworm\n"),
        "{sources}"
    );
    assert!(!said(&output).contains("warning"), "{}", said(&output));
}

#[test]
fn the_key_is_a_package_that_holds_what_users_make_by_hand() {
    let debs = Debs::new();
    let cwd = debs.0.path();
    let url = ["--url", "https://example.org/packages", "--keyring", "1.0.0"];
    let run = |kind: &str, file: &Path| {
        let output = repo(&[&[kind, kind, str(file)], &url[..]].concat(), cwd);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let deb = debs.make("hello", "1.0.0", "all", "one");
    let told = run("apt", &deb);
    assert!(told.contains("added hello-archive-keyring 1.0.0 all"), "{told}");
    let file =
        cwd.join("apt/pool/main/h/hello-archive-keyring/hello-archive-keyring_1.0.0_all.deb");
    let report = pkggen::inspect::inspect(&file).unwrap();
    let digest = |path: &Path| pkggen::digest::sha256(&fs::read(path).unwrap()).to_string();
    for (installed, ours) in [
        ("etc/apt/keyrings/hello.asc", "apt/key.asc"),
        ("etc/apt/sources.list.d/hello.sources", "apt/hello.sources"),
    ] {
        let entry = format!("{:?}", report.entry(installed).unwrap());
        assert!(entry.contains(&digest(&cwd.join(ours))), "{entry}");
    }
    assert!(run("apt", &deb).contains("unchanged"), "the same version is the same package");
    assert_eq!(problems(Kind::Apt, &cwd.join("apt")), [""; 0]);
    let told = run("dnf", &debs.rpm("hello", "1.0.0"));
    assert!(told.contains("added hello-release 1.0.0-1 noarch"), "{told}");
    assert!(!told.contains("is not signed"), "{told}");
    let report =
        pkggen::inspect::inspect(&cwd.join("dnf/packages/hello-release-1.0.0-1.noarch.rpm"));
    let report = report.unwrap();
    assert!(report.entry("etc/pki/rpm-gpg/RPM-GPG-KEY-hello").is_some(), "{report:?}");
    let entry = format!("{:?}", report.entry("etc/yum.repos.d/hello.repo").unwrap());
    assert!(entry.contains(&digest(&cwd.join("dnf/hello.repo"))), "{entry}");
}

#[test]
fn inspect_and_diff_read_repositories() {
    let site = Site::new();
    let dir = TempDir::new().unwrap();
    let old = dir.path().join("old");
    copy(site.path(), &old);
    site.add("hello", "1.1.0", "all");
    let run = |args: &[&str]| pkggen(dir.path()).args(args).output().unwrap();
    let shown = run(&["inspect", str(site.path())]);
    assert!(shown.status.success(), "{}", said(&shown));
    for part in [
        "apt repository",
        "hello 1.1.0 all",
        "pool/main/h/hello/hello_1.1.0_all.deb",
        "Suite: stable",
    ] {
        assert!(said(&shown).contains(part), "{part}: {}", said(&shown));
    }
    let same = run(&["diff", str(&old), str(&old)]);
    assert_eq!((same.status.code(), said(&same).as_str()), (Some(0), ""));
    let diff = run(&["diff", str(&old), str(site.path())]);
    assert_eq!(diff.status.code(), Some(1));
    assert!(said(&diff).contains("hello_1.1.0_all.deb: only in the second"), "{}", said(&diff));
    let key = public_key(KEY);
    let fine = run(&["verify", str(site.path()), "--key", str(&key)]);
    assert!(fine.status.success(), "{}", said(&fine));
    flip(&site.path().join("pool/main/h/hello/hello_1.1.0_all.deb"), 500);
    let spoiled = run(&["verify", str(site.path()), "--key", str(&key)]);
    assert_eq!(spoiled.status.code(), Some(1));
    assert!(said(&spoiled).contains("hello_1.1.0_all.deb: its SHA-256 is"), "{}", said(&spoiled));
}

#[test]
fn what_is_no_package_is_refused_with_its_name() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("x.deb"), noise(1000)).unwrap();
    let refused = repo(&["apt", "site", "x.deb", "none.deb"], dir.path());
    let said = said(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(
        said.contains("`x.deb` is no readable deb") && said.contains("cannot read `none.deb`"),
        "{said}"
    );
    assert!(env::var_os("GPG_PRIVATE_KEY").is_none() || !said.contains("PRIVATE"));
}
