use std::io::Cursor;

use super::*;
use crate::{
    container::cpio::{Reader, Record},
    container::tar::tests::bytes,
    payload::{Blob, Stamp},
    splice::Segment,
    tree::Mode,
};

fn path(text: &str) -> InstallPath {
    InstallPath::parse(text).unwrap()
}

fn file(content: &str) -> Node {
    Node::file(Blob::from_bytes(content), Mode(0o644))
}

fn tree(nodes: &[(&str, Node)]) -> Tree {
    let mut tree = Tree::default();
    for (at, node) in nodes {
        tree.insert(path(at), node.clone()).unwrap();
    }
    tree
}

/// A file of that many bytes that nobody has to read.
fn sized(len: u64) -> Node {
    let stamp = Stamp { len, mtime: 0, nanos: 0, inode: 0, device: 0 };
    Node::file(Blob::from_file("/nowhere".into(), stamp), Mode(0o644))
}

fn header(tree: &Tree) -> Header {
    let mut header = Header::default();
    Files::of(tree).describe(&mut header, 15).unwrap();
    header
}

fn texts(header: &Header, tag: u32) -> Vec<String> {
    header.texts(tag).into_iter().map(|text| String::from_utf8(text.to_vec()).unwrap()).collect()
}

#[test]
fn files_are_sorted_by_the_bytes_of_their_paths() {
    let header = header(&tree(&[
        ("srv/a.b", file("")),
        ("srv/a/b", file("")),
        ("srv/a", Node::dir(Mode(0o755))),
    ]));
    assert_eq!(texts(&header, tags::BASENAMES), ["a", "a.b", "b"]);
    assert_eq!(texts(&header, tags::DIRNAMES), ["/srv/", "/srv/a/"]);
    assert_eq!(header.ints(tags::DIRINDEXES), [0, 0, 1]);
    assert_eq!(header.ints(tags::FILEINODES), [1, 2, 3]);
}

#[test]
fn directories_of_the_system_are_not_owned() {
    let header = header(&tree(&[("usr/bin/x", file("x")), ("usr/share/x/y", file("y"))]));
    assert_eq!(texts(&header, tags::BASENAMES), ["x", "x", "y"]);
    assert_eq!(texts(&header, tags::DIRNAMES), ["/usr/bin/", "/usr/share/", "/usr/share/x/"]);
}

#[test]
fn every_kind_has_its_mode_size_digest_and_flags() {
    let config = Node { config: true, ..file("abc") };
    let header = header(&tree(&[
        ("etc/x/a.conf", config),
        ("etc/x/b", Node::symlink("a.conf")),
        ("etc/x/c", Node::ghost(Mode(0o600))),
        ("usr/share/doc/x/d", file("")),
    ]));
    let modes: Vec<_> =
        header.ints(tags::FILEMODES).into_iter().map(|mode| format!("{mode:o}")).collect();
    assert_eq!(modes, ["40755", "100644", "120777", "100600", "40755", "100644"]);
    assert_eq!(header.ints(tags::FILESIZES), [0, 3, 6, 0, 0, 0]);
    assert_eq!(header.int(tags::SIZE), Some(9));
    assert_eq!(header.ints(tags::FILEFLAGS), [0, 0b1_0001, 0, 1 << 6, 0, 0b10]);
    assert_eq!(header.ints(tags::FILEVERIFYFLAGS)[2..4], [0xffff_ffff, 0xffff_ffd8]);
    let digests = texts(&header, tags::FILEDIGESTS);
    assert_eq!(digests.iter().map(String::len).collect::<Vec<_>>(), [0, 64, 0, 0, 0, 64]);
    assert_eq!(texts(&header, tags::FILELINKTOS)[2], "a.conf");
}

#[test]
fn programs_have_the_color_of_their_class() {
    let header = header(&tree(&[
        ("usr/bin/a", file("\x7fELF\x01\x01")),
        ("usr/bin/b", file("\x7fELF\x02\x01")),
        ("usr/bin/c", file("#!/bin/sh\n")),
    ]));
    assert_eq!(header.ints(tags::FILECOLORS), [1, 2, 0]);
}

