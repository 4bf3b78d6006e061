//! Spoiled rpms: as files, and with headers and archives spoiled before the digests were computed.

use pkggen::{
    container::{
        Input,
        cpio::{self, Cpio, Entry},
    },
    digest::{Algorithm, sha256},
    format::rpm::{
        header::{Header, Value, read as header},
        tags::{self, signature},
    },
};

use super::*;

const CODECS: [(Codec, &str); 4] =
    [(Codec::None, "none"), (Codec::Gzip, "gzip"), (Codec::Xz, "xz"), (Codec::Zstd, "zstd")];

/// Paths, modes and contents; the last two are hard links.
const FILES: [(&str, u32, &str); 6] = [
    ("/etc/hello.conf", 0o100_644, "greeting = hello\n"),
    ("/usr/bin/hello", 0o100_755, "#!/bin/sh\n"),
    ("/usr/bin/hi", 0o120_777, "hello"),
    ("/usr/share/hello", 0o40755, ""),
    ("/usr/share/hello/a", 0o100_644, ""),
    ("/usr/share/hello/b", 0o100_644, "linked"),
];

fn archive(indexed: bool) -> Vec<u8> {
    let add = |cpio: Cpio, (at, (path, mode, text)): (u32, &(&str, u32, &str))| {
        let blob = Blob::from_bytes(*text);
        let content = cpio::Content::Blob(&blob);
        if indexed {
            return cpio.indexed(at, content);
        }
        let entry = Entry {
            name: format!(".{path}").into(),
            mode: *mode,
            inode: at.min(4) + 1,
            nlink: 1,
            ..Entry::default()
        };
        cpio.named(&entry, content).unwrap()
    };
    bytes(&(0..).zip(&FILES).fold(Cpio::default(), add).finish())
}

fn main_header(codec: &str) -> Header {
    let mut header = Header::default();
    for (tag, text) in [
        (tags::NAME, "hello"),
        (tags::VERSION, "1.0"),
        (tags::RELEASE, "1"),
        (tags::OS, "linux"),
        (tags::ARCH, "x86_64"),
        (tags::SOURCERPM, "hello-1.0-1.src.rpm"),
        (tags::PAYLOADCOMPRESSOR, codec),
        (tags::POSTIN, "true"),
    ] {
        header.set(tag, Value::text(text));
    }
    let texts = |of: &dyn Fn(&(&str, u32, &str)) -> String| Value::texts(FILES.iter().map(of));
    let split = |path: &'static str| path.rsplit_once('/').unwrap();
    header.set(tags::BASENAMES, Value::texts(FILES.iter().map(|f| split(f.0).1)));
    let dirs = ["/etc/", "/usr/bin/", "/usr/share/", "/usr/share/hello/"];
    header.set(tags::DIRNAMES, Value::texts(dirs));
    header.set(tags::DIRINDEXES, Value::Int32(vec![0, 1, 1, 2, 3, 3]));
    let modes = FILES.iter().map(|file| u16::try_from(file.1).unwrap());
    header.set(tags::FILEMODES, Value::Int16(modes.collect()));
    let size = |text: &str| u32::try_from(text.len()).unwrap();
    let sizes = FILES.iter().map(|file| if file.0.ends_with("/a") { 6 } else { size(file.2) });
    header.set(tags::FILESIZES, Value::Int32(sizes.collect()));
    header.set(tags::FILEINODES, Value::Int32(vec![1, 2, 3, 4, 5, 5]));
    header.set(tags::FILEDEVICES, Value::Int32(vec![1; 6]));
    header.set(tags::FILEFLAGS, Value::Int32(vec![17, 0, 0, 0, 2, 0]));
    header.set(tags::FILEDIGESTALGO, Value::Int32(vec![8]));
    header.set(
        tags::FILEDIGESTS,
        texts(&|(path, mode, text)| match mode >> 12 {
            0o10 if path.ends_with("/a") => sha256(b"linked").to_string(),
            0o10 => sha256(text.as_bytes()).to_string(),
            _ => String::new(),
        }),
    );
    header.set(
        tags::FILELINKTOS,
        texts(&|(_, mode, text)| match mode >> 12 {
            0o12 => (*text).into(),
            _ => String::new(),
        }),
    );
    header.set(tags::REQUIRENAME, Value::texts(["/bin/sh", "a"]));
    header.set(tags::REQUIREFLAGS, Value::Int32(vec![0x500, 12]));
    header.set(tags::REQUIREVERSION, Value::texts(["", "1.0"]));
    header.set(tags::TRIGGERSCRIPTS, Value::texts(["one"]));
    header.set(tags::TRIGGERNAME, Value::texts(["x", "y"]));
    header.set(tags::TRIGGERFLAGS, Value::Int32(vec![0x1_0000, 0x1_0000]));
    header.set(tags::TRIGGERINDEX, Value::Int32(vec![0, 0]));
    header.set(tags::CHANGELOGTIME, Value::Int32(vec![1]));
    header.set(tags::CHANGELOGNAME, Value::texts(["A"]));
    header.set(tags::CHANGELOGTEXT, Value::texts(["- x"]));
    header
}

