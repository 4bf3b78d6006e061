//! The first paragraph of prose in a README: what a project says it is.

/// Finds it; without markup.
pub(super) fn first_paragraph(text: &str) -> Option<String> {
    let mut paragraphs = Vec::new();
    let (mut lines, mut fence) = (Vec::new(), false);
    for line in text.lines().chain([""]) {
        let line = line.trim();
        let is_fence = line.starts_with("```") || line.starts_with("~~~");
        fence ^= is_fence;
        if line.is_empty() || is_fence || fence {
            paragraphs.push(std::mem::take(&mut lines));
        } else {
            lines.push(line);
        }
    }
    let prose = paragraphs.iter().filter(|lines| lines.iter().all(|line| is_prose(line)));
    prose.map(|lines| plain(&lines.join(" "))).find(|text| is_sentence(text))
}

/// No heading, list, table, quote, picture, link definition or HTML.
fn is_prose(line: &str) -> bool {
    !line.starts_with(['#', '<', '|', '>', '!', '=', '-', '+', '['])
        && !line.starts_with("* ")
        && !line.starts_with(|c: char| c.is_ascii_digit())
        && !line.contains("<img")
}

/// Long enough to say something, and ended.
fn is_sentence(text: &str) -> bool {
    text.split_whitespace().count() >= 4 && text.ends_with(['.', '!', '?'])
}

/// Links become their text; stars and backquotes go.
fn plain(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, label, after)) = next_link(rest) {
        out.push_str(before.strip_suffix('!').unwrap_or(before));
        out.push_str(label);
        rest = after;
    }
    out.push_str(rest);
    out.replace("**", "").replace(['`', '*'], "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `before [label](target) after`, or `before [label][name] after`.
fn next_link(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find('[')?;
    let close = open + text[open..].find(']')?;
    let rest = &text[close + 1..];
    let end = match rest.chars().next() {
        Some('(') => rest.find(')')?,
        Some('[') => rest.find(']')?,
        _ => return Some((&text[..open], &text[open + 1..close], rest)),
    };
    Some((&text[..open], &text[open + 1..close], &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_badges_and_code_are_passed_over() {
        let text = "# hi\n\n[![build](https://x)](https://y)\n<p align=\"center\">\n\n```\nno prose.\n```\n\n\
                    `hi` is a [small tool](https://hi)\nfor **saying** hi.\n\nMore.\n";
        assert_eq!(first_paragraph(text).unwrap(), "hi is a small tool for saying hi.");
    }

    #[test]
    fn a_readme_without_prose_has_no_paragraph() {
        assert_eq!(first_paragraph("# hi\n\n- one\n- two\n\nSee below\n"), None);
        assert_eq!(first_paragraph(""), None);
    }

    #[test]
    fn an_open_bracket_is_only_a_character() {
        assert_eq!(
            first_paragraph("This tool reads a [ from you.").unwrap(),
            "This tool reads a [ from you."
        );
    }
}
