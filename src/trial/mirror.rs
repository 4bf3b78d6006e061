//! The Debian mirror this machine uses: sources.list(5), both formats.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The address that the machine's own settings name for a release; else the first of them.
pub(super) fn of_machine(apt: &Path, suite: &str) -> Option<String> {
    let pairs: Vec<_> = files(apt).iter().flat_map(|path| sources(path)).collect();
    let own = pairs.iter().find(|(name, _)| name == suite);
    own.or(pairs.first()).map(|(_, uri)| uri.clone())
}

fn files(apt: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<_> = fs::read_dir(apt.join("sources.list.d"))
        .map(|items| items.flatten().map(|item| item.path()).collect())
        .unwrap_or_default();
    // deb822 first: it is what a machine's own release is written in today
    parts.sort_by_key(|path| (path.extension().is_none_or(|ext| ext != "sources"), path.clone()));
    let at = parts.iter().position(|path| path.extension().is_none_or(|ext| ext != "sources"));
    parts.insert(at.unwrap_or(parts.len()), apt.join("sources.list"));
    parts
}

/// Suite and address of every enabled source of packages.
fn sources(path: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let pairs = match path.extension().and_then(|ext| ext.to_str()) {
        Some("sources") => text.split("\n\n").flat_map(stanza).collect::<Vec<_>>(),
        Some("list") => text.lines().filter_map(line).collect(),
        _ => Vec::new(),
    };
    pairs.into_iter().filter(|(_, uri)| is_usable(uri)).collect()
}

fn is_usable(uri: &str) -> bool {
    ["http:", "https:", "file:", "copy:"].iter().any(|scheme| uri.starts_with(scheme))
}

fn stanza(text: &str) -> Vec<(String, String)> {
    let value = |key: &str| {
        let mut fields = text.lines().filter_map(|line| line.split_once(':'));
        fields
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map_or("", |(_, value)| value.trim())
    };
    let is_for_packages = value("Types").split_whitespace().any(|word| word == "deb");
    let uri = value("URIs").split_whitespace().next();
    match uri {
        Some(uri) if is_for_packages && !value("Enabled").eq_ignore_ascii_case("no") => {
            value("Suites").split_whitespace().map(|suite| (suite.into(), uri.into())).collect()
        }
        _ => Vec::new(),
    }
}

/// `deb [options] URI SUITE …`
fn line(text: &str) -> Option<(String, String)> {
    let rest = text.trim().strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace();
    let uri = words.next()?;
    Some((words.next()?.to_owned(), uri.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_the_release_wins_over_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let parts = dir.path().join("sources.list.d");
        fs::create_dir(&parts).unwrap();
        let text = "Enabled: no\nTypes: deb\nURIs: http://off/\nSuites: bookworm\n\n\
                    # ours\nTypes: deb deb-src\nURIs: http://a/debian http://b\nSuites: bookworm bookworm-updates\n";
        fs::write(parts.join("debian.sources"), text).unwrap();
        fs::write(
            dir.path().join("sources.list"),
            "# deb http://x y\ndeb [arch=amd64 trusted=yes] http://c/debian trixie main\n\
             deb-src http://d trixie main\ndeb cdrom:[x]/ trixie main\n",
        )
        .unwrap();
        let found = |suite| of_machine(dir.path(), suite);
        assert_eq!(found("bookworm").as_deref(), Some("http://a/debian"));
        assert_eq!(found("trixie").as_deref(), Some("http://c/debian"));
        assert_eq!(found("sid").as_deref(), Some("http://a/debian"));
    }

    #[test]
    fn a_machine_without_apt_has_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(of_machine(dir.path(), "bookworm"), None);
    }
}
