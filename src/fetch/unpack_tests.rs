use std::sync::Arc;

use super::*;
use crate::{
    container::{
        tar::{Tar, checksum, tests::bytes},
        unpack::tests::{gzip, xz, zstd},
        zip::Zip,
    },
    fetch::Means,
    tree::{InstallPath, Mode, Node, Tree},
};

fn tree() -> Tree {
    let mut tree = Tree::default();
    let mut add = |path: &str, node| tree.insert(InstallPath::parse(path).unwrap(), node).unwrap();
    add("bin/hello", Node::file(Blob::from_bytes("#!/bin/sh\n"), Mode(0o4755)));
    add("bin/hi", Node::symlink("hello"));
    add("share/empty", Node::dir(Mode(0o700)));
    add("share/text", Node::file(Blob::from_bytes("text"), Mode(0o600)));
    tree
}

fn unpacked(dir: &Path, bytes: &[u8]) -> Result<Vec<Member>, FetchError> {
    let archive = dir.join("archive");
    fs::write(&archive, bytes).unwrap();
    Fetcher::new(Means::new(dir)).unpack(&Blob::open(archive).unwrap(), "lib/x.tar.gz")
}

/// `bin/hello x #!/bin/sh`: what a package would take of each member.
fn told(members: &[Member]) -> Vec<String> {
    let row = |Member { path, kind }: &Member| match kind {
        MemberKind::EmptyDir => format!("{path}/"),
        MemberKind::Symlink(target) => format!("{path} -> {target}"),
        MemberKind::File { file, executable } => {
            let content = fs::read_to_string(file).unwrap();
            format!("{path} {} {}", if *executable { "x" } else { "-" }, content.trim_end())
        }
    };
    members.iter().map(row).collect()
}

const TOLD: [&str; 4] =
    ["bin/hello x #!/bin/sh", "bin/hi -> hello", "share/empty/", "share/text - text"];

fn plain() -> Vec<u8> {
    bytes(&Tar::new(7).tree(&tree(), "./").unwrap().finish())
}

#[test]
fn every_kind_of_archive_gives_its_members() {
    let zip = Zip::new(7).tree(&tree(), "", 6, &Bench::for_tests()).unwrap().finish();
    for packed in [plain(), gzip(&plain()), xz(&plain()), zstd(&plain()), bytes(&zip)] {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(told(&unpacked(dir.path(), &packed).unwrap()), TOLD);
    }
}

#[test]
fn an_archive_is_unpacked_once_and_checked_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = unpacked(dir.path(), &plain()).unwrap();
    let MemberKind::File { file, .. } = &first[0].kind else { panic!("a file") };
    let made = || file.metadata().unwrap().modified().unwrap();
    let before = made();
    assert_eq!(unpacked(dir.path(), &plain()).unwrap(), first);
    assert_eq!(made(), before, "it was not written again");
    fs::write(file, "#!/bin/SH\n").unwrap();
    assert_eq!(told(&unpacked(dir.path(), &plain()).unwrap()), TOLD, "as long, but changed");
    fs::remove_file(file).unwrap();
    assert_eq!(told(&unpacked(dir.path(), &plain()).unwrap()), TOLD, "gone");
    let folders = fs::read_dir(dir.path().join("unpacked")).unwrap().count();
    assert_eq!(folders, 1, "nothing half done is left");
}

