//! Tests of the reader on packages made in memory, whole and spoiled.

#[path = "signed_tests.rs"]
mod signed_tests;

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::{
    container::unpack::tests::{Pack, gzip, xz, zstd},
    format::{
        report::ReadKind,
        rpm::{
            header::Value,
            package::{LEAD, MAGIC},
            tags::{file, sense},
        },
    },
};

/// A file of a test package: path, mode, content (or target), flags.
type Item = (&'static str, u32, &'static [u8], u32);

const ITEMS: [Item; 6] = [
    ("/etc/hello.conf", 0o100_644, b"greeting = hello\n", file::CONFIG | file::NO_REPLACE),
    ("/usr/bin/hello", 0o100_755, b"#!/bin/sh\n", 0),
    ("/usr/bin/hi", 0o120_777, b"hello", 0),
    ("/usr/share/hello", 0o40755, b"", 0),
    ("/usr/share/hello/empty", 0o100_644, b"", file::DOC),
    ("/var/log/hello.log", 0o100_640, b"", file::GHOST),
];

/// What a test package is made of; tests change one thing before it is put together.
struct Sample {
    lead: [u8; LEAD],
    header: Header,
    signature: Header,
    /// Plain cpio.
    archive: Vec<u8>,
    pack: Pack,
}

impl Default for Sample {
    fn default() -> Self {
        Self::of(&ITEMS)
    }
}

impl Sample {
    fn of(items: &[Item]) -> Self {
        let mut header = Header::default();
        let mut text = |tag, value: &str| header.set(tag, Value::text(value));
        text(tags::NAME, "hello");
        text(tags::VERSION, "1.0");
        text(tags::RELEASE, "1");
        text(tags::OS, "linux");
        text(tags::ARCH, "x86_64");
        text(tags::SOURCERPM, "hello-1.0-1.src.rpm");
        text(tags::PAYLOADCOMPRESSOR, "zstd");
        text(tags::PAYLOADFLAGS, "19");
        list(&mut header, items);
        let mut lead = [0; LEAD];
        lead[..4].copy_from_slice(MAGIC);
        (lead[4], lead[9], lead[77], lead[79]) = (3, 1, 1, 5);
        lead[10..19].copy_from_slice(b"hello-1.0");
        lead[19..21].copy_from_slice(b"-1");
        let archive = archive(items);
        Self { lead, header, signature: Header::default(), archive, pack: zstd }
    }

    /// Digests and sizes are right, whatever was changed before.
    fn sealed(mut self) -> Self {
        let packed = (self.pack)(&self.archive);
        let digest = |bytes: &[u8]| Value::texts([Algorithm::Sha256.hex(bytes)]);
        self.header.set(tags::PAYLOADDIGEST, digest(&packed));
        self.header.set(tags::PAYLOADDIGESTALT, digest(&self.archive));
        self.header.set(tags::PAYLOADDIGESTALGO, Value::Int32(vec![8]));
        let header = self.header.encode(tags::HEADERIMMUTABLE).unwrap();
        let number = |len: usize| Value::Int32(vec![u32::try_from(len).unwrap()]);
        self.signature.set(signed::SHA1, Value::text(Algorithm::Sha1.hex(&header)));
        self.signature.set(signed::SHA256, Value::text(Algorithm::Sha256.hex(&header)));
        self.signature.set(signed::SIZE, number(header.len() + packed.len()));
        self.signature.set(signed::PAYLOADSIZE, number(self.archive.len()));
        self.signature.set(signed::RESERVEDSPACE, Value::Bin(vec![0; 37]));
        self
    }

    /// As it is.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.lead.to_vec();
        bytes.extend(self.signature.encode(tags::HEADERSIGNATURES).unwrap());
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(self.header.encode(tags::HEADERIMMUTABLE).unwrap());
        bytes.extend((self.pack)(&self.archive));
        bytes
    }

    fn rpm(self) -> Vec<u8> {
        self.sealed().bytes()
    }

    fn set(mut self, tag: u32, value: Value) -> Self {
        self.header.set(tag, value);
        self
    }
}

