//! Names and versions as rpm spells them, and rpm's order of versions.
//!
//! Format: rpm `docs/man/rpm-version.7`, `rpmio/rpmvercmp.c`.

use std::cmp::Ordering;

use super::options::RpmOptions;
use crate::{
    diagnostic::Diagnostic,
    package::{Package, Version},
};

/// The architecture of packages that serve every machine.
pub const NOARCH: &str = "noarch";

/// What name, version and architecture are in rpm's spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `NAME`.
    pub name: String,
    /// `EPOCH`; 0 is no epoch.
    pub epoch: Option<u32>,
    /// `VERSION`.
    pub version: String,
    /// `RELEASE`.
    pub release: String,
    /// `ARCH`: `x86_64`, `noarch`.
    pub arch: String,
}

impl Facts {
    /// From the package and the `[rpm]` table.
    pub fn of(package: &Package, options: &RpmOptions) -> Result<Self, Diagnostic> {
        let name = options.name.as_ref().map_or(&package.name, |name| &name.value);
        Ok(Self {
            name: name.to_string(),
            epoch: options.epoch.filter(|epoch| *epoch > 0),
            version: version(&package.version),
            release: package.release.to_string(),
            arch: arch(package)?,
        })
    }

    /// `V-R`.
    pub fn version_release(&self) -> String {
        format!("{}-{}", self.version, self.release)
    }

    /// `[E:]V-R`, as relations say it.
    pub fn evr(&self) -> String {
        let epoch = self.epoch.map(|epoch| format!("{epoch}:")).unwrap_or_default();
        epoch + &self.version_release()
    }

    /// `N-V-R`.
    pub fn nvr(&self) -> String {
        format!("{}-{}", self.name, self.version_release())
    }

    /// `N-V-R.ARCH.rpm`.
    pub fn file_name(&self) -> String {
        format!("{}.{}.rpm", self.nvr(), self.arch)
    }

    /// Whether it serves every machine.
    pub fn is_noarch(&self) -> bool {
        self.arch == NOARCH
    }
}

fn arch(package: &Package) -> Result<String, Diagnostic> {
    match package.target.arch.rpmarch() {
        _ if package.any_arch => Ok(NOARCH.to_owned()),
        "" => {
            let text = format!("rpm has no architecture for {}", package.target);
            Err(Diagnostic::cannot("rpm.architecture", text))
        }
        name => Ok(name.to_owned()),
    }
}

/// `1.2.0-alpha-2+b-1` → `1.2.0~alpha.2+b.1`: a tilde sorts before the end, and a hyphen would start
/// the release.
pub fn version(version: &Version) -> String {
    let part = |mark: &str, text: &str| match text {
        "" => String::new(),
        text => format!("{mark}{}", text.replace('-', ".")),
    };
    version.core() + &part("~", version.pre()) + &part("+", version.build())
}

/// Compares two `[epoch:]version[-release]` as rpm does; no epoch is 0.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (Parts::of(a), Parts::of(b));
    a.epoch.cmp(&b.epoch).then_with(|| vercmp(a.version, b.version)).then_with(|| {
        match (a.release, b.release) {
            (Some(a), Some(b)) => vercmp(a, b),
            // none is older than any, one of separators alone included
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    })
}

struct Parts<'a> {
    epoch: u64,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (epoch, rest) = text.split_once(':').unwrap_or(("", text));
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release)),
            None => (rest, None),
        };
        Self { epoch: epoch.parse().unwrap_or(0), version, release }
    }
}

