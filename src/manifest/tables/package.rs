//! `[package]` and `[targets]`.

use super::{Identifier, Licence, Line, Path, Title, Url};
use crate::{
    manifest::{Decode, Decoder, Node, Problem, Shape, Spanned, Value},
    package::{Os, PackageName, Version},
    table,
};

table! {
    /// What the product is called, which version it is and who made it.
    #[check(check_package)]
    pub struct PackageTable {
        /// The package's name: lower-case letters, digits, `+`, `-` and `.`, at least two
        /// characters, starting with a letter or digit. Valid in every format as it stands.
        name: Spanned<PackageName>,
        /// A semantic version, or where it is found: `{ from = "cargo" }`, `"git-tag"`,
        /// `"file:VERSION"`, `"env:VERSION"`.
        version: Spanned<VersionSource>,
        /// Packaging revision, counted from 1. rpm always shows it; deb appends `-N` from 2 on.
        release: u32 = 1,
        /// What it is, in one line.
        summary: Spanned<Line>,
        /// What it is, at length; paragraphs are separated by an empty line.
        description: Option<String> => "the summary",
        /// SPDX licence expression: `MIT OR Apache-2.0`.
        license: Spanned<Licence>,
        /// Texts of the licence, installed as `license` entries.
        license_files: Vec<Spanned<Path>>,
        /// Display name: `Title.app`, the Start menu. Blanks are dropped in file names.
        title: Option<Spanned<Title>> => "`name`",
        /// Bundle id and AppStream id: `com.example.app`.
        identifier: Option<Spanned<Identifier>> => "the reversed host of `homepage` and `name`",
        /// A changelog: Keep a Changelog, Debian's, or Markdown headings with versions. It becomes
        /// the deb and rpm changelog and the release notes. Without it there is one entry, the
        /// version itself.
        changelog: Option<Spanned<Path>>,
        /// Who holds the copyright: a line of Debian's `copyright` and of Info.plist.
        copyright: Option<Line> => "the authors",
        /// `Name <mail>`; the first is the deb's Maintainer and the rpm's Vendor.
        authors: Vec<Spanned<Line>>,
        /// Where users read about it.
        homepage: Option<Spanned<Url>>,
        /// Where its source is.
        repository: Option<Spanned<Url>>,
        /// One PNG of 1024 pixels or more; every other size and kind is derived.
        icon: Option<Spanned<Path>>,
        /// Build time of every file, RFC 3339. `SOURCE_DATE_EPOCH` wins; the clock is never asked.
        date: Option<Spanned<Date>> => "1980-01-01T00:00:00Z",
    }
}

fn check_package(package: &PackageTable, node: &Node, to: &mut Decoder) {
    if package.release == 0 {
        let place = node.get("release").and_then(|node| node.place.as_ref());
        to.note("manifest.value", "`package.release` is 0, and is counted from 1", place);
    }
}

/// A moment in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(
    /// Seconds since 1970-01-01 UTC.
    pub u64,
);

/// Where the version comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionSource {
    /// It is written here.
    Literal(Version),
    /// `version` of Cargo.toml.
    Cargo,
    /// The newest tag that is a version.
    GitTag,
    /// The first line of a file.
    File(String),
    /// An environment variable.
    Env(String),
}

table! {
    /// One table per system, each saying for which architectures and in which formats it is made.
    /// Without `[targets]`: every target for which all `bin` sources exist, in the default formats
    /// of its system.
    pub struct Targets {
        /// Linux: `x86_64`, `aarch64`, `armv7`, `i686`, `riscv64`, `powerpc64le`, `s390x`,
        /// `loongarch64`; each also with `-musl`.
        linux: Option<Spanned<Platform>>,
        /// macOS: `x86_64`, `aarch64`, `universal`.
        macos: Option<Spanned<Platform>>,
        /// Windows: `x86_64`, `aarch64`, `i686`.
        windows: Option<Spanned<Platform>>,
        /// FreeBSD: `x86_64`, `aarch64`. Archives only.
        freebsd: Option<Spanned<Platform>>,
    }
}

impl Targets {
    /// The systems that are asked for.
    pub fn by_os(&self) -> impl Iterator<Item = (Os, &Spanned<Platform>)> {
        let all = [
            (Os::Linux, &self.linux),
            (Os::Macos, &self.macos),
            (Os::Windows, &self.windows),
            (Os::Freebsd, &self.freebsd),
        ];
        all.into_iter().filter_map(|(os, platform)| Some((os, platform.as_ref()?)))
    }
}

