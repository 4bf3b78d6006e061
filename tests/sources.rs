//! Sources that are downloaded or unpacked, and the lock that pins them.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use common::{TempDir, gguf, have, ok, pkggen, said};

/// A server on this machine that gives what it was told to give, whatever is asked for.
struct Server {
    address: String,
    content: Arc<Mutex<Vec<u8>>>,
    asked: Arc<Mutex<usize>>,
}

impl Server {
    fn new(content: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (content, asked) = (Arc::new(Mutex::new(content.to_vec())), Arc::default());
        let server = Self { address, content, asked };
        let (content, asked) = (server.content.clone(), server.asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                while lines.next().is_some_and(|line| !line.is_empty()) {}
                let body = content.lock().unwrap().clone();
                *asked.lock().unwrap() += 1;
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = (&stream).write_all(&[head.as_bytes(), &body].concat());
            }
        });
        server
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

/// A folder with a manifest, and one for the cache.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(item: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let text = format!(
            "[package]\nname = \"demo\"\nversion = \"1.0.0\"\nsummary = \"sources\"\nlicense = \"MIT\"\n\n\
             [targets]\nlinux = {{ arch = [\"x86_64\"], formats = [\"tar.gz\"] }}\n\n\
             [payload]\nfiles = [{item}]\n"
        );
        fs::write(folder.path().join("pkggen.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pkggen(&self, args: &[&str]) -> Command {
        let mut command = pkggen(&self.path("home"));
        command.current_dir(self.folder.path()).args(args);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.pkggen(args).output().unwrap()
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.path("pkggen.lock")).unwrap_or_default()
    }

    /// The content of the artifact's files.
    fn made(&self) -> Vec<String> {
        let tar = self.path("dist/demo-1.0.0-linux-x86_64.tar.gz");
        let mut list = Command::new("tar");
        let list = common::stdout(list.arg("-tf").arg(tar).env("LC_ALL", "C"));
        list.lines().map(|line| line.split_once('/').unwrap().1.to_owned()).collect()
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn a_url_is_downloaded_once_and_pinned() {
    let server = Server::new(b"content of a download");
    let url = format!("http://{}/files/data.bin", server.address);
    let place = Place::new(&format!("{{ source = \"{url}\", type = \"data\" }}"));
    // Nothing is pinned by looking.
    ok(&mut place.pkggen(&["plan"]));
    let locked = place.run(&["build", "--locked"]);
    assert_eq!((code(&locked), place.lock()), (Some(2), String::new()), "{}", said(&locked));
    let built = ok(&mut place.pkggen(&["build"]));
    assert!(said(&built).contains(&format!("note: pinned `{url}`")), "{}", said(&built));
    let lock = place.lock();
    assert!(lock.contains(&format!("source = \"{url}\"\nkind = \"url\"\n")), "{lock}");
    assert!(place.made().contains(&"share/data.bin".to_owned()));
    let asked = server.asked();
    let artifact = place.path("dist/demo-1.0.0-linux-x86_64.tar.gz");
    let first = fs::read(&artifact).unwrap();
    ok(&mut place.pkggen(&["build", "--locked", "--offline"]));
    assert_eq!((server.asked(), fs::read(&artifact).unwrap()), (asked, first));
    assert_eq!(place.lock(), lock);
}

#[test]
fn a_url_that_changed_is_an_error_until_it_is_accepted() {
    let server = Server::new(b"one");
    let url = format!("http://{}/data.bin", server.address);
    let place = Place::new(&format!("{{ source = \"{url}\", type = \"data\" }}"));
    ok(&mut place.pkggen(&["build"]));
    let lock = place.lock();
    *server.content.lock().unwrap() = b"two".to_vec();
    // What is pinned is in the cache: nobody needs to know.
    ok(&mut place.pkggen(&["build"]));
    fs::remove_dir_all(place.path("home")).unwrap();
    let offline = place.run(&["build", "--offline"]);
    assert_eq!(code(&offline), Some(5), "{}", said(&offline));
    let changed = place.run(&["build"]);
    assert_eq!(code(&changed), Some(2), "{}", said(&changed));
    assert!(said(&changed).contains("hint: `pkggen check --update-lock`"), "{}", said(&changed));
    assert_eq!(place.lock(), lock);
    let accepted = ok(&mut place.pkggen(&["check", "--update-lock"]));
    assert!(said(&accepted).contains("note: accepted"), "{}", said(&accepted));
    assert_ne!(place.lock(), lock);
    ok(&mut place.pkggen(&["build", "--locked"]));
}

#[test]
fn a_server_that_is_not_there_is_exit_code_5() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let item = format!("{{ source = \"http://{address}/a\", type = \"data\" }}");
    let place = Place::new(&item);
    let output = place.run(&["build", "--json"]);
    assert_eq!(code(&output), Some(5), "{}", said(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["errors"][0]["code"], "fetch.failed");
}

#[test]
fn a_model_is_pinned_by_its_content() {
    let place = Place::new("{ source = \"m.gguf\", type = \"model\" }");
    fs::write(place.path("m.gguf"), gguf::tiny(1).bytes()).unwrap();
    let checked = ok(&mut place.pkggen(&["check"]));
    assert!(said(&checked).contains("`m.gguf` is not in `pkggen.lock` yet"), "{}", said(&checked));
    assert_eq!(place.lock(), "");
    let built = ok(&mut place.pkggen(&["build", "--json"]));
    let document: serde_json::Value = serde_json::from_slice(&built.stdout).unwrap();
    assert_eq!(document["lock"][0]["change"], "added");
    assert_eq!(document["lock"][0]["source"], "m.gguf");
    ok(&mut place.pkggen(&["check", "--locked"]));
    fs::write(place.path("m.gguf"), gguf::tiny(2).bytes()).unwrap();
    for verb in ["build", "check"] {
        let changed = place.run(&[verb]);
        assert_eq!(code(&changed), Some(2), "{}", said(&changed));
        assert!(said(&changed).contains("now; pkggen.lock has"), "{}", said(&changed));
    }
    let events = ok(&mut place.pkggen(&["check", "--update-lock", "--message-format", "json"]));
    assert!(said(&events).contains(r#"{"reason":"lock","change":"changed","source":"m.gguf""#));
    ok(&mut place.pkggen(&["build", "--locked"]));
}

#[test]
fn a_lock_that_cannot_be_written_does_not_undo_the_artifacts() {
    let place = Place::new("{ source = \"m.gguf\", type = \"model\" }");
    fs::write(place.path("m.gguf"), gguf::tiny(1).bytes()).unwrap();
    // A folder of the lock's draft name is in the way, for root, too.
    let out = place.path("elsewhere");
    let mut script = Command::new("sh");
    script.current_dir(place.folder.path()).env("HOME", place.path("home"));
    script.args(["-c", "mkdir .pkggen.lock.$$ && exec \"$@\"", "sh"]);
    script.arg(env!("CARGO_BIN_EXE_pkggen")).args(["build", "--out"]).arg(&out);
    let built = ok(&mut script);
    assert!(said(&built).contains("cannot be written, nothing is pinned"), "{}", said(&built));
    assert!(out.join("demo-1.0.0-linux-x86_64.tar.gz").exists());
}

#[test]
fn the_members_of_an_archive_are_the_files() {
    let place = Place::new(
        "{ source = \"lib/runtime-*.tar.gz\", type = \"libexec\", unpack = true, \
         dest = \"rt/\", rename = { \"runtime-1/\" = \"\" } }",
    );
    fs::create_dir_all(place.path("runtime-1/bin")).unwrap();
    fs::create_dir_all(place.path("lib")).unwrap();
    fs::write(place.path("runtime-1/bin/tool"), "#!/bin/sh\n").unwrap();
    std::os::unix::fs::symlink("tool", place.path("runtime-1/bin/alias")).unwrap();
    let mut tar = Command::new("tar");
    ok(tar.current_dir(place.folder.path()).args(["-czf", "lib/runtime-1.tar.gz", "runtime-1"]));
    ok(&mut place.pkggen(&["build"]));
    let made = place.made();
    for path in ["libexec/rt/bin/alias", "libexec/rt/bin/tool"] {
        assert!(made.contains(&path.to_owned()), "{made:?}");
    }
    ok(&mut place.pkggen(&["verify", "dist"]));
}

#[test]
fn a_downloaded_archive_is_unpacked() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("text"), "text").unwrap();
    let mut tar = Command::new("tar");
    let packed = ok(tar.current_dir(folder.path()).args(["-cJf", "-", "text"])).stdout;
    let server = Server::new(&packed);
    let item = format!(
        "{{ source = \"http://{}/x.tar.xz\", type = \"data\", unpack = true }}",
        server.address
    );
    let place = Place::new(&item);
    ok(&mut place.pkggen(&["build"]));
    assert!(place.made().contains(&"share/text".to_owned()), "{:?}", place.made());
    assert!(place.lock().contains("kind = \"url\""));
    ok(&mut place.pkggen(&["build", "--locked", "--offline"]));
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_hostile_archive_stops_the_build_and_leaves_nothing() {
    let place = Place::new("{ source = \"x.tar\", type = \"data\", unpack = true }");
    fs::create_dir_all(place.path("a/b")).unwrap();
    fs::write(place.path("a/evil"), "x").unwrap();
    let mut tar = Command::new("tar");
    ok(tar.current_dir(place.path("a/b")).args(["-Pcf", "../../x.tar", "../evil"]));
    let output = place.run(&["build"]);
    assert_eq!(code(&output), Some(2));
    assert!(
        said(&output).contains("holds `../evil`, which leaves the archive"),
        "{}",
        said(&output)
    );
    assert!(!place.path("dist").exists());
}

/// A server with TLS, stopped at the end.
struct Secure(std::process::Child);

impl Drop for Secure {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_is_asked_only_if_this_machine_trusts_it() {
    if !have("a_server_is_asked_only_if_this_machine_trusts_it", &["openssl", "sh"]) {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let place =
        Place::new(&format!("{{ source = \"https://{address}/data.bin\", type = \"data\" }}"));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let script = format!(
        "openssl req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2\n\
         openssl req {key} -keyout server.key -out server.csr -subj /CN=server\n\
         printf 'subjectAltName=IP:127.0.0.1\\n' >extensions\n\
         openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \\\n\
         -out server.pem -days 2 -extfile extensions\n"
    );
    let mut make = Command::new("sh");
    ok(make.args(["-e", "-c", &script]).current_dir(place.folder.path()));
    let content = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\ncontent";
    fs::write(place.path("data.bin"), content).unwrap();
    let mut server = Command::new("openssl");
    server.args(["s_server", "-quiet", "-HTTP", "-key", "server.key", "-cert", "server.pem"]);
    server.args(["-accept", &address.to_string()]).current_dir(place.folder.path());
    let _server = Secure(server.stderr(std::process::Stdio::null()).spawn().unwrap());
    let mut tries = 0;
    while std::net::TcpStream::connect(address).is_err() && tries < 100 {
        thread::sleep(std::time::Duration::from_millis(50));
        tries += 1;
    }
    let stranger = place.run(&["build"]);
    assert_eq!(code(&stranger), Some(5), "{}", said(&stranger));
    assert!(said(&stranger).contains("is not trusted"), "{}", said(&stranger));
    ok(place.pkggen(&["build"]).env("SSL_CERT_FILE", place.path("ca.pem")));
    assert!(place.made().contains(&"share/data.bin".to_owned()));
}
