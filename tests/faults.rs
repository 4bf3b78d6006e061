//! What goes wrong while building is said clearly, and leaves no half package behind.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    fs,
    io::{Seek, Write},
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use common::{TempDir, have, is_root, manifest, noise, ok, pkggen, said, skip};

/// A folder with a manifest, one payload, an output folder and a home.
struct Place {
    folder: TempDir,
    manifest: PathBuf,
}

impl Place {
    fn new(payload: &[u8], more: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("payload.bin"), payload).unwrap();
        let manifest = manifest(folder.path(), "payload.bin", more);
        fs::create_dir(folder.path().join("out")).unwrap();
        Self { folder, manifest }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn build(&self, formats: &[&str]) -> Command {
        let mut command = pkggen(&self.path("home"));
        command.arg("build").args(formats).arg("-m").arg(&self.manifest);
        command.arg("--out").arg(self.path("out"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Names in the output folder, hidden ones included.
    fn out(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("out")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn deb(&self) -> PathBuf {
        self.path("out/blob_1.0.0_amd64.deb")
    }
}

/// Bytes that xz works on for a while.
fn slow(len: usize) -> Vec<u8> {
    noise(len).into_iter().map(|byte| b"the quick brown "[usize::from(byte % 16)]).collect()
}

fn signal(child: &Child, name: &str) {
    ok(Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()));
}

/// Lets it work for a while, then sends the signal; `None` when it was done before.
fn stopped_after(mut command: Command, wait: Duration, name: &str) -> Option<Output> {
    let mut child = command.spawn().unwrap();
    thread::sleep(wait);
    if child.try_wait().unwrap().is_some() {
        return None;
    }
    signal(&child, name);
    let output = child.wait_with_output().unwrap();
    // it may have come to its end just then
    (!output.status.success()).then_some(output)
}

/// Moments while reading and packing, and while writing.
const MOMENTS: [u64; 6] = [20, 60, 150, 400, 800, 1500];

#[test]
fn a_killed_build_leaves_no_package_and_the_next_one_cleans_up() {
    let place = Place::new(&slow(2 << 20), "");
    let clean = Place::new(&slow(2 << 20), "");
    ok(&mut clean.build(&["deb", "zip"]));
    let mut stopped = 0;
    for wait in MOMENTS {
        let wait = Duration::from_millis(wait);
        let Some(output) = stopped_after(place.build(&["deb", "zip"]), wait, "KILL") else { break };
        assert_eq!(output.status.signal(), Some(9));
        for name in place.out() {
            let half = name.starts_with('.');
            let whole = || {
                fs::read(place.path("out").join(&name)).unwrap()
                    == fs::read(clean.path("out").join(&name)).unwrap()
            };
            assert!(half || whole(), "{name} is there and not whole");
        }
        stopped += 1;
    }
    assert!(stopped >= 2, "stopped only {stopped} times");
    ok(&mut place.build(&["deb", "zip"]));
    assert_eq!(place.out(), clean.out());
    for name in place.out() {
        let read = |place: &Place| fs::read(place.path("out").join(&name)).unwrap();
        assert!(read(&place) == read(&clean), "{name} differs after interrupted builds");
    }
}

#[test]
fn an_interrupted_build_says_130_and_leaves_nothing_but_the_earlier_package() {
    let place = Place::new(b"small", "");
    ok(&mut place.build(&["deb"]));
    let (earlier, names) = (fs::read(place.deb()).unwrap(), place.out());
    fs::write(place.path("payload.bin"), slow(2 << 20)).unwrap();
    let mut stopped = 0;
    for wait in &MOMENTS[1..] {
        let wait = Duration::from_millis(*wait);
        // cold every time, so that it lasts
        let _ = fs::remove_dir_all(place.path("home"));
        let Some(output) = stopped_after(place.build(&["deb"]), wait, "INT") else { break };
        // as long as there is nothing to clean up the signal itself ends it: 130 to a shell
        let at_once = output.status.signal() == Some(2);
        assert!(at_once || output.status.code() == Some(130), "{}", said(&output));
        assert!(fs::read(place.deb()).unwrap() == earlier, "the earlier package is gone");
        assert_eq!(place.out(), names, "after {wait:?}");
        stopped += 1;
    }
    assert!(stopped >= 2, "stopped only {stopped} times");
}

/// Runs the build where `dir` is a file system of its own with what `before` holds; `aside` is a
/// shell line run meanwhile. The names in the output folder are said last.
fn on_small_disk(place: &Place, dir: &str, size: &str, aside: &str, formats: &[&str]) -> Output {
    let build = place.build(formats);
    let script = format!(
        "mount -t tmpfs -o {size} none \"$1\" && cp \"$2\"/* \"$1\"/ 2>/dev/null; shift 2
         out='{}'; {aside}
         \"$@\"; code=$?; wait
         echo \"$(cat \"$out\"/*.deb 2>/dev/null | wc -c) deb bytes\" >&2
         echo names: >&2; ls -A \"$out\" >&2; exit $code",
        place.path("out").display()
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script, "sh"]).arg(place.path(dir)).arg(place.path("before"));
    command.arg(build.get_program()).args(build.get_args());
    command.env_clear();
    for (key, value) in build.get_envs() {
        command.env(key, value.unwrap());
    }
    command.env("LC_ALL", "C").output().unwrap()
}

fn names_after(text: &str) -> Vec<&str> {
    text.rsplit_once("names:\n").unwrap().1.lines().collect()
}

fn may_mount(test: &str) -> bool {
    if !is_root() {
        skip(test, "needs root to mount a small file system");
        return false;
    }
    have(test, &["unshare:util-linux", "mount:mount"])
}

#[test]
fn a_disk_that_is_too_small_is_said_before_anything_is_written() {
    if !may_mount("a_disk_that_is_too_small_is_said_before_anything_is_written") {
        return;
    }
    let place = Place::new(b"small", "");
    ok(&mut place.build(&["deb"]));
    fs::rename(place.path("out"), place.path("before")).unwrap();
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("payload.bin"), noise(8 << 20)).unwrap();
    for format in ["deb", "zip", "tar.zst"] {
        let output = on_small_disk(&place, "out", "size=2m", "", &[format]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(3), "{text}");
        assert!(text.contains("bytes left, and the artifacts need"), "{text}");
        assert_eq!(names_after(&text), ["SHA256SUMS", "blob_1.0.0_amd64.deb"], "{text}");
    }
}

#[test]
fn a_disk_that_fills_up_meanwhile_is_said_and_the_earlier_package_stays() {
    if !may_mount("a_disk_that_fills_up_meanwhile_is_said_and_the_earlier_package_stays") {
        return;
    }
    let place = Place::new(b"small", "");
    ok(&mut place.build(&["deb"]));
    let earlier = fs::read(place.deb()).unwrap();
    fs::rename(place.path("out"), place.path("before")).unwrap();
    fs::create_dir(place.path("out")).unwrap();
    fs::write(place.path("payload.bin"), slow(2 << 20)).unwrap();
    // xz works on this for seconds; by then another program has taken the room
    let filler = "(sleep 0.7; cat /dev/zero >\"$out/other program\" 2>/dev/null) &";
    let output = on_small_disk(&place, "out", "size=8m", filler, &["deb"]);
    let text = said(&output);
    // noticed before writing, or while writing
    let (before, meanwhile) = ("bytes left, and the artifacts need", "hint: the disk is full");
    let code = if text.contains(before) { 3 } else { 1 };
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(before) || text.contains(meanwhile), "{text}");
    let names = ["SHA256SUMS", "blob_1.0.0_amd64.deb", "other program"];
    assert_eq!(names_after(&text), names, "{text}");
    let sum = format!("{} deb bytes", earlier.len());
    assert!(text.contains(&sum), "the earlier package is not what it was: {text}");
}