/// A header with these fields, and a content.
fn entry(name: &str, kind: u8, link: &str, content: &[u8]) -> Vec<u8> {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000755");
    block[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar  \0");
    let sum = checksum(&block);
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut bytes = block.to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

#[test]
fn a_hard_link_is_the_file_it_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let links = tar(&[
        entry("./a", b'0', "", b"content"),
        entry("d/b", b'1', "./a", b""),
        entry("d/c", b'1', "d/b", b""),
    ]);
    let members = unpacked(dir.path(), &links).unwrap();
    assert_eq!(told(&members), ["a x content", "d/b x content", "d/c x content"]);
    assert_eq!(members[0].kind, members[1].kind);
}

#[test]
fn members_that_no_honest_archive_has_are_refused() {
    let a = || entry("a", b'0', "", b"");
    let cases: &[(Vec<Vec<u8>>, &str)] = &[
        (vec![entry("../a", b'0', "", b"")], "`../a`, which leaves the archive with `..`"),
        (vec![entry("a/../../b", b'0', "", b"")], "leaves the archive"),
        (vec![entry("/etc/passwd", b'0', "", b"")], "is an absolute path"),
        (vec![entry("l", b'2', "/etc", b"")], "is a link to `/etc`, an absolute path"),
        (vec![entry("d/l", b'2', "../../x", b"")], "is a link to `../../x`, outside"),
        (
            vec![entry("l", b'2', ".", b""), entry("l/a", b'0', "", b"")],
            "is below `l`, which is no",
        ),
        (vec![a(), entry("a/b", b'0', "", b"")], "is below `a`, which is no folder"),
        (vec![entry("a/b", b'0', "", b""), a()], "is there twice"),
        (vec![a(), a()], "is there twice"),
        (
            vec![entry("h", b'1', "a", b""), a()],
            "is a hard link to `a`, which is no file before it",
        ),
        (vec![entry("h", b'1', "/etc/passwd", b"")], "is an absolute path"),
        (vec![entry("n", b'3', "", b"")], "is a device"),
        (vec![entry("n", b'6', "", b"")], "is a named pipe"),
        (vec![entry("a\u{7}", b'0', "", b"")], "holds a control character"),
    ];
    for (entries, why) in cases {
        let dir = tempfile::tempdir().unwrap();
        let error = unpacked(dir.path(), &tar(entries)).unwrap_err();
        assert!(matches!(error, FetchError::Member { .. }), "{error}");
        assert!(error.to_string().contains(why), "{error} / {why}");
        let left = fs::read_dir(dir.path().join("unpacked")).unwrap().count();
        assert_eq!(left, 0, "nothing is left of it");
    }
}

#[test]
fn a_member_that_says_it_is_larger_than_the_disk_is_refused_before_it_is_unpacked() {
    let mut bomb = entry("a", b'0', "", b"");
    bomb[124..136].copy_from_slice(b"\x80\0\0\0\0\x0f\0\0\0\0\0\0");
    let sum = {
        let block = bomb[..512].first_chunk::<512>().unwrap();
        checksum(block)
    };
    bomb[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let dir = tempfile::tempdir().unwrap();
    let error = unpacked(dir.path(), &tar(&[bomb])).unwrap_err();
    assert!(matches!(error, FetchError::Space { .. }), "{error}");
}

#[test]
fn what_is_no_archive_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    for (bytes, what) in [
        (&b"BZh91AY"[..], "packed with bzip2"),
        (b"", "empty"),
        (b"<!DOCTYPE html>", "no archive"),
        (b"!<arch>\n", "an ar archive"),
    ] {
        let error = unpacked(dir.path(), bytes).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
    let cut = gzip(&plain());
    let error = unpacked(dir.path(), &cut[..cut.len() / 2]).unwrap_err();
    assert!(matches!(error, FetchError::Damaged { .. }), "{error}");
}

#[test]
fn progress_ends_at_the_length_of_the_archive() {
    use crate::payload::Progress;
    use std::sync::Mutex;
    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);
    impl Progress for Told {
        fn start(&self, what: &str, total: u64) {
            self.0.lock().unwrap().push(format!("{what} {total}"));
        }
        fn advance(&self, _: u64) {}
        fn finish(&self) {
            self.0.lock().unwrap().push("done".into());
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let archive = dir.path().join("x.tar");
    fs::write(&archive, plain()).unwrap();
    let told = Arc::new(Told::default());
    let mut means = Means::new(dir.path());
    means.progress = told.clone();
    Fetcher::new(means).unpack(&Blob::open(archive).unwrap(), "lib/x.tar").unwrap();
    let lines = told.0.lock().unwrap().clone();
    assert!(lines.contains(&format!("unpacking x.tar {}", plain().len())), "{lines:?}");
}
