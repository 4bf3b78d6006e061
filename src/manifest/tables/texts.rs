//! Texts with rules of their own.

use crate::{
    diagnostic::similar,
    manifest::{Decode, Decoder, Node, Problem, Shape},
    text,
};

text! {
    /// One line of text.
    pub struct Line("one line of text", one_line);
}

text! {
    /// A path of the machine that builds.
    pub struct Path("a path", path);
}

text! {
    /// An address.
    pub struct Url("a URL", url);
}

text! {
    /// A reversed-domain identifier.
    pub struct Identifier("a reversed-domain identifier", identifier);
}

text! {
    /// An SPDX licence expression.
    pub struct Licence("an SPDX expression", licence);
}

text! {
    /// The name of an environment variable.
    pub struct EnvName("an environment variable", env_name);
}

text! {
    /// An OS, target, format, spelling or variant.
    pub struct Selector("a selector", |_| Ok(()));
}

text! {
    /// Linux file capabilities as `setcap` takes them.
    pub struct Capabilities("Linux file capabilities", capabilities);
}

text! {
    /// The name of an account or group.
    pub struct Account("an account", account);
}

text! {
    /// The name of a service.
    pub struct ServiceName("a service name", service_name);
}

text! {
    /// A display name, also of files.
    pub struct Title("a display name", title);
}

text! {
    /// The name of a file.
    pub struct FileName("a file name", file_name);
}

text! {
    /// A scheme of URLs.
    pub struct Scheme("a URL scheme", scheme);
}

text! {
    /// A media type.
    pub struct MimeType("a media type", mime_type);
}

text! {
    /// A GUID.
    pub struct Guid("a GUID", guid);
}

text! {
    /// A version of an OS or of a library: numbers with dots.
    pub struct Numbers("numbers with dots", numbers);
}

text! {
    /// An owner and a name on a forge.
    pub struct Repo("`owner/name`", repo);
}

text! {
    /// A fingerprint of an OpenPGP key.
    pub struct Fingerprint("a fingerprint", fingerprint);
}

text! {
    /// A time span.
    pub struct Duration("a time span", duration);
}

impl Duration {
    /// As a span of time; what [`Duration::check`] refuses is none.
    pub fn span(&self) -> std::time::Duration {
        let text = &self.0;
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit = match &text[at..] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            _ => 3_600_000,
        };
        std::time::Duration::from_millis(text[..at].parse().unwrap_or(0) * unit)
    }
}

/// Permission bits, written as an octal string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMode(pub u32);

/// A size, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl Decode for FileMode {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        if let Some(number) = node.as_integer() {
            to.wrong_type(node, "an octal string");
            if let Some(error) = to.found.errors.last_mut() {
                error.hint = Some(format!("write it as a string: \"0{number}\""));
            }
            return None;
        }
        let mut mode = None;
        to.checked(node, |text| {
            let octal = text.strip_prefix("0o").unwrap_or(text);
            let digits = octal.len() >= 3 && octal.bytes().all(|b| (b'0'..=b'7').contains(&b));
            mode = u32::from_str_radix(octal, 8).ok().filter(|mode| digits && *mode <= 0o7777);
            let bad = || {
                Problem::new(format!("`{text}` is no mode"))
                    .hint("three or four octal digits: \"0755\", \"4755\"")
            };
            mode.map(|_| ()).ok_or_else(bad)
        })?;
        mode.map(Self)
    }

    fn shape() -> Shape {
        Shape::Text("an octal mode")
    }
}

impl Decode for Size {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let mut size = None;
        to.checked(node, |text| {
            size = bytes(text);
            let hint = "a number and a unit: \"1900MiB\", \"2GB\", \"512KiB\"";
            let bad = || Problem::new(format!("`{text}` is no size")).hint(hint);
            size.map(|_| ()).ok_or_else(bad)
        })?;
        size.map(Self)
    }

    fn shape() -> Shape {
        Shape::Text("a size")
    }
}

fn bytes(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit: u64 = match text[at..].trim_start() {
        "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    text[..at].parse::<u64>().ok()?.checked_mul(unit).filter(|size| *size > 0)
}

/// The whole fingerprint or at least the key id at its end; blanks as gpg shows them.
fn fingerprint(text: &str) -> Result<(), Problem> {
    let digits = text.replace(' ', "");
    if (16..=40).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Problem::new(format!("`{text}` is no fingerprint")).hint(
        "40 hexadecimal digits, or the last 16: `gpg --list-secret-keys --with-subkey-fingerprint`",
    ))
}

fn one_line(text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() {
        Err(Problem::new("the text is empty"))
    } else if text.chars().any(char::is_control) {
        Err(Problem::new("the text must be one line without control characters"))
    } else if text.trim() != text {
        Err(Problem::new("the text begins or ends with a blank"))
    } else {
        Ok(())
    }
}

fn path(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        Err(Problem::new("the path is empty"))
    } else if text.chars().any(char::is_control) {
        Err(Problem::new("the path holds a control character"))
    } else if text.contains('\\') {
        Err(Problem::new("the path holds `\\`").hint("paths are written with `/` on every system"))
    } else {
        Ok(())
    }
}

