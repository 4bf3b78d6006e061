//! Addresses of what is downloaded.

use std::{fmt, net::Ipv4Addr};

/// How content is got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Over TLS.
    Https,
    /// In the clear: from this machine, or when the content is pinned.
    Http,
    /// A file of this machine.
    File,
}

/// An absolute URL without user, password and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// How.
    pub scheme: Scheme,
    /// Host and port as written; empty for files.
    host: String,
    /// From the first slash on, with the query.
    path: String,
}

/// Why a text is no URL that pkggen reads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("it does not start with `https://`, `http://` or `file:///`")]
    Scheme,
    /// Nothing between the slashes.
    #[error("it names no host")]
    Host,
    /// Somebody would read it in the lock and in messages.
    #[error("it holds a user or a password")]
    User,
    /// Blanks, control characters and other alphabets are written as `%XX`.
    #[error("it holds `{0}`, which is written as `%XX`")]
    Character(char),
}

impl Url {
    /// Reads an absolute URL; a fragment is dropped.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let text = text.split('#').next().unwrap_or_default();
        if let Some(bad) =
            text.chars().find(|c| !c.is_ascii_graphic() || "\"<>\\^`{|}".contains(*c))
        {
            return Err(UrlError::Character(bad));
        }
        if let Some(path) = text.strip_prefix("file://") {
            let path = path.strip_prefix("localhost").unwrap_or(path);
            let (scheme, host) = (Scheme::File, String::new());
            let path = path.starts_with('/').then(|| path.to_owned());
            return Ok(Self { scheme, host, path: path.ok_or(UrlError::Scheme)? });
        }
        let schemes = [("https://", Scheme::Https), ("http://", Scheme::Http)];
        let mut known = schemes.iter();
        let found = known.find_map(|(start, scheme)| Some((text.strip_prefix(start)?, *scheme)));
        let (rest, scheme) = found.ok_or(UrlError::Scheme)?;
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        if host.contains('@') {
            return Err(UrlError::User);
        }
        if host.is_empty() || host.starts_with(':') {
            return Err(UrlError::Host);
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { scheme, host: host.to_owned(), path })
    }

    /// Where a redirect leads.
    pub fn join(&self, location: &str) -> Result<Self, UrlError> {
        let scheme = self.scheme.word();
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{scheme}://{rest}"));
        }
        if location.contains("://") {
            return Self::parse(location);
        }
        let path = self.path.split('?').next().unwrap_or_default();
        let dir = &path[..path.rfind('/').map_or(0, |at| at + 1)];
        let start = if location.starts_with('/') { "" } else { dir };
        Self::parse(&format!("{scheme}://{}{start}{location}", self.host))
    }

    /// Whether it can be read on the way.
    pub fn is_loopback(&self) -> bool {
        let host = match self.host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.host.split(':').next().unwrap_or_default(),
        };
        let v4 = host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
        v4 || host == "::1" || host.eq_ignore_ascii_case("localhost")
    }

    /// The name the file gets: the last part of the path.
    pub fn file_name(&self) -> Option<String> {
        let path = self.path.split('?').next().unwrap_or_default();
        let name = decoded(path.rsplit('/').next()?)?;
        let usable = !matches!(&*name, "" | "." | "..")
            && !name.contains('/')
            && !name.chars().any(char::is_control);
        usable.then_some(name)
    }

    /// The file that a `file:` URL means.
    pub fn file_path(&self) -> Option<String> {
        (self.scheme == Scheme::File).then(|| decoded(&self.path))?
    }
}

impl Scheme {
    fn word(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::File => "file",
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.word(), self.host, self.path)
    }
}

/// `%20` is a blank.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_url_is_read_and_written() {
        assert_eq!(url("https://x.org/a/b.gz?c=d#e").to_string(), "https://x.org/a/b.gz?c=d");
        assert_eq!(url("https://x.org?c").to_string(), "https://x.org/?c");
        assert_eq!(url("file:///a%20b").file_path().unwrap(), "/a b");
        for (text, why) in [
            ("ftp://x/y", UrlError::Scheme),
            ("file:relative", UrlError::Scheme),
            ("https:///y", UrlError::Host),
            ("https://ana:secret@x/y", UrlError::User),
            ("https://x/a b", UrlError::Character(' ')),
            ("https://x/ä", UrlError::Character('ä')),
        ] {
            assert_eq!(Url::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn a_file_is_named_by_the_last_part_of_the_path() {
        assert_eq!(url("https://x.org/a/b%2B1.gz?c=/d").file_name().as_deref(), Some("b+1.gz"));
        for text in ["https://x.org", "https://x.org/a/", "https://x/%2e%2e", "https://x/a%2fb"] {
            assert_eq!(url(text).file_name(), None, "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for text in ["http://127.0.0.1:80/", "http://localhost/", "http://[::1]:8/"] {
            assert!(url(text).is_loopback(), "{text}");
        }
        for text in ["http://127.0.0.1.evil.org/", "http://localhost.evil.org/", "http://10.0.0.1/"]
        {
            assert!(!url(text).is_loopback(), "{text}");
        }
    }

    #[test]
    fn a_redirect_may_be_relative() {
        let from = url("https://x.org/a/b?c");
        let to = |location: &str| from.join(location).unwrap().to_string();
        assert_eq!(to("https://y.org/z"), "https://y.org/z");
        assert_eq!(to("//y.org/z"), "https://y.org/z");
        assert_eq!(to("/z?d"), "https://x.org/z?d");
        assert_eq!(to("z"), "https://x.org/a/z");
    }
}
