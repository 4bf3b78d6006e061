use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    net::TcpListener,
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;
use crate::fetch::{Inner, Means};

/// What a server is asked: header names in lower case.
struct Request {
    path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn from(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What it answers; the connection is cut after that many bytes of the body.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    cut: Option<usize>,
}

fn reply(status: u16, body: &[u8]) -> Reply {
    Reply { status, headers: Vec::new(), body: body.to_vec(), cut: None }
}

impl Reply {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn cut(mut self, at: usize) -> Self {
        self.cut = Some(at);
        self
    }
}

/// A server on this machine; one connection per request. What it was asked is kept.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn new(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&stream);
                let count = log.lock().unwrap().len();
                let Reply { status, headers, body, cut } = answer(&request, count);
                log.lock().unwrap().push(request);
                let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
                if !headers
                    .iter()
                    .any(|(name, _)| *name == "Content-Length" || *name == "No-Length")
                {
                    write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
                }
                for (name, value) in headers {
                    write!(head, "{name}: {value}\r\n").unwrap();
                }
                let _ = stream.write_all(format!("{head}\r\n").as_bytes());
                let _ = stream.write_all(&body[..cut.unwrap_or(body.len())]);
            }
        });
        Self { address, asked }
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn read(stream: &std::net::TcpStream) -> Request {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    });
    Request { path, headers: headers.collect() }
}

/// A server of one content with a tag, which serves ranges of it.
fn ranges(content: &'static [u8], cut: impl Fn(usize) -> Option<usize> + Send + 'static) -> Server {
    Server::new(move |request, count| {
        let mut reply = match request.from() {
            Some(from) => {
                assert_eq!(request.header("if-range"), Some("\"v1\""));
                let (last, len) = (content.len() - 1, content.len());
                reply(206, &content[from..])
                    .with("Content-Range", format!("bytes {from}-{last}/{len}"))
            }
            None if request.header("if-none-match") == Some("\"v1\"") => reply(304, b""),
            None => reply(200, content),
        };
        reply.cut = cut(count).map(|at| at.min(reply.body.len()));
        reply.with("ETag", "\"v1\"")
    })
}

fn fetcher(dir: &Path) -> Fetcher {
    with(dir, |_| ())
}

fn with(dir: &Path, change: impl FnOnce(&mut Means)) -> Fetcher {
    let mut means = Means::new(dir);
    change(&mut means);
    let mut fetcher = Fetcher::new(means);
    let inner: &mut Inner = Arc::get_mut(&mut fetcher.0).unwrap();
    inner.pause = Duration::ZERO;
    fetcher
}

fn wanted(content: &[u8]) -> impl Into<Option<Wanted>> {
    Wanted { sha256: sha256(content), len: content.len() as u64 }
}

fn content(fetched: &Fetched) -> Vec<u8> {
    fs::read(&fetched.path).unwrap()
}

const TEXT: &[u8] = b"all the world's a stage, and all the men and women merely players";

#[test]
fn a_url_is_downloaded_once() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ranges(TEXT, |_| None));
    let fetcher = fetcher(dir.path());
    let first = fetcher.download(&server.url("/a"), wanted(TEXT)).unwrap();
    assert_eq!((content(&first), first.sha256), (TEXT.to_vec(), sha256(TEXT)));
    assert_eq!(fetcher.download(&server.url("/a"), wanted(TEXT)).unwrap(), first);
    assert_eq!(server.count(), 1);
    assert_eq!(server.asked.lock().unwrap()[0].path, "/a");
    let left: Vec<_> = fs::read_dir(dir.path().join("downloads")).unwrap().collect();
    assert_eq!(left.len(), 3, "the file, its stamp and its mark: {left:?}");
}

#[test]
fn what_nothing_pins_is_asked_for_again_and_sent_only_if_it_changed() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ranges(TEXT, |_| None));
    let fetcher = fetcher(dir.path());
    let first = fetcher.download(&server.url("/a"), None).unwrap();
    let second = fetcher.download(&server.url("/a"), None).unwrap();
    assert_eq!((&second, server.count()), (&first, 2));
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked[1].header("if-none-match"), Some("\"v1\""));
    assert_eq!(asked[1].header("accept-encoding"), Some("identity"));
}

#[test]
fn a_cut_connection_goes_on_where_it_was_cut() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ranges(TEXT, |n| (n < 2).then_some(20)));
    let fetched = fetcher(dir.path()).download(&server.url("/a"), None).unwrap();
    assert_eq!(content(&fetched), TEXT);
    let asked = server.asked.lock().unwrap();
    let froms: Vec<_> = asked.iter().map(Request::from).collect();
    assert_eq!(froms, [None, Some(20), Some(40)]);
}

