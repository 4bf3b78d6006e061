//! Whether a service answers: one HTTP request to the loopback of the machine under test.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// How long a single request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of an answer that are read.
const MAX_ANSWER: u64 = 64 << 10;

/// An address that answers while a service is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// As it was written.
    pub url: String,
    /// For how long it may not answer.
    pub within: Duration,
    address: SocketAddr,
    host: String,
    path: String,
}

impl Probe {
    /// An `http:` address on the machine itself; the machine under test has no other network.
    pub fn parse(url: &str, within: Duration) -> Result<Self, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| format!("`{url}` is not http:"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(at);
        let slash = if path.starts_with('/') { "" } else { "/" };
        let address = address(host).ok_or_else(|| {
            format!("`{url}` is not on 127.0.0.1, ::1 or localhost, the only network there is")
        })?;
        let (host, path) = (host.to_owned(), format!("{slash}{path}"));
        if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!("`{url}` holds a blank"));
        }
        Ok(Self { url: url.to_owned(), within, address, host, path })
    }

    /// Asks from the network of this thread: the status and the first line of the answer, or why
    /// there is no good one.
    pub(super) fn ask(&self) -> Result<String, String> {
        let answer = self.exchange().map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => "nobody listens".to_owned(),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer".to_owned(),
            _ => error.to_string(),
        })?;
        verdict(&String::from_utf8_lossy(&answer))
    }

    fn exchange(&self) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let Self { host, path, .. } = self;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: pkggen\r\nAccept: */*\r\n\
             Connection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes())?;
        read(&mut stream)
    }
}

/// A server that keeps the connection open, or cuts it, has answered when its head is whole.
fn read(stream: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let result = stream.take(MAX_ANSWER).read_to_end(&mut answer);
    let whole = answer.windows(4).any(|window| window == b"\r\n\r\n");
    if whole { Ok(answer) } else { result.map(|_| answer) }
}

fn address(host: &str) -> Option<SocketAddr> {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()?),
        _ => (host, 80),
    };
    if name == "localhost" {
        return Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    }
    let ip = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(name) => name.parse::<Ipv6Addr>().ok()?.into(),
        None => name.parse::<Ipv4Addr>().ok()?.into(),
    };
    let address = SocketAddr::new(ip, port);
    address.ip().is_loopback().then_some(address)
}

fn verdict(answer: &str) -> Result<String, String> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut words = head.split_whitespace();
    let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/"));
    let status = words.next().and_then(|word| word.parse::<u16>().ok());
    let (true, Some(status)) = (is_http, status) else {
        return Err("what answers is no HTTP".to_owned());
    };
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let line: String =
        body.lines().next().unwrap_or_default().chars().take(60).map(clean).collect();
    if (200..300).contains(&status) {
        Ok(if line.is_empty() { status.to_string() } else { format!("{status}: {line}") })
    } else {
        Err(format!("the answer is {status}"))
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    fn parsed(url: &str) -> Result<Probe, String> {
        Probe::parse(url, PATIENCE)
    }

    #[test]
    fn only_addresses_on_the_machine_itself_are_asked() {
        for (url, address, path) in [
            ("http://127.0.0.1:80/health", "127.0.0.1:80", "/health"),
            ("http://localhost:8080", "127.0.0.1:8080", "/"),
            ("http://[::1]:9/a?b#c", "[::1]:9", "/a?b"),
            ("http://127.0.0.2?x", "127.0.0.2:80", "/?x"),
        ] {
            let probe = parsed(url).unwrap();
            assert_eq!((probe.address.to_string().as_str(), probe.path.as_str()), (address, path));
        }
        for url in ["https://127.0.0.1/", "http://example.org/", "http://10.0.0.1/", "http://[::1"]
        {
            assert!(parsed(url).is_err(), "{url}");
        }
    }

    /// Answers one request.
    fn server(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        format!("http://127.0.0.1:{port}/")
    }

    #[test]
    fn an_answer_is_good_with_a_status_of_200_to_299() {
        let ask = |answer| parsed(&server(answer)).unwrap().ask();
        assert_eq!(ask("HTTP/1.1 200 OK\r\n\r\ngood\nmore").unwrap(), "200: good");
        assert_eq!(ask("HTTP/1.0 204 No Content\r\n\r\n").unwrap(), "204");
        assert_eq!(ask("HTTP/1.1 503 Loading\r\n\r\n").unwrap_err(), "the answer is 503");
        assert_eq!(ask("hello\r\n\r\n").unwrap_err(), "what answers is no HTTP");
    }

    #[test]
    fn a_port_without_a_server_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let answer = parsed(&format!("http://127.0.0.1:{port}/")).unwrap().ask();
        assert_eq!(answer.unwrap_err(), "nobody listens");
    }
}
