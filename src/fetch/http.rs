//! One request, its redirects followed by our own rules.

use std::{
    collections::BTreeMap,
    io::Read,
    sync::{Arc, OnceLock},
    time::Duration,
};

use ureq::{
    Agent, Proxy,
    http::{HeaderMap, StatusCode, header},
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::url::{Scheme, Url};

/// Most redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// How long a host may take to answer.
const CONNECT: Duration = Duration::from_secs(30);

/// How long nothing may arrive.
const SILENCE: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// The connection was not made or broke; another try may help.
    #[error("{0}")]
    Broken(String),
    /// The server said no, and will say so again.
    #[error("the server answers {0}")]
    Status(StatusCode),
    /// The server has trouble of its own; another try may help.
    #[error("the server answers {0}")]
    Busy(StatusCode),
    /// Somebody else, or a certificate that this machine does not trust.
    #[error("the server is not trusted: {0}")]
    Untrusted(String),
    /// Redirects without end.
    #[error("more than {MAX_REDIRECTS} redirects; the last one leads to `{0}`")]
    Redirects(Url),
    /// A redirect that is not followed.
    #[error("a redirect leads to `{to}`: {why}")]
    Redirect { to: String, why: String },
    /// This machine trusts nobody.
    #[error("no certificates of authorities were found on this machine")]
    NoRoots,
    /// `https_proxy` is no URL.
    #[error("`{0}` is not the address of a proxy")]
    Proxy(String),
}

impl HttpError {
    /// Whether another try may help.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Busy(_))
    }

    /// Whether the server does not have it.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Status(status) if matches!(status.as_u16(), 404 | 410))
    }
}

/// What a server is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    /// The first byte that is wanted, and what the earlier ones belong to, if that is known.
    pub(super) from: u64,
    pub(super) if_range: Option<String>,
    /// The answer may be that it still is what is known.
    pub(super) if_none_match: Option<String>,
    pub(super) if_modified_since: Option<String>,
}

/// What a server answers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Box<dyn Read>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Asks servers, through the proxies that the environment names.
#[derive(Default)]
pub(super) struct Http {
    env: BTreeMap<String, String>,
    secure: OnceLock<Option<Agent>>,
}

impl Http {
    pub(super) fn new(env: &BTreeMap<String, String>) -> Self {
        Self { env: env.clone(), secure: OnceLock::new() }
    }

    /// Asks, and follows redirects. `clear` says that content may come without TLS: it is pinned.
    pub(super) fn get(&self, url: &Url, ask: &Ask, clear: bool) -> Result<Answer, HttpError> {
        let mut at = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.once(&at, ask)?;
            let status = StatusCode::from_u16(answer.status).expect("it came as one");
            if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                return checked(answer, status);
            }
            let to = answer.header(header::LOCATION.as_str()).unwrap_or_default().to_owned();
            at = follow(&at, &to, clear).map_err(|why| HttpError::Redirect { to, why })?;
        }
        Err(HttpError::Redirects(at))
    }

    fn once(&self, url: &Url, ask: &Ask) -> Result<Answer, HttpError> {
        let mut request = self.agent(url)?.get(url.to_string());
        // What is packed on the way has another length and digest.
        request = request.header(header::ACCEPT_ENCODING, "identity");
        if ask.from > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", ask.from));
        }
        let conditions = [
            (header::IF_RANGE, &ask.if_range),
            (header::IF_NONE_MATCH, &ask.if_none_match),
            (header::IF_MODIFIED_SINCE, &ask.if_modified_since),
        ];
        for (name, value) in conditions {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let response = request.call().map_err(|error| refused(&error))?;
        let (parts, body) = response.into_parts();
        let body = Box::new(body.into_with_config().limit(u64::MAX).reader());
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    fn agent(&self, url: &Url) -> Result<Agent, HttpError> {
        let proxy = if url.is_loopback() { None } else { proxy(&self.env, url.scheme)? };
        if url.scheme != Scheme::Https && proxy.is_none() {
            return Ok(config(None, None));
        }
        let agent = self.secure.get_or_init(|| Some(config(None, Some(tls()?))));
        let agent = agent.clone().ok_or(HttpError::NoRoots)?;
        Ok(match proxy {
            None => agent,
            proxy => config(proxy, Some(agent.config().tls_config().clone())),
        })
    }
}

/// Where a redirect leads, unless that is somewhere else than one would expect.
fn follow(from: &Url, location: &str, clear: bool) -> Result<Url, String> {
    let to = from.join(location).map_err(|error| error.to_string())?;
    match to.scheme {
        Scheme::Https => Ok(to),
        Scheme::Http if clear => Ok(to),
        Scheme::Http if from.scheme == Scheme::Http && to.is_loopback() => Ok(to),
        Scheme::Http => Err("that is not encrypted".into()),
        Scheme::File => Err("that is a file of this machine".into()),
    }
}

