//! Relations with the architectures they are for: `libfoo [armhf]`, `libbar [!amd64 !arm64]`.
//!
//! Source: Debian policy 7.1. A binary package has no such brackets: they are decided when it is
//! made.

use super::deb::Relation;
use crate::{
    diagnostic::{Diagnostic, Diagnostics, Place},
    manifest::Spanned,
    package::{Arch, Os},
};

/// A relation and where it holds.
#[derive(Debug, PartialEq)]
pub(super) struct Limited {
    /// Without the brackets.
    pub(super) text: String,
    /// Architectures it holds for; `None` is all of them.
    pub(super) arches: Option<Vec<Arch>>,
    /// Where it was written.
    pub(super) place: Option<Place>,
}

/// Takes the brackets off.
pub(super) fn limited(relation: &Relation, found: &mut Diagnostics) -> Vec<Limited> {
    relation.0.iter().filter_map(|word| one(word, found)).collect()
}

fn one(word: &Spanned<String>, found: &mut Diagnostics) -> Option<Limited> {
    let place = word.place.clone();
    let Some((text, list)) = word.split_once('[') else {
        return Some(Limited { text: word.value.clone(), arches: None, place });
    };
    let list: Vec<_> = list.trim().strip_suffix(']').unwrap_or("").split_whitespace().collect();
    let negated = list.iter().filter(|spec| spec.starts_with('!')).count();
    if list.is_empty() || list.iter().any(|spec| spec.contains(['[', ']'])) {
        let message = format!("`{}` has brackets that name no architectures", word.value);
        found.error(
            Diagnostic::usage("cargo.relation", message)
                .at(place)
                .hint("`name [amd64 arm64]` or `name [!amd64]`, each alternative alone"),
        );
        return None;
    }
    let fits = |arch: &&Arch| {
        let any = list.iter().any(|spec| matches(spec.trim_start_matches('!'), **arch));
        any != (negated > 0)
    };
    let arches = Os::Linux.arches().iter().filter(fits).copied().collect();
    Some(Limited { text: text.trim().to_owned(), arches: Some(arches), place })
}

/// Whether a name or wildcard of Debian's means this architecture.
fn matches(spec: &str, arch: Arch) -> bool {
    let name = arch.debarch();
    let cpu = if arch == Arch::Armv7 { "arm" } else { name };
    let spec = spec.strip_prefix("linux-").unwrap_or(spec);
    spec == name || spec == "any" || spec.strip_prefix("any-") == Some(cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arches(text: &str) -> (String, Option<Vec<Arch>>) {
        let words = Relation(vec![Spanned { value: text.to_owned(), place: None }]);
        let mut found = Diagnostics::default();
        let limited = limited(&words, &mut found).remove(0);
        (limited.text, limited.arches)
    }

    #[test]
    fn a_relation_without_brackets_holds_everywhere() {
        assert_eq!(arches("a | b (>= 1)"), ("a | b (>= 1)".into(), None));
    }

    #[test]
    fn brackets_name_architectures() {
        let (text, list) = arches("liba (>= 1) [armhf amd64]");
        assert_eq!(text, "liba (>= 1)");
        assert_eq!(list.unwrap(), [Arch::X86_64, Arch::Armv7]);
    }

    #[test]
    fn brackets_with_exclamation_marks_name_the_others() {
        let (_, list) = arches("liba [!amd64]");
        let list = list.unwrap();
        assert!(!list.contains(&Arch::X86_64) && list.contains(&Arch::Aarch64));
        assert_eq!(arches("a [any-arm]").1.unwrap(), [Arch::Armv7]);
        assert_eq!(arches("a [linux-any]").1.unwrap().len(), Os::Linux.arches().len());
    }

    #[test]
    fn empty_brackets_are_refused() {
        let words = Relation(vec![Spanned { value: "a []".into(), place: None }]);
        let mut found = Diagnostics::default();
        assert!(limited(&words, &mut found).is_empty());
        assert_eq!(found.errors[0].code, "cargo.relation");
    }
}
