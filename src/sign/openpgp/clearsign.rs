//! Texts with their signature around them, as in `InRelease`.
//!
//! Format: RFC 9580, section 7. A line that begins with `-` gets `- ` in front; blanks at the ends
//! of lines and the last line end are not signed; line ends are signed as CR LF.

/// What is hashed. `None` for a carriage return that is not in front of a line feed: some readers take
/// it for a line end, some for a blank, some for neither.
pub(super) fn canonical(text: &str) -> Option<String> {
    let lines: Vec<_> = lines(text).map(|line| line.trim_end_matches([' ', '\t'])).collect();
    lines.iter().all(|line| !line.contains('\r')).then(|| lines.join("\r\n"))
}

/// The message: text and armored signature.
pub(super) fn message(text: &str, hash: &str, signature: &str) -> String {
    let mut message = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: {hash}\n\n");
    for line in lines(text) {
        if line.starts_with('-') {
            message.push_str("- ");
        }
        message.push_str(line);
        message.push('\n');
    }
    message + signature
}

/// Lines without their ends; a last line end begins no line.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_at_line_ends_and_the_last_line_end_are_not_signed() {
        assert_eq!(canonical("a \t\n- b\r\n\n").unwrap(), "a\r\n- b\r\n");
        assert_eq!(canonical("a"), canonical("a\n"));
    }

    #[test]
    fn a_carriage_return_alone_is_refused() {
        for text in ["a\rb\n", "a\r\r\n", "a\r \n", "a\n\rb"] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_line_that_begins_with_a_dash_is_escaped() {
        let want = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\na\n- -b\n- - c\nSIGNATURE";
        assert_eq!(message("a\n-b\n- c\n", "SHA512", "SIGNATURE"), want);
    }
}