/// A package around any header and payload, its digests right.
fn rpm(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut around = Header::default();
    around.set(signature::SHA1, Value::text(Algorithm::Sha1.hex(header)));
    around.set(signature::SHA256, Value::text(Algorithm::Sha256.hex(header)));
    around.set(signature::RESERVEDSPACE, Value::Bin(vec![0; 16]));
    let mut out = [&b"\xed\xab\xee\xdb\x03\0\0\0\0\x01hello-1.0-1"[..], &[0; 75]].concat();
    (out[77], out[79]) = (1, 5);
    out.extend(around.encode(tags::HEADERSIGNATURES).unwrap());
    out.resize(out.len().next_multiple_of(8), 0);
    [&out, header, payload].concat()
}

fn read_rpm(bytes: &[u8]) -> Option<Report> {
    let mut file = Cursor::new(bytes);
    let report = pkggen::format::rpm::read::read(&mut file, Want::Md5Too).ok()?;
    let _ = inspect::text::report(&report);
    Some(report)
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_rpms_are_refused_or_read() {
    let headers: Vec<_> = CODECS.map(|(codec, word)| (codec, main_header(word))).into();
    let archives = [archive(false), archive(true)];
    let digest = |header: &Header, payload: &[u8]| {
        let mut header = header.clone();
        header.set(tags::PAYLOADDIGEST, Value::texts([sha256(payload).to_string()]));
        header.encode(tags::HEADERIMMUTABLE).unwrap()
    };
    let good: Vec<_> = headers
        .iter()
        .flat_map(|(codec, header)| archives.iter().map(move |plain| (pack(plain, *codec), header)))
        .map(|(packed, header)| rpm(&digest(header, &packed), &packed))
        .collect();
    for bytes in &good {
        assert_eq!(read_rpm(bytes).unwrap().problems, [""; 0]);
    }
    let input = |random: &mut Random| {
        let (codec, header) = random.pick(&headers);
        let plain = random.pick(&archives).clone();
        match random.below(3) {
            0 => mutate(random.pick(&good).clone().as_slice(), random),
            1 => {
                let packed = pack(&plain, *codec);
                let spoiled = mutate(&digest(header, &packed), random);
                rpm(&spoiled, &packed)
            }
            _ => {
                let packed = pack(&mutate(&plain, random), *codec);
                rpm(&digest(header, &packed), &packed)
            }
        }
    };
    fuzz("rpm", input, read_rpm);
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_rpm_headers_are_refused_or_read() {
    let samples = [
        main_header("zstd").encode(tags::HEADERIMMUTABLE).unwrap(),
        main_header("zstd").encode(tags::HEADERSIGNATURES).unwrap(),
    ];
    let input = |random: &mut Random| mutate(random.pick(&samples).clone().as_slice(), random);
    fuzz("rpm-header", input, |bytes| {
        for which in [header::Which::Main, header::Which::Signature] {
            let found = header::read(&mut Input::new(bytes), which);
            if let Ok(found) = found {
                let _ = pkggen::format::rpm::read::fields(&found.header);
                let _ = pkggen::format::rpm::read::scripts(&found.header);
                let _ = pkggen::format::rpm::read::signatures(&found.header);
            }
        }
        None
    });
}

#[test]
#[ignore = "runs as long as it is told to"]
fn spoiled_cpios_are_refused_or_read() {
    let samples = [archive(false), archive(true)];
    let input = |random: &mut Random| mutate(random.pick(&samples).clone().as_slice(), random);
    fuzz("cpio", input, |bytes| {
        let mut reader = cpio::Reader::new(bytes);
        while let Ok(Some(record)) = reader.next_record() {
            if let cpio::Record::Indexed(index) = record {
                reader.content(u64::from(index) % 64);
            }
        }
        None
    });
}
