//! Asking a running server which models it has: only to say that a model is elsewhere. Its paths are
//! never used: they are paths of its own machine.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use serde::Deserialize;

use super::{machine::Machine, name::Name};

/// Where a server listens unless `OLLAMA_HOST` says otherwise.
const ADDRESS: &str = "127.0.0.1";
const PORT: u16 = 11434;

/// How long to wait for a connection, and for an answer.
const CONNECT: Duration = Duration::from_millis(300);
const ANSWER: Duration = Duration::from_secs(2);

/// Longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 4 << 20;

#[derive(Deserialize)]
struct Tags {
    models: Vec<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
}

impl Machine {
    /// The address of a running server that has the model.
    pub(super) fn server_with(&self, name: &Name) -> Option<String> {
        if self.offline {
            return None;
        }
        let address = address(self.var("OLLAMA_HOST").unwrap_or_default())?;
        let there: SocketAddr = address.to_socket_addrs().ok()?.next()?;
        let tags: Tags = serde_json::from_slice(&ask(there, &address)?).ok()?;
        let mut names = tags.models.iter().filter_map(|tag| Name::parse(&tag.name).ok());
        names.any(|there| there.is(name)).then_some(address)
    }
}

/// `OLLAMA_HOST` as host and port. Servers behind https are somewhere else anyway.
fn address(text: &str) -> Option<String> {
    let bare = text.strip_prefix("http://").unwrap_or(text);
    if bare.contains("://") {
        return None;
    }
    let bare = bare.split('/').next().unwrap_or_default();
    let (host, port) = match bare.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (bare, PORT),
    };
    let host = match host {
        "" | "0.0.0.0" | "[::]" => ADDRESS,
        host => host,
    };
    Some(format!("{host}:{port}"))
}

/// The body of an answer. HTTP/1.0: the server closes the connection behind it.
fn ask(there: SocketAddr, address: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&there, CONNECT).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    stream.set_write_timeout(Some(ANSWER)).ok()?;
    write!(stream, "GET /api/tags HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).ok()?;
    if !answer.starts_with(b"HTTP/1.") || answer.get(9..12)? != b"200" {
        return None;
    }
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    Some(answer.split_off(head + 4))
}

#[cfg(test)]
mod tests {
    use std::{io::BufRead as _, io::BufReader, net::TcpListener, thread};

    use super::*;

    #[test]
    fn the_address_is_that_of_the_client() {
        for (text, want) in [
            ("", Some("127.0.0.1:11434")),
            ("0.0.0.0", Some("127.0.0.1:11434")),
            ("http://box:8080/", Some("box:8080")),
            (":8080", Some("127.0.0.1:8080")),
            ("[::1]:9", Some("[::1]:9")),
            ("https://box", None),
            ("box:port", None),
        ] {
            assert_eq!(address(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn a_server_is_asked_for_its_models() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            for stream in listener.incoming().take(2) {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
                let body = r#"{"models":[{"name":"Qwen:3b","size":1}]}"#;
                write!(stream, "HTTP/1.0 200 OK\r\nServer: x\r\n\r\n{body}").unwrap();
            }
        });
        let env = [("OLLAMA_HOST".to_owned(), address.clone())].into();
        let mut machine = Machine { root: "/".into(), env, only: None, offline: false };
        let (qwen, other) = (Name::parse("qwen:3b").unwrap(), Name::parse("qwen").unwrap());
        assert_eq!(machine.server_with(&qwen), Some(address));
        assert_eq!(machine.server_with(&other), None);
        server.join().unwrap();
        machine.offline = true;
        assert_eq!(machine.server_with(&qwen), None);
    }
}
