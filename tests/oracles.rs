//! Do the tools that users have agree with `pkggen inspect`, entry by entry?

#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::case_sensitive_file_extension_comparisons)] // ours are lower case

mod common;

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use common::{TempDir, build, build_one, check, have, ok, pkggen, stdout};

/// One installed thing, as every listing can say it.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    /// `-`, `d` or `l`.
    kind: char,
    /// Permission bits; of a link 0, because nobody reads them.
    mode: u32,
    /// Bytes; of all but files 0.
    size: u64,
    /// Target of a link.
    link: String,
}

type Listing = BTreeMap<String, Listed>;

impl Listed {
    /// From the ten letters of `ls -l`.
    fn new(letters: &str, size: &str, link: &str) -> Self {
        let kind = letters.chars().next().unwrap();
        let bits = letters.chars().skip(1).take(9).fold(0, |bits, letter| {
            bits << 1 | u32::from(letter != '-' && letter != 'S' && letter != 'T')
        });
        Self {
            kind,
            mode: if kind == 'l' { 0 } else { bits },
            size: if kind == '-' { size.parse().unwrap() } else { 0 },
            link: link.to_owned(),
        }
    }
}

/// `./usr/bin/` is `usr/bin`; the root itself is nothing.
fn plain(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_matches('/');
    if path == "." { String::new() } else { path.to_owned() }
}

/// The first `count` words of a line, and the rest of it.
fn words(line: &str, count: usize) -> (Vec<&str>, &str) {
    let mut rest = line;
    let mut words = Vec::new();
    for _ in 0..count {
        let (word, after) = rest.trim_start().split_once(' ').unwrap();
        words.push(word);
        rest = after;
    }
    (words, rest)
}

/// Lines of `ls -l` kind: `count` words before the path, the size is word number `size`.
fn long_listing(text: &str, count: usize, size: usize) -> Listing {
    let mut all = Listing::new();
    for line in text.lines().filter(|line| line.starts_with(['-', 'd', 'l'])) {
        let (words, rest) = words(line, count);
        let (path, link) = rest.split_once(" -> ").unwrap_or((rest, ""));
        if !plain(path).is_empty() {
            all.insert(plain(path), Listed::new(words[0], words[size], link));
        }
    }
    all
}

fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8");
    command
}

/// What pkggen says is in it.
fn inspected(file: &Path) -> Listing {
    let home = TempDir::new().unwrap();
    let json = stdout(pkggen(home.path()).arg("inspect").arg("--json").arg(file));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = Listing::new();
    for entry in json["files"].as_array().unwrap() {
        let (kind, mode) = match text(&entry["kind"]).as_str() {
            "dir" => ('d', text(&entry["mode"])),
            "file" => ('-', text(&entry["mode"])),
            "symlink" => ('l', "0".to_owned()),
            other => panic!("{other} in {}", file.display()),
        };
        let mode = u32::from_str_radix(&mode, 8).unwrap();
        let size = entry["size"].as_u64().unwrap_or(0);
        let listed = Listed { kind, mode, size, link: text(&entry["target"]) };
        if !plain(&text(&entry["path"])).is_empty() {
            all.insert(plain(&text(&entry["path"])), listed);
        }
    }
    assert!(all.len() > 1, "{json:#}");
    all
}

/// The same entries, or which differ.
fn agree(who: &str, file: &Path, theirs: &Listing, ours: &Listing) {
    let name = file.file_name().unwrap().to_string_lossy();
    for (path, listed) in ours {
        assert_eq!(theirs.get(path), Some(listed), "{who} about {path} of {name}");
    }
    let more: Vec<_> = theirs.keys().filter(|path| !ours.contains_key(*path)).collect();
    assert!(more.is_empty(), "only {who} finds {more:?} in {name}");
}

fn gnu_tar(tar: &Path) -> Listing {
    let text = stdout(
        tool("tar")
            .args(["--numeric-owner", "--full-time", "--quoting-style=literal", "-tvf"])
            .arg(tar),
    );
    for line in text.lines() {
        let (words, _) = words(line, 5);
        assert_eq!((words[1], words[3]), ("0/0", "1980-01-01"), "owner and time: {line}");
    }
    long_listing(&text, 5, 2)
}

fn bsdtar(file: &Path) -> Listing {
    long_listing(&stdout(tool("bsdtar").args(["--numeric-owner", "-tvf"]).arg(file)), 8, 4)
}

fn unzip(zip: &Path) -> Listing {
    let mut all = long_listing(&stdout(tool("unzip").args(["-Z", "-s"]).arg(zip)), 8, 3);
    for (path, listed) in all.iter_mut().filter(|(_, listed)| listed.kind == 'l') {
        listed.link = stdout(tool("unzip").arg("-p").arg(zip).arg(path));
    }
    ok(tool("unzip").arg("-tqq").arg(zip));
    all
}