fn url(text: &str) -> Result<(), Problem> {
    let host = text
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
        .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    // The digest of a part is filled in when the part is known.
    let rest = text.replace("{{ sha256 }}", "");
    let clean = !rest.chars().any(|c| c.is_control() || c.is_whitespace() || "<>\"`".contains(c));
    match host {
        Some(host) if !host.is_empty() && clean => Ok(()),
        _ => Err(Problem::new(format!("`{text}` is no URL"))
            .hint("it begins with https:// and a host, and holds no blanks")),
    }
}

fn identifier(text: &str) -> Result<(), Problem> {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let parts: Vec<_> = text.split('.').collect();
    if parts.len() >= 2 && parts.iter().all(|text| part(text)) && text.len() <= 155 {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no reversed-domain identifier"))
            .hint("at least two words of letters, digits and `-` with dots: `com.example.app`"))
    }
}

fn licence(text: &str) -> Result<(), Problem> {
    let mode = spdx::ParseMode { allow_deprecated: true, ..spdx::ParseMode::STRICT };
    let Err(error) = spdx::Expression::parse_mode(text, mode) else { return Ok(()) };
    let part = text.get(error.span.clone()).unwrap_or_default();
    let message = match error.reason {
        spdx::error::Reason::Empty => "the licence is empty".to_owned(),
        _ if part.is_empty() => format!("`{text}` is no SPDX expression: {}", error.reason),
        spdx::error::Reason::UnknownTerm | spdx::error::Reason::UnknownLicense => {
            format!("`{part}` is no licence of the SPDX list")
        }
        spdx::error::Reason::UnclosedParens => "`(` is not closed".to_owned(),
        spdx::error::Reason::UnopenedParens => "`)` closes nothing".to_owned(),
        reason => format!("`{part}` cannot stand here: {reason}"),
    };
    let listed = message.contains("SPDX list");
    let problem = Problem { range: Some(error.span), ..Problem::new(message) };
    Err(match canonical_licence(text) {
        Some(better) => problem.hint(format!("did you mean `{better}`?")),
        None if listed => {
            problem.hint("https://spdx.org/licenses lists them; others are `LicenseRef-NAME`")
        }
        None => problem,
    })
}

/// The SPDX expression that a licence written loosely means: `MIT/Apache-2.0`, `GPLv3`.
pub fn canonical_licence(text: &str) -> Option<String> {
    let better = spdx::Expression::canonicalize(text).ok()?.unwrap_or_else(|| text.to_owned());
    licence_is_strict(&better).then_some(better)
}

fn licence_is_strict(text: &str) -> bool {
    let mode = spdx::ParseMode { allow_deprecated: true, ..spdx::ParseMode::STRICT };
    spdx::Expression::parse_mode(text, mode).is_ok()
}

fn env_name(text: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if text.bytes().all(fits) && text.bytes().next().is_some_and(|b| !b.is_ascii_digit()) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no name of an environment variable"))
            .hint("letters, digits and `_`, no digit first"))
    }
}

/// Names of capabilities, from `linux/capability.h`, without `cap_`.
#[rustfmt::skip]
const CAPABILITIES: &[&str] = &[
    "chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid",
    "setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw",
    "ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct",
    "sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod",
    "lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
    "wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore",
];

/// `cap_a,cap_b=ep cap_c+i`, as `cap_from_text(3)` reads it.
fn capabilities(text: &str) -> Result<(), Problem> {
    let hint = "as setcap(8) takes them: `cap_net_bind_service=ep`";
    let clauses: Vec<_> = text.split(' ').collect();
    for clause in clauses {
        let Some(at) = clause.find(['=', '+', '-']) else {
            return Err(Problem::new(format!("`{clause}` grants nothing")).hint(hint));
        };
        let flags = clause[at..].trim_start_matches(['=', '+', '-']);
        if clause[at..].len() != flags.len() + 1 || !flags.bytes().all(|b| b"eip".contains(&b)) {
            return Err(Problem::new(format!("`{}` are no capability flags", &clause[at..]))
                .hint("`=` or `+` and some of `e`, `i` and `p`"));
        }
        for name in clause[..at].split(',') {
            let lower = name.to_ascii_lowercase();
            let known = lower.strip_prefix("cap_").is_some_and(|name| CAPABILITIES.contains(&name));
            if !known && lower != "all" {
                let names: Vec<_> = CAPABILITIES.iter().map(|name| format!("cap_{name}")).collect();
                let near = similar(&lower, names.iter().map(String::as_str));
                return Err(Problem::new(format!("there is no capability `{name}`"))
                    .hint(near.map_or(hint.to_owned(), |near| format!("did you mean `{near}`?"))));
            }
        }
    }
    Ok(())
}

fn duration(text: &str) -> Result<(), Problem> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if at > 0 && at < 10 && matches!(&text[at..], "ms" | "s" | "m" | "h") {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no time span"))
            .hint("a number and `ms`, `s`, `m` or `h`: \"60s\""))
    }
}