/// The arrays of the files.
fn list(header: &mut Header, items: &[Item]) {
    let texts = |of: &dyn Fn(&Item) -> String| Value::texts(items.iter().map(of));
    let ints = |of: &dyn Fn(&Item) -> u32| Value::Int32(items.iter().map(of).collect());
    let split = |path: &'static str| path.rsplit_once('/').unwrap();
    let dirs: Vec<String> = items.iter().map(|item| format!("{}/", split(item.0).0)).collect();
    let at = |dir: &String| u32::try_from(dirs.iter().position(|d| d == dir).unwrap()).unwrap();
    header.set(tags::BASENAMES, texts(&|item| split(item.0).1.into()));
    header.set(tags::DIRNAMES, Value::texts(dirs.clone()));
    header.set(tags::DIRINDEXES, Value::Int32(dirs.iter().map(at).collect()));
    let modes = items.iter().map(|item| u16::try_from(item.1).unwrap()).collect();
    header.set(tags::FILEMODES, Value::Int16(modes));
    header.set(tags::FILESIZES, ints(&|item| u32::try_from(item.2.len()).unwrap()));
    header.set(tags::FILEFLAGS, ints(&|item| item.3));
    header.set(tags::FILEMTIMES, ints(&|_| 1_700_000_000));
    header.set(tags::FILEDEVICES, ints(&|_| 1));
    header.set(tags::FILEINODES, Value::Int32((1..).take(items.len()).collect()));
    header.set(tags::FILEUSERNAME, texts(&|_| "root".into()));
    header.set(tags::FILEGROUPNAME, texts(&|_| "adm".into()));
    header.set(tags::FILEDIGESTALGO, Value::Int32(vec![8]));
    let is_file = |item: &Item| item.1 & files::TYPE == files::REGULAR && item.3 & file::GHOST == 0;
    let digest = |item: &Item| Algorithm::Sha256.hex(item.2);
    header.set(
        tags::FILEDIGESTS,
        texts(&|item| if is_file(item) { digest(item) } else { String::new() }),
    );
    let is_link = |item: &Item| item.1 & files::TYPE == files::SYMLINK;
    let target = |item: &Item| String::from_utf8(item.2.to_vec()).unwrap();
    header.set(
        tags::FILELINKTOS,
        texts(&|item| if is_link(item) { target(item) } else { String::new() }),
    );
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn record(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let len = |len: usize| u32::try_from(len).unwrap();
    let numbers = [1, mode, 0, 0, 1, 9, len(content.len()), 0, 0, 0, 0, len(name.len()) + 1, 0];
    let numbers = numbers.map(|number| format!("{number:08x}")).concat();
    let header = padded(format!("070701{numbers}{name}\0").into_bytes());
    [header, padded(content.to_vec())].concat()
}

fn trailer() -> Vec<u8> {
    padded(format!("070701{:032}{:08}{:048}{:08x}{:08}TRAILER!!!\0", 0, 1, 0, 11, 0).into_bytes())
}

fn archive(items: &[Item]) -> Vec<u8> {
    let shipped = items.iter().filter(|item| item.3 & file::GHOST == 0);
    let records =
        shipped.map(|(path, mode, content, _)| record(&format!(".{path}"), *mode, content));
    records.chain([trailer()]).flatten().collect()
}

fn read_bytes(rpm: &[u8]) -> Result<Report, ReadError> {
    read(&mut Cursor::new(rpm), Want::Md5Too)
}

fn problems(rpm: &[u8]) -> Vec<String> {
    read_bytes(rpm).unwrap().problems
}

/// Whether `verify` would refuse it.
fn refused(rpm: &[u8]) -> bool {
    read_bytes(rpm).map_or(true, |report| !report.problems.is_empty())
}

#[test]
fn a_good_package_is_read_without_problems() {
    let rpm = Sample::default().rpm();
    let report = read_bytes(&rpm).unwrap();
    assert_eq!((&report.problems, &report.notes), (&vec![], &vec![]));
    assert_eq!((report.len, report.sha256), (rpm.len() as u64, Some(crate::digest::sha256(&rpm))));
    let paths: Vec<_> = report.entries.iter().map(|entry| entry.path.as_str()).collect();
    let want: Vec<_> = ITEMS[..5].iter().map(|(path, ..)| &path[1..]).collect();
    assert_eq!(paths, want, "a ghost is no entry");
    let conf = report.entry("etc/hello.conf").unwrap();
    assert_eq!((conf.config, conf.mode, conf.len()), (true, 0o644, 17));
    assert_eq!((conf.owner.as_str(), conf.group.as_str()), ("root", "adm"));
    let link = ReadKind::Symlink { target: "hello".into() };
    assert_eq!(report.entry("usr/bin/hi").unwrap().kind, link);
    let members: Vec<_> = report.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(members, ["lead", "signature", "header", "payload"]);
    let listed = String::from_utf8(report.metadata["files"].content.clone()).unwrap();
    assert_eq!(
        listed,
        "%config(noreplace) /etc/hello.conf\n%doc /usr/share/hello/empty\n\
         %ghost %attr(0640,root,adm) /var/log/hello.log\n"
    );
}

#[test]
fn every_packing_is_read_or_named() {
    let packed = |word: &str, pack| {
        let sample = Sample { pack, ..Sample::default() };
        sample.set(tags::PAYLOADCOMPRESSOR, Value::text(word)).rpm()
    };
    let plain: Pack = |plain| plain.to_vec();
    for (word, pack) in [("gzip", gzip as Pack), ("xz", xz), ("zstd", zstd), ("none", plain)] {
        assert_eq!(problems(&packed(word, pack)), [""; 0], "{word}");
    }
    let error = read_bytes(&packed("bzip3", plain)).unwrap_err().to_string();
    assert_eq!(error, "a payload packed with `bzip3` is not supported");
    for pack in [gzip as Pack, plain] {
        let mut sample = Sample { pack, ..Sample::default() };
        let rows = sample.header.iter().filter(|(tag, _)| *tag != tags::PAYLOADCOMPRESSOR);
        let mut silent = Header::default();
        rows.for_each(|(tag, value)| silent.set(tag, value.clone()));
        sample.header = silent;
        assert_eq!(problems(&sample.rpm()), [""; 0], "nothing said is gzip or plain");
    }
    let drpm = Sample::default().set(tags::PAYLOADFORMAT, Value::text("drpm")).rpm();
    let error = read_bytes(&drpm).unwrap_err().to_string();
    assert_eq!(error, "a payload of format `drpm` is not supported");
}

#[test]
fn several_xz_streams_are_a_problem_and_several_zstd_frames_are_not() {
    let two: Pack = |plain| [xz(&plain[..512]), xz(&plain[512..])].concat();
    let sample = Sample { pack: two, ..Sample::default() };
    let rpm = sample.set(tags::PAYLOADCOMPRESSOR, Value::text("xz")).rpm();
    assert_eq!(problems(&rpm), ["payload: it has 2 xz streams, and rpm reads the first"]);
    let two: Pack = |plain| [zstd(&plain[..512]), zstd(&plain[512..])].concat();
    assert_eq!(problems(&Sample { pack: two, ..Sample::default() }.rpm()), [""; 0]);
    let more: Pack = |plain| [zstd(plain), b"more".to_vec()].concat();
    let rpm = Sample { pack: more, ..Sample::default() }.rpm();
    assert_eq!(problems(&rpm), ["payload: 4 bytes follow the packed archive"]);
}

#[test]
fn records_are_matched_in_any_order_and_all_of_them_are_there() {
    let mut sample = Sample::default();
    let mut shuffled: Vec<_> = ITEMS.to_vec();
    shuffled.reverse();
    sample.archive = archive(&shuffled);
    assert_eq!(problems(&sample.rpm()), [""; 0]);
    let sample = Sample { archive: archive(&ITEMS[1..]), ..Sample::default() };
    assert_eq!(problems(&sample.rpm()), ["payload: `etc/hello.conf` is missing"]);
    let extra = [&ITEMS[..], &[("/x", 0o100_644, b"x", 0)]].concat();
    let sample = Sample { archive: archive(&extra), ..Sample::default() };
    assert_eq!(problems(&sample.rpm()), ["payload: `x` is not in the list of files"]);
    let twice = [&ITEMS[..], &ITEMS[..1]].concat();
    let sample = Sample { archive: archive(&twice), ..Sample::default() };
    assert_eq!(problems(&sample.rpm()), ["payload: `etc/hello.conf` is there twice"]);
}

#[test]
fn a_record_is_what_the_list_says() {
    let changed = |at: usize, item: Item| {
        let mut items = ITEMS;
        items[at] = item;
        problems(&Sample { archive: archive(&items), ..Sample::default() }.rpm())
    };
    let sum = |text: &[u8]| Algorithm::Sha256.hex(text);
    assert_eq!(
        changed(1, ("/usr/bin/hello", 0o100_755, b"#!/bin/no\n", 0)),
        [format!(
            "SHA-256 of `usr/bin/hello` should be {}, and is {}",
            sum(b"#!/bin/sh\n"),
            sum(b"#!/bin/no\n")
        )]
    );
    let found = changed(1, ("/usr/bin/hello", 0o100_755, b"", 0));
    assert_eq!(found[0], "`usr/bin/hello` should be 10 bytes, and is 0");
    assert_eq!(
        changed(1, ("/usr/bin/hello", 0o100_777, b"#!/bin/sh\n", 0)),
        ["payload: `usr/bin/hello` has mode 100777, and 100755 in the list of files"]
    );
    assert_eq!(
        changed(2, ("/usr/bin/hi", 0o120_777, b"other", 0)),
        ["`usr/bin/hi` leads to `other`, and to `hello` in the list of files"]
    );
    assert_eq!(
        changed(3, ("/usr/share/hello", 0o40755, b"x", 0)),
        ["payload: `usr/share/hello` is no file, but has content"]
    );
    assert_eq!(
        changed(5, ("/var/log/hello.log", 0o100_640, b"", 0)),
        ["payload: `var/log/hello.log` is a ghost, and there all the same"]
    );
}

/// Three names of one file, and a file of their content.
fn linked(contents: [&'static [u8]; 3]) -> Sample {
    const SAME: &[u8] = b"same";
    let names = ["/a", "/b", "/c"];
    let items: Vec<Item> = names.iter().map(|name| (*name, 0o100_644, SAME, 0)).collect();
    let sample = Sample::of(&items).set(tags::FILEINODES, Value::Int32(vec![7, 7, 7]));
    let mut items = items;
    items.iter_mut().zip(contents).for_each(|(item, content)| item.2 = content);
    Sample { archive: archive(&items), ..sample }
}

#[test]
fn of_hard_links_the_last_record_has_the_content() {
    let report = read_bytes(&linked([b"", b"", b"same"]).rpm()).unwrap();
    assert_eq!(report.problems, [""; 0]);
    let kinds: Vec<_> = report.entries.iter().map(|entry| entry.kind.clone()).collect();
    let link = ReadKind::Hardlink { target: "a".into() };
    assert_eq!(
        (kinds[0].clone(), &kinds[1], &kinds[2]),
        (report.entries[0].kind.clone(), &link, &link)
    );
    assert_eq!(report.entries[0].len(), 4);
    // Of old, every record had it.
    assert_eq!(problems(&linked([b"same", b"same", b"same"]).rpm()), [""; 0]);
    assert_eq!(
        problems(&linked([b"", b"", b""]).rpm()),
        ["payload: no hard link to `a` has its content"]
    );
    let found = problems(&linked([b"", b"", b"some"]).rpm());
    assert!(found[0].starts_with("SHA-256 of `c` should be"), "{found:?}");
}

#[test]
fn records_by_index_take_their_length_from_the_list() {
    let records = |contents: [&[u8]; 3]| {
        let record = |(at, content): (usize, &&[u8])| {
            [padded(format!("07070X{at:08x}").into_bytes()), padded(content.to_vec())].concat()
        };
        contents.iter().enumerate().map(record).chain([trailer()]).flatten().collect::<Vec<_>>()
    };
    let items: [Item; 3] = [
        ("/a", 0o100_644, b"content", 0),
        ("/b", 0o120_777, b"target", 0),
        ("/c", 0o40755, b"", 0),
    ];
    let sizes = Value::Int64(vec![7, 6, 0]);
    let sample = || Sample::of(&items).set(tags::LONGFILESIZES, sizes.clone());
    let archive = records([b"content", b"target", b""]);
    let report = read_bytes(&Sample { archive, ..sample() }.rpm()).unwrap();
    assert_eq!((report.problems, report.entries.len(), report.entries[0].len()), (vec![], 3, 7));
    let linked = linked([b"", b"", b"same"]);
    let archive = records([b"", b"", b"same"]);
    assert_eq!(problems(&Sample { archive, ..linked }.rpm()), [""; 0]);
    let archive = [padded(b"07070X00000003".to_vec()), trailer()].concat();
    let error = read_bytes(&Sample { archive, ..sample() }.rpm()).unwrap_err().to_string();
    assert!(error.ends_with("it is of file 3, and there are fewer"), "{error}");
}

#[test]
fn file_digests_of_every_algorithm_are_compared() {
    let numbers = [
        (1, Algorithm::Md5),
        (2, Algorithm::Sha1),
        (11, Algorithm::Sha224),
        (10, Algorithm::Sha512),
    ];
    for (number, algorithm) in numbers {
        let with = |content: &[u8]| {
            let digests = Value::texts([algorithm.hex(content)]);
            let sample = Sample::of(&ITEMS[1..2]).set(tags::FILEDIGESTS, digests);
            problems(&sample.set(tags::FILEDIGESTALGO, Value::Int32(vec![number])).rpm())
        };
        assert_eq!(with(b"#!/bin/sh\n"), [""; 0], "{algorithm}");
        let found = with(b"other");
        assert!(
            found[0].starts_with(&format!("{algorithm} of `usr/bin/hello` should")),
            "{found:?}"
        );
    }
    let unknown = Sample::default().set(tags::FILEDIGESTALGO, Value::Int32(vec![3])).rpm();
    let error = read_bytes(&unknown).unwrap_err().to_string();
    assert_eq!(error, "the algorithm 3 of file digests is not supported");
}

#[test]
fn arrays_that_do_not_fit_are_refused() {
    let error =
        |tag, value| read_bytes(&Sample::default().set(tag, value).rpm()).unwrap_err().to_string();
    assert_eq!(
        error(tags::FILEMODES, Value::Int16(vec![1])),
        "header at byte 0: FILEMODES has 1 values for 6 files"
    );
    assert_eq!(
        error(tags::DIRINDEXES, Value::Int32(vec![0, 0, 0, 0, 0, 6])),
        "header at byte 0: a file is in directory 6, and there are 6"
    );
    assert_eq!(
        error(tags::DIRINDEXES, Value::Int32(vec![0])),
        "header at byte 0: 6 files have 1 directories"
    );
}

#[test]
fn sizes_and_digests_of_the_signature_header_are_compared() {
    let good = || Sample::default().sealed();
    let with = |tag, value| {
        let mut sample = good();
        sample.signature.set(tag, value);
        problems(&sample.bytes())
    };
    let found = with(signed::SHA1, Value::text("0".repeat(40)));
    assert!(found[0].starts_with("SHA-1 of the header should be 0000"), "{found:?}");
    let found = with(signed::SHA256, Value::text("0".repeat(64)));
    assert!(found[0].starts_with("SHA-256 of the header should be 0000"), "{found:?}");
    let found = with(signed::SIZE, Value::Int32(vec![7]));
    assert!(found[0].starts_with("header and payload should be 7 bytes, and is "), "{found:?}");
    let found = with(signed::LONGARCHIVESIZE, Value::Int64(vec![7]));
    assert!(found[0].starts_with("the unpacked payload should be 7 bytes, and is "), "{found:?}");
    let found = with(signed::MD5, Value::Bin(vec![0; 16]));
    assert!(found[0].starts_with("MD5 of header and payload should be 0000"), "{found:?}");
    let space = Value::Bin(vec![0, 1]);
    assert_eq!(
        with(signed::RESERVEDSPACE, space),
        ["signature header: its reserved space is not empty"]
    );
    assert_eq!(with(600, Value::Bin(vec![0])), ["signature header: tag 600 is unknown"]);
    let rsa = Value::Bin(b"nonsense".to_vec());
    assert_eq!(with(signed::RSA, rsa), ["signature header: tag 268 holds no OpenPGP signature"]);
}

#[test]
fn something_covers_the_header_and_the_payload() {
    let mut sample = Sample::default().sealed();
    let keep = |tag: u32| !matches!(tag, signed::SHA1 | signed::SHA256);
    let mut bare = Header::default();
    let rows = sample.signature.iter().filter(|(tag, _)| keep(*tag));
    rows.for_each(|(tag, value)| bare.set(tag, value.clone()));
    sample.signature = bare;
    assert_eq!(problems(&sample.bytes()), ["no digest covers the header"]);
    let mut sample = Sample::default();
    let header = sample.header.encode(tags::HEADERIMMUTABLE).unwrap();
    sample.signature.set(signed::SHA256, Value::text(Algorithm::Sha256.hex(&header)));
    let report = read_bytes(&sample.bytes()).unwrap();
    assert_eq!(
        (report.problems, report.notes),
        (vec![], vec!["no digest covers the packed payload".into()])
    );
}

#[test]
fn the_lead_says_what_the_header_says() {
    let with = |at: usize, byte: u8| {
        let mut sample = Sample::default();
        sample.lead[at] = byte;
        problems(&sample.rpm())
    };
    assert_eq!(with(4, 4), ["lead: its version is 4.0"]);
    assert_eq!(with(7, 1), ["lead: its type is 1"]);
    assert_eq!(with(9, 19), ["lead: its architecture is 19"]);
    assert_eq!(with(9, 0), ["lead: its architecture is 0"]);
    assert_eq!(with(77, 2), ["lead: its system is 2"]);
    assert_eq!(with(77, 0), ["lead: its system is 0"]);
    assert_eq!(with(79, 4), ["lead: its signature type is 4"]);
    assert_eq!(with(10, b'H'), ["lead: its name is `Hello-1.0-1`"]);
    assert_eq!(with(75, 1), ["lead: what should be zero is not"]);
    assert_eq!(with(95, 1), ["lead: what should be zero is not"]);
    let mut sample = Sample::default();
    (sample.lead[9], sample.lead[77]) = (0, 0);
    assert_eq!(problems(&sample.rpm()), [""; 0], "as rpm 4.20 writes it");
}

#[test]
fn names_without_which_there_is_no_package_are_missed() {
    let rpm = Sample::default().set(tags::VERSION, Value::text("")).rpm();
    let found = problems(&rpm);
    assert!(found.contains(&"header: VERSION is missing".into()), "{found:?}");
}

#[test]
fn relations_scripts_and_triggers_are_shown_as_rpm_says_them() {
    let sample = Sample::default()
        .set(tags::REQUIRENAME, Value::texts(["/bin/sh", "libc.so.6()(64bit)", "(a or b)", "x"]))
        .set(
            tags::REQUIREFLAGS,
            Value::Int32(vec![
                sense::INTERP | sense::SCRIPT_POST,
                sense::FIND_REQUIRES,
                0,
                sense::GREATER | sense::EQUAL,
            ]),
        )
        .set(tags::REQUIREVERSION, Value::texts(["", "", "", "1:2.0-3"]))
        .set(tags::POSTIN, Value::text("systemctl x"))
        .set(tags::POSTINPROG, Value::texts(["/bin/bash", "-e"]))
        .set(tags::PREUNPROG, Value::text("/sbin/ldconfig"))
        .set(tags::FILETRIGGERSCRIPTS, Value::texts(["one", "two"]))
        .set(tags::FILETRIGGERSCRIPTPROG, Value::texts(["/bin/sh", "<lua>"]))
        .set(tags::FILETRIGGERNAME, Value::texts(["/usr/a", "/usr/b", "/usr/c"]))
        .set(tags::FILETRIGGERVERSION, Value::texts(["", "", ""]))
        .set(
            tags::FILETRIGGERFLAGS,
            Value::Int32(vec![sense::TRIGGERIN, sense::TRIGGERIN, sense::TRIGGERUN]),
        )
        .set(tags::FILETRIGGERINDEX, Value::Int32(vec![0, 0, 1]))
        .set(tags::FILETRIGGERPRIORITIES, Value::Int32(vec![1_000_000, 9]))
        .set(tags::CHANGELOGTIME, Value::Int32(vec![1_700_000_000]))
        .set(tags::CHANGELOGNAME, Value::texts(["A <a@b.c> - 1.0-1"]))
        .set(tags::CHANGELOGTEXT, Value::texts(["- first"]));
    let report = read_bytes(&sample.rpm()).unwrap();
    assert_eq!(report.problems, [""; 0]);
    assert_eq!(report.field("Requires"), Some("\n (a or b)\n x >= 1:2.0-3"));
    assert_eq!(report.field("Requires(post,interp)"), Some("\n /bin/sh"));
    assert_eq!(report.field("Requires(auto)"), Some("\n libc.so.6()(64bit)"));
    assert_eq!(report.field("Payload"), Some("cpio, zstd 19"));
    let text = |name: &str| String::from_utf8(report.metadata[name].content.clone()).unwrap();
    assert_eq!(text("post"), "#!/bin/bash -e\nsystemctl x\n");
    assert_eq!(text("preun"), "#!/sbin/ldconfig\n");
    assert_eq!(
        text("filetriggerin-1"),
        "#!/bin/sh\n# on /usr/a\n# on /usr/b\n# priority 1000000\none\n"
    );
    assert_eq!(text("filetriggerun-2"), "#!<lua>\n# on /usr/c\n# priority 9\ntwo\n");
    assert_eq!(text("changelog"), "* 2023-11-14 A <a@b.c> - 1.0-1\n- first\n");
    assert_eq!(report.metadata["post"].mode, 0o755);
}

#[test]
fn every_changed_bit_is_refused() {
    let rpm = Sample::default().rpm();
    for at in 0..rpm.len() * 8 {
        let mut spoiled = rpm.clone();
        spoiled[at / 8] ^= 1 << (at % 8);
        assert!(refused(&spoiled), "bit {} of byte {}", at % 8, at / 8);
    }
}

#[test]
fn every_truncation_is_refused() {
    let rpm = Sample::default().rpm();
    for len in 0..rpm.len() {
        assert!(refused(&rpm[..len]), "cut to {len}");
    }
    assert!(refused(&[&rpm[..], b"x"].concat()));
}

proptest! {
    #[test]
    fn spoiled_packages_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut rpm = Sample::default().rpm();
        for (at, byte) in &changes {
            let at = at.index(rpm.len());
            rpm[at] = *byte;
        }
        let _ = read_bytes(&rpm);
    }

    #[test]
    fn spoiled_archives_with_right_digests_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut sample = Sample::default();
        for (at, byte) in &changes {
            let at = at.index(sample.archive.len());
            sample.archive[at] = *byte;
        }
        let _ = read_bytes(&sample.rpm());
    }

    #[test]
    fn spoiled_values_with_right_digests_never_panic(
        tag in proptest::sample::select(tags::ALL.iter().map(|row| row.tag).collect::<Vec<_>>()),
        numbers in proptest::collection::vec(any::<u32>(), 0..9),
        kind in 0..4_u8,
    ) {
        let value = match kind {
            0 => Value::Int32(numbers),
            1 => Value::Int16(numbers.iter().map(|n| (n & 0xffff) as u16).collect()),
            2 => Value::Int64(numbers.iter().map(|n| u64::from(*n) << 16).collect()),
            _ => Value::texts(numbers.iter().map(|n| n.to_be_bytes().map(|b| b | 1))),
        };
        let _ = read_bytes(&Sample::default().set(tag, value).rpm());
    }
}