#[test]
fn a_disk_without_room_for_another_file_is_said() {
    if !may_mount("a_disk_without_room_for_another_file_is_said") {
        return;
    }
    let place = Place::new(b"small", "");
    fs::create_dir(place.path("before")).unwrap();
    // the folder itself is the one inode
    let output = on_small_disk(&place, "out", "size=8m,nr_inodes=1", "", &["deb"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot write") && text.contains("No space left on device"), "{text}");
    assert!(names_after(&text).is_empty(), "{text}");
}

#[test]
fn a_store_on_a_full_disk_is_done_without() {
    if !may_mount("a_store_on_a_full_disk_is_done_without") {
        return;
    }
    let place = Place::new(&slow(1 << 20), "");
    fs::create_dir_all(place.path("home/cache")).unwrap();
    fs::create_dir(place.path("before")).unwrap();
    let output = on_small_disk(&place, "home/cache", "size=64k", "", &["deb"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    ok(Command::new("dpkg-deb").arg("-I").arg(place.deb()));
}

/// Builds while `mutate` is called over and over.
fn while_changing(place: &Place, mutate: impl Fn(&Path, u64) + Send + Sync) -> Output {
    let done = AtomicBool::new(false);
    let path = place.path("payload.bin");
    thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                mutate(&path, turn);
                thread::sleep(Duration::from_millis(1));
            }
        });
        let output = place.build(&["deb"]).output().unwrap();
        done.store(true, Ordering::Relaxed);
        output
    })
}

