//! `/usr/share/doc/N/copyright`, machine-readable.
//!
//! Format: <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>.

use serde::Serialize;

use crate::{package::Package, template};

const TEMPLATE: &str = include_str!("../../../templates/deb/copyright");

/// SPDX identifiers whose texts are on every Debian system, with the file's name there (base-files
/// 12.4). Lintian refuses copies of them.
#[rustfmt::skip]
const COMMON: &[(&str, &str)] = &[
    ("Apache-2.0", "Apache-2.0"), ("Artistic-1.0-Perl", "Artistic"), ("CC0-1.0", "CC0-1.0"),
    ("GFDL-1.2", "GFDL-1.2"), ("GFDL-1.3", "GFDL-1.3"), ("GPL-1.0", "GPL-1"),
    ("GPL-2.0", "GPL-2"), ("GPL-3.0", "GPL-3"), ("LGPL-2.0", "LGPL-2"),
    ("LGPL-2.1", "LGPL-2.1"), ("LGPL-3.0", "LGPL-3"), ("MPL-1.1", "MPL-1.1"),
    ("MPL-2.0", "MPL-2.0"),
];

#[derive(Serialize)]
struct Values {
    title: String,
    contact: Option<String>,
    source: Option<String>,
    holders: String,
    license: String,
    /// The text, when there is one licence.
    single: Option<String>,
    /// The texts, when there are several.
    parts: Vec<Part>,
    /// Those of models.
    models: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    name: String,
    text: String,
}

/// The file. `texts` are the licence files that could be read: name and content; `models` those that
/// came with models.
pub(super) fn text(
    package: &Package,
    texts: &[(String, String)],
    models: Vec<(String, String)>,
) -> String {
    let ids = identifiers(&package.license);
    let mut parts: Vec<_> = ids
        .iter()
        .map(|id| Part { name: short_name(id), text: indent(&license_text(id, &ids, texts)) })
        .collect();
    let single = (parts.len() == 1).then(|| parts.remove(0).text);
    let values = Values {
        title: one_line(&package.title),
        contact: package.authors.first().map(|author| one_line(author)),
        source: package.repository.clone().or_else(|| package.homepage.clone()),
        holders: holders(package, texts),
        license: expression(&package.license),
        single,
        parts,
        models: models
            .into_iter()
            .map(|(name, text)| Part { name, text: indent(text.trim()) })
            .collect(),
    };
    template::render(TEMPLATE, &values).trim_end().to_owned() + "\n"
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// As written in the manifest, else in the licence files, else the authors.
fn holders(package: &Package, texts: &[(String, String)]) -> String {
    let written = package.copyright.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if let Some(text) = written {
        return text.lines().map(str::trim).collect::<Vec<_>>().join("\n ");
    }
    let lines = texts.iter().flat_map(|(_, text)| text.lines());
    let mut notices: Vec<_> = lines.filter_map(notice).collect();
    notices.dedup();
    match (notices.is_empty(), package.authors.is_empty()) {
        (false, _) => notices.join("\n "),
        (true, true) => format!("the authors of {}", one_line(&package.title)),
        (true, false) => {
            package.authors.iter().map(|a| one_line(a)).collect::<Vec<_>>().join("\n ")
        }
    }
}

/// `Copyright (c) 2024 Ana` → `2024 Ana`. A year has to be there: templates have none.
fn notice(line: &str) -> Option<String> {
    let rest = line.trim().strip_prefix("Copyright")?;
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ':');
    let rest = ["(c)", "(C)", "©"].iter().find_map(|mark| rest.strip_prefix(mark)).unwrap_or(rest);
    let rest = one_line(rest);
    rest.get(..4)?.bytes().all(|b| b.is_ascii_digit()).then_some(rest)
}

/// The identifiers of an SPDX expression, each once, exceptions left out.
fn identifiers(expression: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut exception = false;
    for word in expression.split(|c: char| c.is_whitespace() || "()/".contains(c)) {
        match word {
            "" | "AND" | "OR" | "and" | "or" => {}
            "WITH" | "with" => exception = true,
            _ if exception => exception = false,
            id if all.iter().any(|there| there == id) => {}
            id => all.push(id.to_owned()),
        }
    }
    all
}

/// The expression in this format's words: `GPL-2+ or Expat`.
fn expression(spdx: &str) -> String {
    let spaced = spdx.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words = spaced.split_whitespace().map(|word| match word {
        "AND" | "OR" | "WITH" => word.to_lowercase(),
        word => short_name(word),
    });
    words.collect::<Vec<_>>().join(" ").replace("( ", "(").replace(" )", ")")
}