fn checked(answer: Answer, status: StatusCode) -> Result<Answer, HttpError> {
    match answer.status {
        200 | 206 | 304 | 416 => Ok(answer),
        408 | 425 | 429 | 500 | 502..=504 => Err(HttpError::Busy(status)),
        _ => Err(HttpError::Status(status)),
    }
}

fn config(proxy: Option<Proxy>, tls: Option<TlsConfig>) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxy)
        .user_agent(concat!("pkggen/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE));
    if let Some(tls) = tls {
        config = config.tls_config(tls);
    }
    config.build().new_agent()
}

/// Trusts whom this machine trusts: a company's own authority is in its store, not in ours.
fn tls() -> Option<TlsConfig> {
    let found = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> =
        found.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
    if roots.is_empty() {
        return None;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = TlsConfig::builder().root_certs(RootCerts::from(roots));
    Some(builder.unversioned_rustls_crypto_provider(provider).build())
}

/// The proxy that the environment names, by the rules of curl.
fn proxy(env: &BTreeMap<String, String>, scheme: Scheme) -> Result<Option<Proxy>, HttpError> {
    let names: &[&str] = match scheme {
        Scheme::Https => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        // A server that runs pkggen may have `HTTP_PROXY` from a request's header.
        _ => &["http_proxy", "all_proxy", "ALL_PROXY"],
    };
    let set = |names: &[&str]| {
        let mut values = names.iter().filter_map(|name| env.get(*name));
        values.find(|value| !value.trim().is_empty()).cloned()
    };
    let Some(written) = set(names) else { return Ok(None) };
    // The address may hold a password.
    let shown = written.rsplit('@').next().unwrap_or_default().to_owned();
    let known = Proxy::new(written.trim()).map_err(|_| HttpError::Proxy(shown.clone()))?;
    let mut builder = Proxy::builder(known.protocol()).host(known.host()).port(known.port());
    if let Some(user) = known.username() {
        builder = builder.username(user);
    }
    if let Some(password) = known.password() {
        builder = builder.password(password);
    }
    let direct = set(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    for host in direct.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        // A name means the hosts below it, too.
        builder = builder.no_proxy(host).no_proxy(&format!(".{}", host.trim_start_matches('.')));
    }
    builder.build().map(Some).map_err(|_| HttpError::Proxy(shown))
}

/// The reason without the words of the library.
fn refused(error: &ureq::Error) -> HttpError {
    let tls = match error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|error| error.downcast_ref()),
        _ => None,
    };
    match (tls, error) {
        (Some(rustls::Error::InvalidCertificate(why)), _) => HttpError::Untrusted(why.to_string()),
        (Some(error), _) => HttpError::Broken(error.to_string()),
        (None, ureq::Error::Io(error)) => HttpError::Broken(error.to_string()),
        (None, ureq::Error::HostNotFound) => HttpError::Broken("there is no such host".into()),
        (None, other) => HttpError::Broken(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_neither_out_of_tls_nor_into_a_file() {
        let url = |text: &str| Url::parse(text).unwrap();
        let (secure, here) = (url("https://x.org/a"), url("http://127.0.0.1:1/a"));
        assert!(follow(&secure, "http://x.org/b", false).is_err());
        assert!(follow(&secure, "http://127.0.0.1/b", false).is_err());
        assert!(follow(&secure, "file:///etc/passwd", false).is_err());
        assert!(follow(&here, "http://x.org/b", false).is_err());
        assert!(follow(&here, "http://127.0.0.1:2/b", false).is_ok());
        assert!(follow(&secure, "http://x.org/b", true).is_ok(), "a digest tells");
    }

    #[test]
    fn the_proxy_is_the_one_of_the_environment() {
        let env = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
        };
        let of = |env: &BTreeMap<String, String>| proxy(env, Scheme::Https);
        assert!(of(&env(&[("HTTP_PROXY", "http://p:1")])).unwrap().is_none());
        let found =
            of(&env(&[("https_proxy", "http://p.example:8"), ("no_proxy", "example.org, .local")]));
        let found = found.unwrap().unwrap();
        assert_eq!((found.host(), found.port()), ("p.example", 8));
        let direct = |host: &str| found.is_no_proxy(&format!("https://{host}/").parse().unwrap());
        assert!(direct("example.org") && direct("a.example.org") && direct("a.local"));
        assert!(!direct("example.com"));
        let wrong = of(&env(&[("https_proxy", "::u:secret@::")])).unwrap_err();
        assert!(!wrong.to_string().contains("secret"), "{wrong}");
    }
}