/// Compares two versions, or two releases: segments of digits or letters one by one, whatever
/// separates them.
pub fn vercmp(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        (a, b) = (skip_separators(a), skip_separators(b));
        let order = rank(a).cmp(&rank(b));
        match a.first() {
            _ if order.is_ne() => return order,
            None => return Ordering::Equal,
            Some(b'~' | b'^') => (a, b) = (&a[1..], &b[1..]),
            Some(first) => {
                let number = first.is_ascii_digit();
                let (segment_a, rest_a) = segment(a, number);
                let (segment_b, rest_b) = segment(b, number);
                if segment_b.is_empty() {
                    // numbers are newer than letters
                    return if number { Ordering::Greater } else { Ordering::Less };
                }
                let order = compare_segments(segment_a, segment_b, number);
                if order.is_ne() {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
        }
    }
}

/// A tilde is older than the end, the end than a caret, a caret than anything else.
fn rank(text: &[u8]) -> u8 {
    match text.first() {
        Some(b'~') => 0,
        None => 1,
        Some(b'^') => 2,
        Some(_) => 3,
    }
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let counts = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^');
    &text[text.iter().position(counts).unwrap_or(text.len())..]
}

fn segment(text: &[u8], number: bool) -> (&[u8], &[u8]) {
    let fits = |byte: &u8| if number { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
    text.split_at(text.iter().position(|byte| !fits(byte)).unwrap_or(text.len()))
}

/// Numbers of any length, zeros in front do not count; letters by their bytes.
fn compare_segments(a: &[u8], b: &[u8], number: bool) -> Ordering {
    if !number {
        return a.cmp(b);
    }
    let digits = |text: &[u8]| {
        let zeros = text.iter().take_while(|byte| **byte == b'0').count();
        text[zeros..].to_vec()
    };
    let (a, b) = (digits(a), digits(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::{super::options, *};
    use crate::package::sample;

    fn facts(version: &str, release: u32, options: &RpmOptions) -> Facts {
        let version = Version::parse(version).unwrap();
        Facts::of(&Package { version, release, ..sample() }, options).unwrap()
    }

    #[test]
    fn a_file_is_named_by_name_version_release_and_architecture() {
        let facts = facts("1.2.0-rc.1", 3, &options::sample("epoch = 2"));
        assert_eq!(facts.file_name(), "sample-1.2.0~rc.1-3.x86_64.rpm");
        assert_eq!(facts.evr(), "2:1.2.0~rc.1-3");
    }

    #[test]
    fn hyphens_become_dots_in_a_version() {
        let version = |text: &str| version(&Version::parse(text).unwrap());
        assert_eq!(version("1.2.0-alpha-2+b-1"), "1.2.0~alpha.2+b.1");
        assert_eq!(version("1.2.0+build.5"), "1.2.0+build.5");
    }

    #[test]
    fn a_package_for_every_machine_is_noarch() {
        let package = Package { any_arch: true, ..sample() };
        assert!(Facts::of(&package, &options::sample("")).unwrap().is_noarch());
    }

    #[test]
    fn versions_sort_as_rpm_version_says() {
        let rising = [
            &["1.0~rc1", "1.0", "1.0^git1", "1.0.1"][..],
            &["1.2.0~alpha.2", "1.2.0~rc.1", "1.2.0", "1.2.0+build.5", "1.2.1"],
            &["1.0a", "1.0.1", "1.10"],
            &["1.0-1", "1.0-2", "1.0-10", "1:0.1-1"],
        ];
        for row in rising {
            for pair in row.windows(2) {
                assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
                assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
            }
        }
    }

    #[test]
    fn separators_and_zeros_in_front_do_not_count() {
        for (a, b) in [("1.0", "1_0"), ("1.01", "1.1"), ("0:1-1", "1-1"), ("1.0.", "1.0")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
    }

    fn rpm_says(a: &str, b: &str) -> Option<i32> {
        let lua = format!("%{{lua: print(rpm.vercmp(\"{a}\", \"{b}\"))}}");
        let done = Command::new("rpm").args(["--eval", &lua]).output().ok()?;
        String::from_utf8(done.stdout).ok()?.trim().parse().ok()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rpm_agrees(a in "[0-9][0-2a-b.+~^]{0,6}(-[0-2a-b.+~^]{1,3})?",
                      b in "[0-9][0-2a-b.+~^]{0,6}(-[0-2a-b.+~^]{1,3})?") {
            // Without rpm there is nothing to compare with; the vectors above remain.
            if let Some(says) = rpm_says(&a, &b) {
                prop_assert_eq!(compare(&a, &b), says.cmp(&0), "{} {}", a, b);
            }
        }
    }
}
