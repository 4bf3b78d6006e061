use std::os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener};

use super::*;

struct Disk {
    dir: tempfile::TempDir,
    sources: Sources,
}

impl Disk {
    fn new(files: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if file.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::write(path, file).unwrap();
            }
        }
        let sources = Sources::new(dir.path());
        Self { dir, sources }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn found(&self, source: &str) -> Vec<String> {
        let found = self.sources.find(None, source).unwrap();
        found.items.iter().map(|item| item.below.clone()).collect()
    }

    fn problems(&self, source: &str) -> Vec<String> {
        let problems = self.sources.find(None, source).unwrap_err();
        problems.into_iter().map(|problem| problem.message).collect()
    }
}

#[test]
fn a_directory_gives_its_whole_content_hidden_files_and_empty_directories_included() {
    let disk = Disk::new(&["d/a", "d/.hidden", "d/sub/b", "d/empty/"]);
    let want = [".hidden", "a", "empty", "sub/b"];
    assert_eq!(disk.found("d"), want);
    assert_eq!(disk.found("d/"), want);
}

#[test]
fn a_glob_places_by_the_path_after_its_fixed_part() {
    let disk = Disk::new(&["l/a.so", "l/b.txt", "l/x/c.so", "l/x/y/d.so", "l/dir.so/inside"]);
    assert_eq!(disk.found("l/*.so"), ["a.so", "dir.so/inside"]);
    assert_eq!(disk.found("l/**/*.so"), ["a.so", "dir.so/inside", "x/c.so", "x/y/d.so"]);
    assert_eq!(disk.found("l/*"), ["a.so", "b.txt", "dir.so/inside", "x/c.so", "x/y/d.so"]);
    assert_eq!(disk.found("l/{a.so,b.txt}"), ["a.so", "b.txt"]);
    assert_eq!(disk.found("l/?.so"), ["a.so"]);
    assert_eq!(disk.found("l/[ab].*"), ["a.so", "b.txt"]);
    assert_eq!(disk.found("*/x/*.so"), ["l/x/c.so"]);
}

#[test]
fn a_file_is_single_and_so_is_a_glob_with_one_match() {
    let disk = Disk::new(&["a.bin", "x/b"]);
    assert!(disk.sources.find(None, "a.bin").unwrap().single);
    assert!(disk.sources.find(None, "*.bin").unwrap().single);
    assert!(!disk.sources.find(None, "x").unwrap().single);
}

#[test]
fn a_name_that_looks_like_a_glob_may_be_a_file() {
    let disk = Disk::new(&["pages/[id].js", "pages/i.js"]);
    assert_eq!(disk.found("pages/[id].js"), ["[id].js"]);
}

#[test]
fn double_slash_is_the_manifests_directory_and_root_the_rest() {
    let disk = Disk::new(&["dist/a", "b"]);
    assert!(disk.sources.find(Some("dist"), "a").is_ok());
    assert!(disk.sources.find(Some("dist"), "//b").is_ok());
    assert!(disk.sources.find(Some("dist"), "b").is_err());
}

#[test]
fn links_stay_links_and_may_not_leave_the_source() {
    let disk = Disk::new(&["d/lib.so.1", "d/sub/x", "outside"]);
    symlink("lib.so.1", disk.path("d/lib.so")).unwrap();
    symlink("../lib.so", disk.path("d/sub/up")).unwrap();
    let found = disk.sources.find(None, "d").unwrap();
    let links: Vec<_> = found
        .items
        .iter()
        .filter_map(|item| match &item.kind {
            ItemKind::Symlink(target) => Some((item.below.as_str(), target.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(links, [("lib.so", "lib.so.1"), ("sub/up", "../lib.so")]);

    symlink("/etc/passwd", disk.path("d/absolute")).unwrap();
    symlink("../../outside", disk.path("d/sub/out")).unwrap();
    let problems = Sources::new(disk.dir.path()).find(None, "d").unwrap_err();
    let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the link `d/absolute` leads to `/etc/passwd`, which is absolute",
            "the link `d/sub/out` leads to `../../outside`, which leaves the source"
        ]
    );
}

#[test]
fn a_source_that_is_itself_a_link_is_followed() {
    let disk = Disk::new(&["build/app-1.0"]);
    symlink("build/app-1.0", disk.path("app")).unwrap();
    let found = disk.sources.find(None, "app").unwrap();
    assert!(matches!(found.items[0].kind, ItemKind::File { .. }));
    assert_eq!(found.items[0].below, "app");
}

#[test]
fn a_dangling_source_says_where_it_leads() {
    let disk = Disk::new(&[]);
    symlink("gone", disk.path("app")).unwrap();
    assert_eq!(disk.problems("app"), ["payload `app` is a link to `gone`, which does not exist"]);
}

#[test]
fn sockets_and_bad_names_are_refused_all_at_once() {
    let disk = Disk::new(&["d/a\nb", "d/ok"]);
    let _socket = UnixListener::bind(disk.path("d/socket")).unwrap();
    fs::write(disk.path("d").join(std::ffi::OsStr::from_bytes(b"x\xff")), "").unwrap();
    assert_eq!(
        disk.problems("d"),
        [
            "`d/socket` is a socket, which no package can hold",
            "the name `a\\nb` in `d` holds a control character",
            "the name `x\u{fffd}` in `d` is not UTF-8"
        ]
    );
}

#[test]
fn hard_links_are_separate_files_of_one_content() {
    let disk = Disk::new(&["d/a"]);
    fs::hard_link(disk.path("d/a"), disk.path("d/b")).unwrap();
    let found = disk.sources.find(None, "d").unwrap();
    let [ItemKind::File { blob: a, .. }, ItemKind::File { blob: b, .. }] =
        [&found.items[0].kind, &found.items[1].kind]
    else {
        panic!("two files");
    };
    assert_eq!(a, b);
}

#[test]
fn only_the_owners_right_to_execute_counts() {
    let disk = Disk::new(&["d/a", "d/b"]);
    fs::set_permissions(disk.path("d/a"), fs::Permissions::from_mode(0o744)).unwrap();
    fs::set_permissions(disk.path("d/b"), fs::Permissions::from_mode(0o655)).unwrap();
    let found = disk.sources.find(None, "d").unwrap();
    let rights: Vec<_> = found
        .items
        .iter()
        .map(|item| matches!(item.kind, ItemKind::File { executable: true, .. }))
        .collect();
    assert_eq!(rights, [true, false]);
}

#[test]
fn a_glob_without_a_match_and_a_missing_directory_are_errors() {
    let disk = Disk::new(&["d/a.txt"]);
    let problem = disk.sources.find(None, "d/*.so").unwrap_err().remove(0);
    assert_eq!(problem.message, "nothing matches `d/*.so`");
    assert_eq!(problem.hint.as_deref(), Some("d/ has a.txt"));
    assert_eq!(disk.problems("e/*.so"), ["payload `e` does not exist"]);
    assert_eq!(disk.problems("d/a.txt/"), ["`d/a.txt/` is a file, not a directory"]);
}

#[test]
fn a_broken_glob_says_why() {
    let disk = Disk::new(&[]);
    assert!(disk.problems("d/[a")[0].starts_with("`d/[a` is no glob: "));
}