/// `GPL-2.0-or-later` → `GPL-2+`.
fn short_name(id: &str) -> String {
    let (base, later) = base(id);
    let name = COMMON.iter().find(|(spdx, _)| *spdx == base).map_or(base, |(_, name)| name);
    format!("{name}{}", if later { "+" } else { "" })
}

/// The identifier without what says "or later".
fn base(id: &str) -> (&str, bool) {
    let later = id.strip_suffix("-or-later").or_else(|| id.strip_suffix('+'));
    match later {
        Some(base) => (base, true),
        None => (id.strip_suffix("-only").unwrap_or(id), false),
    }
}

fn license_text(id: &str, ids: &[String], texts: &[(String, String)]) -> String {
    let common = COMMON.iter().find(|(spdx, _)| *spdx == base(id).0);
    if let Some((_, file)) = common {
        return format!(
            "On Debian systems, the complete text of this license can be found in\n\
             /usr/share/common-licenses/{file}."
        );
    }
    let of_this = texts.iter().filter(|(name, _)| of_license(name, ids).as_deref() == Some(id));
    let text: Vec<_> = of_this.map(|(_, text)| text.trim()).collect();
    if text.is_empty() {
        return format!("The text of this license is at https://spdx.org/licenses/{id}.html.");
    }
    text.join("\n\n")
}

/// Whose text a file is: the licence its name mentions, else the first that no file mentions.
fn of_license(name: &str, ids: &[String]) -> Option<String> {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_uppercase();
    let word = |id: &String| id.split('-').next().unwrap_or(id).to_ascii_uppercase();
    let mentioned = ids.iter().find(|id| name.contains(&word(id)));
    let not_common = |id: &&String| !COMMON.iter().any(|(spdx, _)| *spdx == base(id).0);
    mentioned.or_else(|| ids.iter().find(not_common)).cloned()
}

/// Every line begins with a blank; an empty one is a full stop.
fn indent(text: &str) -> String {
    let line = |line: &str| match line.trim_end() {
        "" => " .".to_owned(),
        line => format!(" {line}"),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::sample;

    #[test]
    fn one_license_stands_with_the_files() {
        let texts = [("LICENSE".to_owned(), "Permission is\n\ngranted\n".to_owned())];
        let want = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
                    Upstream-Name: Sample\n\
                    Upstream-Contact: Ana Example <ana@example.org>\n\
                    Source: https://example.org\n\
                    \n\
                    Files: *\n\
                    Copyright: Ana Example <ana@example.org>\n\
                    License: MIT\n Permission is\n .\n granted\n";
        assert_eq!(text(&sample(), &texts, Vec::new()), want);
    }

    #[test]
    fn holders_are_read_from_the_license_files() {
        let license = "MIT\n\nCopyright (c) 2024 Ana Example\nCopyright [yyyy] [name]\n";
        let texts = [("LICENSE".to_owned(), license.to_owned())];
        assert_eq!(holders(&sample(), &texts), "2024 Ana Example");
    }

    #[test]
    fn several_licenses_have_paragraphs_and_common_ones_are_referred_to() {
        let package = Package { license: "MIT OR Apache-2.0".into(), ..sample() };
        let texts = [
            ("LICENSE-MIT".to_owned(), "permission".to_owned()),
            ("LICENSE-APACHE".to_owned(), "a long text".to_owned()),
        ];
        let text = text(&package, &texts, Vec::new());
        assert!(
            text.contains("License: MIT or Apache-2.0\n\nLicense: MIT\n permission\n\n"),
            "{text}"
        );
        assert!(text.ends_with(" /usr/share/common-licenses/Apache-2.0.\n"), "{text}");
        assert!(!text.contains("a long text"));
    }

    #[test]
    fn expressions_are_written_in_the_words_of_the_format() {
        assert_eq!(
            expression("(GPL-2.0-or-later OR MIT) AND LGPL-2.1-only"),
            "(GPL-2+ or MIT) and LGPL-2.1"
        );
        assert_eq!(identifiers("GPL-2.0-only WITH Classpath-exception-2.0"), ["GPL-2.0-only"]);
    }

    #[test]
    fn licences_of_models_have_their_own_paragraph() {
        let models = vec![("coder-3b".to_owned(), "Permission\n\nis granted.\n".to_owned())];
        let text = text(&sample(), &[], models);
        let want = "\nFiles: */models/*\nCopyright: the authors of coder-3b, as its licence says\n\
                    License: coder-3b\n Permission\n .\n is granted.\n";
        assert!(text.ends_with(want), "{text}");
    }
}