fn account(text: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    let starts = |b: u8| b.is_ascii_lowercase() || b == b'_';
    if text.len() <= 31 && text.bytes().all(fits) && text.bytes().next().is_some_and(starts) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no name of an account or group"))
            .hint("lower-case letters, digits, `_` and `-`, at most 31, a letter or `_` first"))
    }
}

fn service_name(text: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_.-@".contains(&b);
    let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if !text.bytes().all(fits) || !starts || text.len() > 200 {
        Err(Problem::new(format!("`{text}` is no name of a service"))
            .hint("letters, digits, `_`, `.`, `-` and `@`, a letter or digit first"))
    } else if let Some(name) = text.strip_suffix(".service") {
        Err(Problem::new(format!("`{text}` ends in `.service`"))
            .hint(format!("the service is called `{name}`")))
    } else {
        Ok(())
    }
}

fn title(text: &str) -> Result<(), Problem> {
    one_line(text)?;
    match text.chars().find(|c| "/\\:*?\"<>|".contains(*c)) {
        Some(c) => Err(Problem::new(format!("`{c}` cannot be in a title"))
            .hint("the title is also the name of files on every system")),
        None if text.starts_with('.') || text.ends_with('.') => {
            Err(Problem::new("a title neither begins nor ends with a dot"))
        }
        None => Ok(()),
    }
}

fn file_name(text: &str) -> Result<(), Problem> {
    one_line(text)?;
    if text.contains(['/', '\\']) || text.starts_with('.') {
        Err(Problem::new(format!("`{text}` is no file name")).hint("no `/`, no dot in front"))
    } else {
        Ok(())
    }
}

fn scheme(text: &str) -> Result<(), Problem> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    if text.bytes().all(fits) && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase()) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no URL scheme"))
            .hint("only the word before the colon, in lower case: `offgrid` for `offgrid://`"))
    }
}

fn mime_type(text: &str) -> Result<(), Problem> {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    match text.split_once('/') {
        Some((kind, name)) if part(kind) && part(name) => Ok(()),
        _ => {
            Err(Problem::new(format!("`{text}` is no media type")).hint("such as `text/markdown`"))
        }
    }
}

fn guid(text: &str) -> Result<(), Problem> {
    let groups: Vec<_> = text.split('-').collect();
    let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
    let digits = groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()));
    if lengths == [8, 4, 4, 4, 12] && digits {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no GUID"))
            .hint("five groups of hexadecimal digits: 6f3d0a4e-8d4f-4a3b-9b53-0b6f0d1c7a11"))
    }
}

fn numbers(text: &str) -> Result<(), Problem> {
    let number = |part: &str| {
        !part.is_empty() && part.len() < 10 && part.bytes().all(|b| b.is_ascii_digit())
    };
    if text.split('.').all(number) {
        Ok(())
    } else {
        Err(Problem::new(format!("`{text}` is no version")).hint("numbers with dots: \"12.0\""))
    }
}

fn repo(text: &str) -> Result<(), Problem> {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match text.split_once('/') {
        Some((owner, name)) if part(owner) && part(name) => Ok(()),
        _ => Err(Problem::new(format!("`{text}` is no `owner/name`"))
            .hint("without the host: `offgrid-llm/offgrid-llm`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&str) -> Result<(), Problem>;

    #[test]
    fn texts_with_rules_accept_what_is_right() {
        let right: &[(Check, &[&str])] = &[
            (
                licence,
                &[
                    "MIT",
                    "MIT OR Apache-2.0",
                    "GPL-2.0-or-later WITH GCC-exception-3.1",
                    "GPL-3.0",
                    "LicenseRef-Proprietary",
                ],
            ),
            (capabilities, &["cap_net_bind_service=ep", "cap_net_raw,cap_net_admin+eip", "all=ep"]),
            (account, &["offgrid", "_x", "www-data"]),
            (service_name, &["offgrid", "getty@", "a.b"]),
            (identifier, &["com.example", "local.my-app"]),
            (url, &["https://x.y", "http://127.0.0.1:80/a?b#c"]),
            (title, &["OffGrid", "O'Brien & Söhne"]),
            (guid, &["6f3d0a4e-8d4f-4a3b-9b53-0b6f0d1c7a11"]),
            (duration, &["60s", "500ms"]),
        ];
        for (check, texts) in right {
            texts.iter().for_each(|text| assert_eq!(check(text), Ok(()), "{text}"));
        }
    }

    #[test]
    fn a_loose_licence_is_understood() {
        assert_eq!(canonical_licence("MIT/Apache-2.0").as_deref(), Some("MIT OR Apache-2.0"));
        assert_eq!(canonical_licence("GPLv3+").as_deref(), Some("GPL-3.0-or-later"));
        assert_eq!(canonical_licence("mine"), None);
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("1900MiB"), Some(1_992_294_400));
        assert_eq!(bytes("2 GB"), Some(2_000_000_000));
        assert_eq!(bytes("99999999999GiB"), None);
        assert_eq!(bytes("0MB"), None);
    }
}