#[test]
fn the_next_run_goes_on_where_one_was_killed() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ranges(TEXT, |n| (n < 5).then_some(0)));
    let url = server.url("/a");
    let part = fetcher(dir.path()).part(&url);
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    let mut left = Part::open(&part).unwrap();
    let total = Some(TEXT.len() as u64);
    left.restart(About { validator: Some("\"v1\"".into()), total }).unwrap();
    left.add(&TEXT[..33]).unwrap();
    drop(left);
    let error = fetcher(dir.path()).download(&url, None).unwrap_err();
    assert!(error.to_string().starts_with("cannot download"), "{error}");
    assert_eq!(server.count(), 5, "it is not asked for ever");
    let fetched = fetcher(dir.path()).download(&url, None).unwrap();
    assert_eq!(content(&fetched), TEXT);
    assert!(server.asked.lock().unwrap().iter().all(|request| request.from() == Some(33)));
}

#[test]
fn a_server_without_ranges_is_asked_for_the_whole_again() {
    let server = Server::new(|_, count| {
        let reply = reply(200, TEXT).with("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT");
        if count == 0 { reply.cut(30) } else { reply }
    });
    let dir = tempfile::tempdir().unwrap();
    let fetched = fetcher(dir.path()).download(&server.url("/a"), None).unwrap();
    assert_eq!(content(&fetched), TEXT);
    assert_eq!(server.asked.lock().unwrap()[1].from(), Some(30));
}

#[test]
fn a_content_that_changes_while_it_is_downloaded_is_begun_again() {
    const NEW: &[u8] = b"now is the winter of our discontent made glorious summer by this sun ";
    for honest in [true, false] {
        let server = Server::new(move |request, count| match (count, request.from()) {
            (0, None) => reply(200, TEXT).with("ETag", "\"old\"").cut(30),
            // By If-Range the whole is sent; some send the rest of another content.
            (_, Some(from)) if !honest => reply(206, &NEW[from..])
                .with("Content-Range", format!("bytes {from}-{}/{}", NEW.len() - 1, NEW.len()))
                .with("ETag", "\"new\""),
            _ => reply(200, NEW).with("ETag", "\"new\""),
        });
        let dir = tempfile::tempdir().unwrap();
        let fetched = fetcher(dir.path()).download(&server.url("/a"), None).unwrap();
        assert_eq!(content(&fetched), NEW, "honest: {honest}");
    }
}

#[test]
fn parts_that_do_not_make_up_what_is_wanted_are_dropped() {
    // No tag and no date: only the digest tells.
    let server = Server::new(|request, count| match (count, request.from()) {
        (0, _) => reply(200, &[b'x'; 65]).cut(30),
        (_, Some(from)) => reply(206, &TEXT[from..])
            .with("Content-Range", format!("bytes {from}-{}/{}", TEXT.len() - 1, TEXT.len())),
        _ => reply(200, TEXT),
    });
    let dir = tempfile::tempdir().unwrap();
    let fetched = fetcher(dir.path()).download(&server.url("/a"), wanted(TEXT)).unwrap();
    assert_eq!((content(&fetched), server.count()), (TEXT.to_vec(), 3));
}

#[test]
fn another_content_than_the_pinned_one_is_an_error() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ranges(TEXT, |_| None));
    let mut other = TEXT.to_vec();
    other[0] = b'A';
    let error = fetcher(dir.path()).download(&server.url("/a"), wanted(&other)).unwrap_err();
    let told = crate::diagnostic::Diagnostic::from(error);
    assert_eq!(told.code, "lock.changed");
    assert!(told.message.contains(&sha256(TEXT).to_string()), "{told}");
    assert!(told.message.contains(&sha256(&other).to_string()), "{told}");
    let error = fetcher(dir.path()).download(&server.url("/a"), wanted(b"short")).unwrap_err();
    assert!(matches!(error, FetchError::Length { was: 5, now: 65, .. }));
}

#[test]
fn what_is_not_there_is_asked_for_once_and_trouble_several_times() {
    for (status, tries, code) in
        [(404, 1, "fetch.missing"), (403, 1, "fetch.failed"), (503, 5, "fetch.failed")]
    {
        let server = Server::new(move |_, _| reply(status, b"no"));
        let dir = tempfile::tempdir().unwrap();
        let error = fetcher(dir.path()).download(&server.url("/a"), None).unwrap_err();
        let told = crate::diagnostic::Diagnostic::from(error);
        assert_eq!((told.code, told.class as u8, server.count()), (code, 5, tries));
        assert!(told.causes[0].contains(&status.to_string()), "{told}");
    }
}

