//! Libraries whose Debian package and minimum version are known without a Debian system.
//!
//! From the symbols files of Debian 12 (libc6 2.36, gcc 12.2, zlib1g 1.2.13, libssl3 3.0);
//! tables and sources: docs/formats/deb.md, section 12.

use std::collections::BTreeSet;

use super::super::version::compare;

/// What Debian calls a library.
pub(super) struct Known {
    /// Package, or alternatives of equal worth.
    pub(super) packages: &'static [&'static str],
    /// The oldest version that has everything.
    pub(super) minimum: Option<String>,
}

/// A version name that the tables do not have.
pub(super) struct UnknownVersion(pub(super) String);

type Versions = BTreeSet<String>;
type Minimum = fn(&str) -> Option<String>;

/// A row: sonames (a `*` at the end: any that start so), packages, the version without any name,
/// and what a version name means.
type Row = (&'static [&'static str], &'static [&'static str], Option<&'static str>, Minimum);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (&["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libutil.so.1",
       "libresolv.so.2", "libanl.so.1", "libmvec.so.1", "ld-linux*", "ld64.so.*"],
                                          &["libc6"],                 None,            glibc),
    (&["libstdc++.so.6"],                 &["libstdc++6"],            Some("4.1.1"),   libstdcxx),
    (&["libgcc_s.so.1"],                  &["libgcc-s1"],             Some("3.0"),     libgcc),
    (&["libgomp.so.1"],                   &["libgomp1"],              Some("4.2.1"),   libgomp),
    (&["libz.so.1"],                      &["zlib1g"],                Some("1:1.1.4"), zlib),
    (&["libssl.so.3", "libcrypto.so.3"],  &["libssl3", "libssl3t64"], Some("3.0.0"),   openssl),
];

/// Looks a library up; `None` when the tables do not have it.
pub(super) fn lookup(soname: &str, versions: &Versions) -> Option<Result<Known, UnknownVersion>> {
    let fits = |pattern: &&str| match pattern.strip_suffix('*') {
        Some(start) => soname.starts_with(start),
        None => *pattern == soname,
    };
    let (_, packages, base, minimum) =
        ROWS.iter().find(|(sonames, ..)| sonames.iter().any(fits))?;
    Some(highest(versions, *base, *minimum).map(|minimum| Known { packages, minimum }))
}

fn highest(
    versions: &Versions,
    base: Option<&str>,
    minimum: Minimum,
) -> Result<Option<String>, UnknownVersion> {
    let mut highest = base.map(str::to_owned);
    for name in versions {
        let version = minimum(name).ok_or_else(|| UnknownVersion(name.clone()))?;
        if highest.as_ref().is_none_or(|highest| compare(highest, &version).is_lt()) {
            highest = Some(version);
        }
    }
    Ok(highest)
}

fn numbers(text: &str) -> Option<&str> {
    let fits = |c: char| c.is_ascii_digit() || c == '.';
    (text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(fits)).then_some(text)
}

/// `GLIBC_2.34` → `2.34`.
fn glibc(name: &str) -> Option<String> {
    match name {
        "GLIBC_ABI_DT_RELR" => Some("2.36".into()),
        _ => numbers(name.strip_prefix("GLIBC_")?).map(str::to_owned),
    }
}

/// `GCC_3.3.1` → `3.3.1`, `GCC_4.2.0` → `4.2`, `GCC_7.0.0` → `7`.
fn libgcc(name: &str) -> Option<String> {
    let mut version = numbers(name.strip_prefix("GCC_")?)?;
    let major: u32 = version.split('.').next()?.parse().ok()?;
    let least = if major < 5 { 2 } else { 1 };
    while version.split('.').count() > least {
        let Some(shorter) = version.strip_suffix(".0") else { break };
        version = shorter;
    }
    Some(version.to_owned())
}

fn openssl(name: &str) -> Option<String> {
    numbers(name.strip_prefix("OPENSSL_")?).map(str::to_owned)
}

fn zlib(name: &str) -> Option<String> {
    let version = match numbers(name.strip_prefix("ZLIB_")?)? {
        "1.2.3.3" | "1.2.3.4" => "1.2.3.4",
        "1.2.3.5" | "1.2.5.1" | "1.2.5.2" => "1.2.6",
        "1.2.7.1" => "1.2.8",
        "1.2.9" => "1.2.11.dfsg",
        "1.2.12" => "1.2.13.dfsg",
        old if compare(old, "1.2.2.4").is_le() => old,
        _ => return None,
    };
    Some(format!("1:{version}"))
}

fn libgomp(name: &str) -> Option<String> {
    #[rustfmt::skip]
    const TABLE: &[(&str, &str)] = &[
        ("GOMP_1.0", "4.2.1"), ("GOMP_2.0", "4.4"), ("GOMP_3.0", "4.7"), ("GOMP_4.0", "4.9"),
        ("GOMP_4.0.1", "5"), ("GOMP_4.5", "6"), ("GOMP_5.0", "9"), ("GOMP_5.0.1", "11"),
        ("GOMP_5.1", "12"),
        ("OMP_1.0", "4.2.1"), ("OMP_2.0", "4.2.1"), ("OMP_3.0", "4.4"), ("OMP_3.1", "4.7"),
        ("OMP_4.0", "4.9"), ("OMP_4.5", "6"), ("OMP_5.0", "9"), ("OMP_5.0.1", "11"),
        ("OMP_5.0.2", "12"), ("OMP_5.1", "12"),
        ("GOACC_2.0", "5"), ("GOACC_2.0.1", "6"), ("GOACC_2.0.2", "12"),
    ];
    in_table(TABLE, name)
}