/// 7z says the links of a tar; those of a zip are content to it.
fn seven_zip(file: &Path, ours: &Listing) -> Listing {
    ok(tool("7z").arg("t").arg(file));
    let text = stdout(tool("7z").args(["l", "-slt", "-ba"]).arg(file));
    let mut all = Listing::new();
    for block in text.split("\n\n") {
        let field = |name: &str| {
            let find = |line: &str| line.strip_prefix(name)?.strip_prefix(" = ").map(str::to_owned);
            block.lines().find_map(find).filter(|value| !value.is_empty())
        };
        let Some(path) = field("Path").map(|path| plain(&path)) else { continue };
        let letters = field("Mode").or_else(|| field("Attributes")).unwrap();
        let letters = letters.rsplit(' ').next().unwrap();
        let link = match field("Symbolic Link") {
            None if letters.starts_with('l') => ours.get(&path).map(|our| our.link.clone()),
            link => link,
        };
        let size = field("Size").unwrap_or_else(|| "0".into());
        if !path.is_empty() {
            all.insert(path, Listed::new(letters, &size, &link.unwrap_or_default()));
        }
    }
    all
}

/// The data member of a deb as a plain tar.
fn data_tar(deb: &Path, folder: &Path) -> std::path::PathBuf {
    let tar = folder.join("data.tar");
    fs::write(&tar, ok(tool("dpkg-deb").arg("--fsys-tarfile").arg(deb)).stdout).unwrap();
    tar
}

const APPS: [&str; 3] = ["hello", "service", "llm"];
const TOOLS: &[&str] = &[
    "dpkg-deb:dpkg",
    "tar",
    "bsdtar:libarchive-tools",
    "unzip",
    "7z:p7zip-full",
    "zstd",
    "xz:xz-utils",
];

#[test]
fn dpkg_gnu_tar_and_bsdtar_list_a_deb_as_inspect_does() {
    if !have("dpkg_gnu_tar_and_bsdtar_list_a_deb_as_inspect_does", TOOLS) {
        return;
    }
    let out = TempDir::new().unwrap();
    for app in APPS {
        for codec in ["xz", "zstd", "gzip", "none"] {
            let set = format!("deb.compression={codec}");
            let deb = build_one(app, "deb", &["--set", &set], out.path());
            let ours = inspected(&deb);
            let listed = stdout(tool("dpkg-deb").arg("-c").arg(&deb));
            agree("dpkg-deb", &deb, &long_listing(&listed, 5, 2), &ours);
            let tar = data_tar(&deb, out.path());
            agree("tar", &deb, &gnu_tar(&tar), &ours);
            agree("bsdtar", &deb, &bsdtar(&tar), &ours);
            agree("7z", &deb, &seven_zip(&tar, &ours), &ours);
        }
    }
}

#[test]
fn gnu_tar_bsdtar_and_7z_list_a_tar_as_inspect_does() {
    if !have("gnu_tar_bsdtar_and_7z_list_a_tar_as_inspect_does", TOOLS) {
        return;
    }
    let out = TempDir::new().unwrap();
    for app in APPS {
        for format in ["tar.gz", "tar.xz", "tar.zst"] {
            let file = build_one(app, format, &[], out.path());
            let ours = inspected(&file);
            agree("tar", &file, &gnu_tar(&file), &ours);
            agree("bsdtar", &file, &bsdtar(&file), &ours);
            // 7z before 24 does not know zstd
            if format != "tar.zst" || stdout(tool("7z").arg("i")).contains("zstd") {
                let tar = out.path().join("plain.tar");
                fs::write(&tar, ok(tool("7z").args(["x", "-so"]).arg(&file)).stdout).unwrap();
                agree("7z", &file, &seven_zip(&tar, &ours), &ours);
            }
        }
    }
}

#[test]
fn cpio_and_bsdtar_list_an_rpm_as_inspect_does() {
    let tools = &["rpm2cpio:rpm2cpio", "cpio", "bsdtar:libarchive-tools"];
    if !have("cpio_and_bsdtar_list_an_rpm_as_inspect_does", tools) {
        return;
    }
    let out = TempDir::new().unwrap();
    for app in APPS {
        for codec in ["zstd", "xz", "gzip", "none"] {
            let set = format!("rpm.compression={codec}");
            let file = build_one(app, "rpm", &["--set", &set], out.path());
            let ours = inspected(&file);
            let script = "rpm2cpio \"$0\" | cpio -tv --quiet";
            let listed = stdout(tool("sh").args(["-c", script]).arg(&file));
            agree("cpio", &file, &long_listing(&listed, 8, 4), &ours);
            agree("bsdtar", &file, &bsdtar(&file), &ours);
        }
    }
}