#[test]
fn redirects_are_followed_ten_times() {
    let server = Server::new(|request, _| {
        let number: u32 = request.path[1..].parse().unwrap();
        match number {
            10 => reply(200, TEXT),
            number => reply(302, b"").with("Location", (number + 1).to_string()),
        }
    });
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(content(&fetcher(dir.path()).download(&server.url("/0"), None).unwrap()), TEXT);
    let asked = server.count();
    let error = fetcher(dir.path()).download(&server.url("/11"), None).unwrap_err();
    assert_eq!(server.count() - asked, 11);
    let told = crate::diagnostic::Diagnostic::from(error);
    assert!(told.causes[0].starts_with("more than 10 redirects"), "{told}");
}

#[test]
fn a_redirect_out_of_this_machine_is_not_followed_without_tls() {
    let server = Server::new(|_, _| reply(302, b"").with("Location", "http://192.0.2.1/a"));
    let dir = tempfile::tempdir().unwrap();
    let error = fetcher(dir.path()).download(&server.url("/a"), None).unwrap_err();
    let told = crate::diagnostic::Diagnostic::from(error);
    assert!(told.causes[0].ends_with("that is not encrypted"), "{told}");
}

#[test]
fn offline_only_what_is_cached_is_there() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ranges(TEXT, |_| None));
    let offline = || with(dir.path(), |means| means.offline = true);
    let url = server.url("/a");
    assert!(matches!(offline().download(&url, None), Err(FetchError::Offline { .. })));
    let fetched = fetcher(dir.path()).download(&url, None).unwrap();
    assert_eq!(offline().download(&url, None).unwrap(), fetched);
    assert_eq!(offline().download(&url, wanted(TEXT)).unwrap(), fetched);
    assert!(matches!(offline().download(&url, wanted(b"x")), Err(FetchError::Offline { .. })));
    assert_eq!(server.count(), 1);
}

#[test]
fn a_damaged_download_is_brought_again() {
    let (dir, server) = (tempfile::tempdir().unwrap(), ranges(TEXT, |_| None));
    let url = server.url("/a");
    let fetched = fetcher(dir.path()).download(&url, wanted(TEXT)).unwrap();
    fs::write(&fetched.path, "something else").unwrap();
    let again = fetcher(dir.path()).download(&url, wanted(TEXT)).unwrap();
    assert_eq!((content(&again), server.count()), (TEXT.to_vec(), 2));
    // As long, and as old: only reading tells.
    let modified = again.path.metadata().unwrap().modified().unwrap();
    let file = File::options().write(true).open(&again.path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"ALL", 0).unwrap();
    file.set_modified(modified).unwrap();
    let fresh = with(dir.path(), |means| means.fresh = true);
    let again = fresh.download(&url, wanted(TEXT)).unwrap();
    assert_eq!((content(&again), server.count()), (TEXT.to_vec(), 3));
}

#[test]
fn what_has_no_length_is_taken_only_if_it_is_pinned() {
    let server = Server::new(|_, _| reply(200, TEXT).with("No-Length", "yes"));
    let dir = tempfile::tempdir().unwrap();
    let error = fetcher(dir.path()).download(&server.url("/a"), None).unwrap_err();
    assert!(matches!(error, FetchError::NoLength { .. }));
    let fetched = fetcher(dir.path()).download(&server.url("/a"), wanted(TEXT)).unwrap();
    assert_eq!(content(&fetched), TEXT);
}

#[test]
fn what_does_not_fit_on_the_disk_is_not_begun() {
    let server =
        Server::new(|_, _| reply(200, TEXT).with("Content-Length", (1_u64 << 60).to_string()));
    let dir = tempfile::tempdir().unwrap();
    let error = fetcher(dir.path()).download(&server.url("/a"), None).unwrap_err();
    assert_eq!(crate::diagnostic::Diagnostic::from(error).code, "limit.space");
    assert_eq!(fetcher(dir.path()).part(&server.url("/a")).metadata().unwrap().size(), 0);
}

#[test]
fn nothing_is_brought_in_the_clear_from_elsewhere_unless_it_is_pinned() {
    let dir = tempfile::tempdir().unwrap();
    let url = Url::parse("http://192.0.2.1/a").unwrap();
    assert!(matches!(fetcher(dir.path()).download(&url, None), Err(FetchError::Clear { .. })));
}