#[test]
fn capabilities_are_there_for_all_files_or_for_none() {
    let capable = Node { capabilities: Some("cap_net_admin=ep".into()), ..file("x") };
    let with = header(&tree(&[("usr/bin/a", capable), ("usr/bin/b", file(""))]));
    assert_eq!(texts(&with, tags::FILECAPS), ["cap_net_admin=ep", ""]);
    assert_eq!(header(&tree(&[("usr/bin/b", file(""))])).get(tags::FILECAPS), None);
}

#[test]
fn translations_have_a_language() {
    let header = header(&tree(&[
        ("usr/share/locale/de/LC_MESSAGES/x.mo", file("x")),
        ("usr/share/man/fr/man1/x.1.gz", file("x")),
        ("usr/share/man/man1/x.1.gz", file("x")),
    ]));
    assert_eq!(texts(&header, tags::FILELANGS), ["de", "fr", ""]);
}

#[test]
fn a_package_without_files_has_none_of_their_tags() {
    let header = header(&Tree::default());
    assert_eq!(header.iter().map(|(tag, _)| tag).collect::<Vec<_>>(), [tags::SIZE]);
}

#[test]
fn the_archive_has_a_record_for_everything_but_ghosts() {
    let tree = tree(&[
        ("srv/x/a", file("abc")),
        ("srv/x/b", Node::symlink("a")),
        ("srv/x/c", Node::ghost(Mode(0o644))),
    ]);
    let cpio = bytes(&Files::of(&tree).cpio(15).unwrap());
    let mut reader = Reader::new(Cursor::new(cpio));
    let mut names = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let Record::Named(entry) = record else { panic!("{record:?}") };
        names.push((String::from_utf8(entry.name).unwrap(), entry.inode, entry.size));
    }
    let want = [("./srv/x", 1, 0), ("./srv/x/a", 2, 3), ("./srv/x/b", 3, 1)];
    assert_eq!(names, want.map(|(name, inode, size)| (name.to_owned(), inode, size)));
}

#[test]
fn a_file_of_4_gib_minus_1_makes_all_sizes_of_files_long() {
    let below = tree(&[("srv/a", sized(LARGE - 1))]);
    let at = tree(&[("srv/a", sized(LARGE)), ("srv/b", file("abc"))]);
    let sizes = |tree: &Tree| {
        let mut header = Header::default();
        Files::of(tree).sizes(&mut header);
        header
    };
    let (below, at) = (sizes(&below), sizes(&at));
    assert_eq!(below.ints(tags::FILESIZES), [LARGE - 1]);
    assert_eq!((below.int(tags::SIZE), below.get(tags::LONGFILESIZES)), (Some(LARGE - 1), None));
    assert_eq!((at.ints(tags::LONGFILESIZES), at.get(tags::FILESIZES)), (vec![LARGE, 3], None));
    assert_eq!((at.int(tags::LONGSIZE), at.get(tags::SIZE)), (Some(LARGE + 3), None));
}

#[test]
fn many_files_of_more_than_4_gib_keep_their_short_sizes_and_names() {
    let tree = tree(&[("srv/a", sized(LARGE - 1)), ("srv/b", sized(LARGE - 1))]);
    let files = Files::of(&tree);
    let mut header = Header::default();
    files.sizes(&mut header);
    assert_eq!(header.ints(tags::FILESIZES), [LARGE - 1, LARGE - 1]);
    assert_eq!(header.int(tags::LONGSIZE), Some(2 * LARGE - 2));
    let cpio = files.cpio(0).unwrap();
    let Some(Segment::Bytes(first)) = cpio.segments().first() else { panic!("bytes") };
    assert!(first.starts_with(b"070701"));
    assert!(cpio.len() > 2 * LARGE);
}

#[test]
fn a_large_file_turns_all_records_into_numbers() {
    let tree = tree(&[("srv/a", sized(LARGE)), ("srv/b", file("abc"))]);
    let cpio = Files::of(&tree).cpio(0).unwrap();
    // two records, content padded to four, the trailer
    assert_eq!(cpio.len(), 16 + LARGE + 1 + 16 + 4 + 124);
    let Some(Segment::Bytes(first)) = cpio.segments().first() else { panic!("bytes") };
    assert_eq!(&first[..], b"07070X00000000\0\0");
}