#[test]
fn unzip_bsdtar_and_7z_list_a_zip_as_inspect_does() {
    if !have("unzip_bsdtar_and_7z_list_a_zip_as_inspect_does", TOOLS) {
        return;
    }
    let out = TempDir::new().unwrap();
    for app in APPS {
        let zip = build_one(app, "zip", &[], out.path());
        let ours = inspected(&zip);
        agree("unzip", &zip, &unzip(&zip), &ours);
        agree("bsdtar", &zip, &bsdtar(&zip), &ours);
        agree("7z", &zip, &seven_zip(&zip, &ours), &ours);
    }
}

#[test]
fn every_target_is_packed_on_this_machine_and_read_by_the_usual_tools() {
    if !have("every_target_is_packed_on_this_machine_and_read_by_the_usual_tools", TOOLS) {
        return;
    }
    let out = TempDir::new().unwrap();
    let manifest = common::app("everywhere").join("pkggen.toml");
    let home = TempDir::new().unwrap();
    let mut command = pkggen(home.path());
    command.arg("build").arg("-m").arg(manifest).arg("--out").arg(out.path());
    let all = common::artifacts(&stdout(&mut command));
    // 8 Linux targets in six formats, 8 of three other systems in two
    assert_eq!(all.len(), 8 * 6 + 8 * 2, "{all:#?}");
    for (name, file) in &all {
        let ours = inspected(file);
        let theirs = match name {
            name if name.ends_with(".zip") => unzip(file),
            name if name.ends_with(".deb") => gnu_tar(&data_tar(file, out.path())),
            name if name.ends_with(".rpm") => bsdtar(file),
            _ => gnu_tar(file),
        };
        agree("tar or unzip", file, &theirs, &ours);
    }
}

#[test]
fn what_is_unpacked_is_what_was_packed() {
    if !have("what_is_unpacked_is_what_was_packed", TOOLS) {
        return;
    }
    let out = TempDir::new().unwrap();
    let model = fs::read(common::app("llm").join("target/toy-3m.gguf")).unwrap();
    let all = build("llm", &["deb", "tar.gz", "tar.xz", "tar.zst", "zip"], &[], out.path());
    for (name, file) in &all {
        let tree = out.path().join(format!("{name}.d"));
        fs::create_dir(&tree).unwrap();
        match name {
            name if name.ends_with(".deb") => ok(tool("dpkg-deb").arg("-x").arg(file).arg(&tree)),
            name if name.ends_with(".zip") => {
                ok(tool("unzip").arg("-q").arg(file).arg("-d").arg(&tree))
            }
            _ => ok(tool("tar").arg("-xf").arg(file).arg("-C").arg(&tree)),
        };
        let unpacked = common::files(&tree);
        let found = unpacked.iter().find(|(path, _)| path.ends_with("models/toy-3m.gguf")).unwrap();
        assert!(*found.1 == model, "{name}: the model differs");
    }
}

#[test]
fn every_deb_is_sound_byte_by_byte() {
    let out = TempDir::new().unwrap();
    for app in ["hello", "service", "llm", "everywhere"] {
        let deb = build_one(app, "deb", &[], out.path());
        check("deb-structure.sh", &[deb.to_str().unwrap()]);
    }
}

#[test]
fn lintian_has_nothing_to_say_about_the_fixtures() {
    let out = TempDir::new().unwrap();
    for app in APPS {
        let deb = build_one(app, "deb", &[], out.path());
        check("lint.sh", &[deb.to_str().unwrap()]);
    }
}

#[test]
fn the_listings_of_the_tools_are_understood() {
    if !have("the_listings_of_the_tools_are_understood", TOOLS) {
        return;
    }
    let out = TempDir::new().unwrap();
    let script =
        "umask 022; mkdir -p tree/usr/bin; printf 12345 >tree/usr/bin/a; chmod 755 tree/usr/bin/a
        printf x >'tree/usr/b c'; ln -s 'usr/b c' tree/link
        tar --owner=0 --group=0 --mtime=1980-01-01Z -C tree -cf x.tar .
        bsdtar --format zip -C tree -cf x.zip usr link";
    ok(tool("sh").args(["-c", script]).current_dir(out.path()));
    let want = |kind, mode, size, link: &str| Listed { kind, mode, size, link: link.into() };
    let want: Listing = [
        ("link", want('l', 0, 0, "usr/b c")),
        ("usr", want('d', 0o755, 0, "")),
        ("usr/b c", want('-', 0o644, 1, "")),
        ("usr/bin", want('d', 0o755, 0, "")),
        ("usr/bin/a", want('-', 0o755, 5, "")),
    ]
    .map(|(path, listed)| (path.to_owned(), listed))
    .into();
    let (tar, zip) = (out.path().join("x.tar"), out.path().join("x.zip"));
    agree("tar", &tar, &gnu_tar(&tar), &want);
    agree("bsdtar", &tar, &bsdtar(&tar), &want);
    agree("7z", &tar, &seven_zip(&tar, &want), &want);
    agree("unzip", &zip, &unzip(&zip), &want);
    agree("bsdtar", &zip, &bsdtar(&zip), &want);
    agree("7z", &zip, &seven_zip(&zip, &want), &want);
}
