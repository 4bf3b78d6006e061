//! The oldest Ollama that can run a model, and the one that the package brings.

use crate::{
    diagnostic::{Diagnostic, Place},
    resolve::work::Work,
};

/// A warning unless the Ollama of this package is known to be new enough.
pub(super) fn check(work: &mut Work<'_>, name: &str, oldest: &str, place: Option<&Place>) {
    let mut sources = work.root.payload.files.iter().filter_map(|item| item.source.as_ref());
    let brought = sources.find_map(|source| version_of_ollama(source));
    let needs = format!("`{name}` needs Ollama {oldest} or later to run");
    let message = match (brought, numbers(oldest)) {
        (Some((_, version)), Some(oldest)) if version >= oldest => return,
        (Some((text, _)), Some(_)) => format!("{needs}, and this package brings {text}"),
        _ => needs,
    };
    work.found.warning(Diagnostic::usage("ollama.requires", message).at(place.cloned()));
}

/// The version in the address of Ollama's own archives:
/// `https://…/ollama/releases/download/v0.15.2/ollama-linux-amd64.tar.zst`.
fn version_of_ollama(source: &str) -> Option<(String, [u64; 3])> {
    let file_name = source.rsplit('/').next()?;
    if !file_name.to_lowercase().starts_with("ollama") {
        return None;
    }
    let parts = source.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    parts.map(|part| part.trim_start_matches('v')).find_map(|part| {
        let dotted = part.matches('.').count() == 2;
        Some((part.to_owned(), numbers(part).filter(|_| dotted)?))
    })
}

/// `0.12.1` as numbers; what is left out is zero, a pre-release counts as its release.
fn numbers(text: &str) -> Option<[u64; 3]> {
    let text = text.trim().trim_start_matches('v');
    let text = text.split(['-', '+']).next()?;
    let mut numbers = [0; 3];
    let mut parts = text.split('.');
    for (at, part) in parts.by_ref().enumerate() {
        *numbers.get_mut(at)? = part.parse().ok()?;
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_in_the_address() {
        for (source, want) in [
            ("https://h/ollama/releases/download/v0.15.2/ollama-linux-amd64.tar.zst", "0.15.2"),
            ("vendor/0.32.15/ollama", "0.32.15"),
            ("vendor/ollama-0.9.0.tgz", ""),
            ("vendor/ollama", ""),
            ("app-1.2.3/app", ""),
        ] {
            let found = version_of_ollama(source).map(|(text, _)| text).unwrap_or_default();
            assert_eq!(found, want, "{source}");
        }
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("0.9.5") < numbers("0.12"));
        assert_eq!(numbers("v0.12.0-rc1"), Some([0, 12, 0]));
        assert_eq!(numbers("new"), None);
        assert_eq!(numbers("1.2.3.4"), None);
    }
}