fn in_table(table: &[(&str, &str)], name: &str) -> Option<String> {
    table.iter().find(|(known, _)| *known == name).map(|(_, version)| (*version).to_owned())
}

fn libstdcxx(name: &str) -> Option<String> {
    /// Last number of `GLIBCXX_3.4.N` and of `CXXABI_1.3.N`: (up to and including, version).
    /// Debian's own symbols file raises 3.4.23, 3.4.28 and 1.3.11.
    #[rustfmt::skip]
    const GLIBCXX: &[(u32, &str)] = &[
        (8, "4.1.1"), (9, "4.2.1"), (10, "4.3"), (12, "4.4"), (13, "4.4.2"), (14, "4.5"),
        (16, "4.6"), (17, "4.7"), (19, "4.8"), (20, "4.9"), (21, "5.2"), (22, "6"), (23, "10.2"),
        (24, "7"), (25, "8"), (26, "9"), (27, "9.1"), (28, "10.2"), (29, "11"), (30, "12"),
        (32, "13"), (33, "14"), (34, "15"),
    ];
    #[rustfmt::skip]
    const CXXABI: &[(u32, &str)] = &[
        (1, "4.1.1"), (8, "4.3"), (9, "5"), (10, "6"), (11, "10.2"), (12, "9"), (13, "11"),
        (14, "13"), (15, "14"), (16, "15"),
    ];
    #[rustfmt::skip]
    const OTHERS: &[(&str, &str)] = &[
        ("CXXABI_FLOAT128", "5"), ("CXXABI_TM_1", "4.7"), ("CXXABI_ARM_1.3.3", "4.4"),
        ("GLIBCXX_IEEE128_3.4.29", "11"), ("GLIBCXX_IEEE128_3.4.30", "12"),
    ];
    let (table, rest) = if let Some(rest) = name.strip_prefix("GLIBCXX_3.4") {
        (GLIBCXX, rest)
    } else if let Some(rest) = name.strip_prefix("CXXABI_1.3") {
        (CXXABI, rest)
    } else {
        return in_table(OTHERS, name);
    };
    let number: u32 = if rest.is_empty() { 0 } else { rest.strip_prefix('.')?.parse().ok()? };
    table.iter().find(|(up_to, _)| number <= *up_to).map(|(_, version)| (*version).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minimum(soname: &str, names: &[&str]) -> Option<String> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        match lookup(soname, &names) {
            Some(Ok(known)) => known.minimum,
            Some(Err(unknown)) => panic!("unknown {}", unknown.0),
            None => panic!("unknown {soname}"),
        }
    }

    #[test]
    fn version_names_become_the_versions_of_debians_symbols_files() {
        #[rustfmt::skip]
        let cases: &[(&str, &[&str], &str)] = &[
            ("libc.so.6", &["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.4"], "2.34"),
            ("libm.so.6", &["GLIBC_2.29"], "2.29"),
            ("ld-linux-x86-64.so.2", &["GLIBC_2.3"], "2.3"),
            ("libc.so.6", &["GLIBC_2.34", "GLIBC_ABI_DT_RELR"], "2.36"),
            ("libgcc_s.so.1", &["GCC_3.0"], "3.0"),
            ("libgcc_s.so.1", &["GCC_3.0", "GCC_4.2.0"], "4.2"),
            ("libgcc_s.so.1", &["GCC_7.0.0"], "7"),
            ("libgcc_s.so.1", &["GCC_12.0.0"], "12"),
            ("libstdc++.so.6", &["GLIBCXX_3.4"], "4.1.1"),
            ("libstdc++.so.6", &["GLIBCXX_3.4.21", "CXXABI_1.3.8"], "5.2"),
            ("libstdc++.so.6", &["GLIBCXX_3.4.26", "CXXABI_1.3.11"], "10.2"),
            ("libstdc++.so.6", &["GLIBCXX_3.4.32"], "13"),
            ("libgomp.so.1", &["GOMP_4.0", "OMP_1.0"], "4.9"),
            ("libz.so.1", &[], "1:1.1.4"),
            ("libz.so.1", &["ZLIB_1.2.2"], "1:1.2.2"),
            ("libz.so.1", &["ZLIB_1.2.3.5"], "1:1.2.6"),
            ("libssl.so.3", &["OPENSSL_3.0.0"], "3.0.0"),
        ];
        for (soname, names, want) in cases {
            assert_eq!(minimum(soname, names).as_deref(), Some(*want), "{soname} {names:?}");
        }
        assert_eq!(minimum("libc.so.6", &[]), None);
    }

    #[test]
    fn an_unknown_version_name_is_not_guessed() {
        for (soname, name) in [("libc.so.6", "GLIBC_PRIVATE"), ("libstdc++.so.6", "GLIBCXX_4.0")] {
            assert!(matches!(lookup(soname, &[name.to_owned()].into()), Some(Err(_))), "{name}");
        }
    }

    #[test]
    fn other_libraries_are_not_known() {
        assert!(lookup("libcurl.so.4", &Versions::new()).is_none());
    }
}