table! {
    /// Architectures and formats of one system; every pair is an artifact.
    pub struct Platform {
        /// Architectures, by Rust's names; on Linux also with `-musl`.
        arch: Vec<Spanned<String>> => "those for which all `bin` sources exist",
        /// Formats, by their spelling: `deb`, `tar.gz`.
        formats: Vec<Spanned<String>> => "linux: deb rpm appimage tar.gz; macos: dmg pkg; windows: nsis zip; freebsd: tar.gz",
    }
}

impl Decode for PackageName {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let mut name = None;
        to.checked(node, |text| match Self::parse(text) {
            Ok(parsed) => {
                name = Some(parsed);
                Ok(())
            }
            Err(error) => Err(Problem::new(error.to_string())),
        })?;
        name
    }

    fn shape() -> Shape {
        Shape::Text("a package name")
    }
}

impl Decode for VersionSource {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let from = match &node.value {
            Value::String(_) => {
                let mut version = None;
                to.checked(node, |text| {
                    version = Some(Version::parse(text).map_err(|e| Problem::new(e.to_string()))?);
                    Ok(())
                })?;
                return version.map(Self::Literal);
            }
            Value::Table(_) => node,
            _ => {
                to.wrong_type(node, "a string or a table `{ from = … }`");
                return None;
            }
        };
        to.unknown_keys(from, &["from".to_owned()]);
        let text: Spanned<String> = to.field(from, "from")?;
        let found = match text.split_once(':') {
            None if text.value == "cargo" => Some(Self::Cargo),
            None if text.value == "git-tag" => Some(Self::GitTag),
            Some(("file", path)) if !path.is_empty() => Some(Self::File(path.to_owned())),
            Some(("env", name)) if !name.is_empty() => Some(Self::Env(name.to_owned())),
            _ => None,
        };
        if found.is_none() && !to.deferred(&text) {
            let problem = Problem::new(format!("a version cannot come from `{}`", text.value))
                .hint("it can come from `cargo`, `git-tag`, `file:PATH` or `env:NAME`");
            to.problem(problem, text.place.as_ref());
        }
        found
    }

    fn shape() -> Shape {
        Shape::Either(vec![
            Shape::Text("a semantic version"),
            Shape::Record(
                "VersionFrom",
                vec![("from", Shape::Text("cargo, git-tag, file:PATH or env:NAME"), true)],
            ),
        ])
    }
}

impl Decode for Date {
    fn decode(node: &Node, to: &mut Decoder) -> Option<Self> {
        let (Value::String(text) | Value::Datetime(text)) = &node.value else {
            to.wrong_type(node, "a date");
            return None;
        };
        let seconds = rfc3339(text);
        if seconds.is_none() && !to.deferred(text) {
            let problem = Problem::new(format!("`{text}` is no date"))
                .hint("RFC 3339, from 1970 on: 2026-01-31T12:00:00Z");
            to.problem(problem, node.place.as_ref());
        }
        seconds.map(Self)
    }

    fn shape() -> Shape {
        Shape::Either(vec![Shape::Date, Shape::Text("an RFC 3339 date")])
    }
}

/// Seconds since 1970 of `2026-01-31`, `2026-01-31T12:00:00Z`, `2026-01-31 12:00:00+02:00`.
fn rfc3339(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let dash = |at: usize, what: &str| (text.get(at..=at)? == what).then_some(());
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    dash(4, "-").and(dash(7, "-"))?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let midnight = days(year, month, day) * 86_400;
    if text.len() == 10 {
        return u64::try_from(midnight).ok();
    }
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    dash(13, ":").and(dash(16, ":"))?;
    if !text.get(10..11).is_some_and(|c| matches!(c, "T" | "t" | " "))
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let rest = text.get(19..)?;
    let zone = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes): (i64, i64) =
                (zone.get(1..3)?.parse().ok()?, zone.get(4..6)?.parse().ok()?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    u64::try_from(midnight + hour * 3600 + minute * 60 + second - offset).ok()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
        - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        for (text, want) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1980-01-01", Some(315_532_800)),
            ("2024-02-29T23:59:59.5Z", Some(1_709_251_199)),
            ("2026-01-31 12:00:00+02:00", Some(1_769_853_600)),
            ("2025-02-29", None),
            ("1969-12-31", None),
            ("2026-01-31T12:00:00", None),
            ("yesterday", None),
        ] {
            assert_eq!(rfc3339(text), want, "{text}");
        }
    }
}