fn refused(place: &Place, output: &Output, word: &str) {
    let text = said(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("payload.bin`") && text.contains(word), "{text}");
    assert!(place.out().is_empty(), "{:?}", place.out());
}

#[test]
fn a_payload_that_grows_while_it_is_read_is_refused() {
    let place = Place::new(&noise(32 << 20), "");
    let output = while_changing(&place, |path, _| {
        fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap();
    });
    refused(&place, &output, "bytes when it was looked at");
}

#[test]
fn a_payload_that_is_truncated_while_it_is_read_is_refused() {
    let place = Place::new(&noise(32 << 20), "");
    let output = while_changing(&place, |path, turn| {
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_len((32 << 20) - 4096 * turn.min(4096)).unwrap();
    });
    refused(&place, &output, "bytes when it was looked at");
}

#[test]
fn a_payload_that_is_rewritten_at_the_same_length_is_refused() {
    let place = Place::new(&noise(32 << 20), "");
    let output = while_changing(&place, |path, turn| {
        let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.seek(std::io::SeekFrom::Start(turn * 64 % (32 << 20))).unwrap();
        file.write_all(b"other").unwrap();
    });
    refused(&place, &output, "written to while it was being packaged");
}

/// The same command as nobody, who needs a program that he may reach.
fn as_nobody(place: &Place, command: &Command) -> Output {
    let program = place.path("pkggen");
    fs::copy(command.get_program(), &program).unwrap();
    fs::create_dir_all(place.path("home")).unwrap();
    for folder in [place.folder.path(), &place.path("home")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    nobody.arg(program).args(command.get_args()).env_clear();
    for (key, value) in command.get_envs() {
        nobody.env(key, value.unwrap());
    }
    nobody.output().unwrap()
}

fn may_become_nobody(test: &str) -> bool {
    if !is_root() {
        skip(test, "needs root to become a user who may not read everything");
        return false;
    }
    have(test, &["setpriv:util-linux"])
}

#[test]
fn an_unreadable_payload_is_named() {
    if !may_become_nobody("an_unreadable_payload_is_named") {
        return;
    }
    let place = Place::new(b"secret", "");
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(place.path("payload.bin"), private).unwrap();
    fs::set_permissions(place.path("out"), fs::Permissions::from_mode(0o777)).unwrap();
    let output = as_nobody(&place, &place.build(&["deb"]));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("payload `payload.bin` may not be read"), "{text}");
    assert!(text.contains("has mode 0600 and belongs to user 0"), "{text}");
    assert!(place.out().is_empty(), "{:?}", place.out());
}

#[test]
fn a_folder_that_may_not_be_entered_is_not_a_missing_file() {
    if !may_become_nobody("a_folder_that_may_not_be_entered_is_not_a_missing_file") {
        return;
    }
    let place = Place::new(b"", "");
    fs::create_dir_all(place.path("models/private")).unwrap();
    fs::write(place.path("models/private/m.gguf"), "model").unwrap();
    let closed = fs::Permissions::from_mode(0o700);
    fs::set_permissions(place.path("models/private"), closed).unwrap();
    manifest(place.folder.path(), "models/private/m.gguf", "");
    let output = as_nobody(&place, &place.build(&["deb"]));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("models/private") && !text.contains("does not exist"), "{text}");
}

#[test]
fn an_output_folder_that_cannot_be_written_to_is_said_and_keeps_what_it_has() {
    if !may_become_nobody("an_output_folder_that_cannot_be_written_to_is_said") {
        return;
    }
    let place = Place::new(b"one", "");
    ok(&mut place.build(&["deb"]));
    let (earlier, names) = (fs::read(place.deb()).unwrap(), place.out());
    ok(Command::new("chown").args(["-R", "65534"]).arg(place.path("home")));
    fs::write(place.path("payload.bin"), "two").unwrap();
    fs::set_permissions(place.path("out"), fs::Permissions::from_mode(0o555)).unwrap();
    let output = as_nobody(&place, &place.build(&["deb"]));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("/out") && text.contains("Permission denied"), "{text}");
    assert!(fs::read(place.deb()).unwrap() == earlier);
    assert_eq!(place.out(), names);
}

#[test]
fn a_missing_source_is_said_before_anything_is_written() {
    let place = Place::new(b"", "");
    fs::remove_file(place.path("payload.bin")).unwrap();
    let output = place.build(&["deb", "zip"]).output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("`payload.bin` does not exist"), "{text}");
    assert!(place.out().is_empty(), "{:?}", place.out());
}
