//! Texts that name places of an image which can be moved: what they are is known on the user's
//! machine only.
//!
//! `{{ dir.libexec }}/x` of a service or launcher in an archive becomes [`IMAGE`]`/libexec/x`. The
//! marks are noncharacters of Unicode, which no text of a manifest has a use for.

/// The folder that the image was unpacked to, without a slash at its end.
pub const IMAGE: char = '\u{FDD0}';
/// The directory of type `state`.
pub const STATE: char = '\u{FDD1}';
/// The directory of type `log`.
pub const LOG: char = '\u{FDD2}';
/// The directory of type `cache`.
pub const CACHE: char = '\u{FDD3}';

/// A piece of such a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// One of the marks.
    Mark(char),
}

/// A text in pieces; none of them is an empty text.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let is_mark = |c: char| [IMAGE, STATE, LOG, CACHE].contains(&c);
    let (mut all, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.find(is_mark) {
        let mark = rest[at..].chars().next().expect("it was just found");
        if at > 0 {
            all.push(Piece::Text(&rest[..at]));
        }
        all.push(Piece::Mark(mark));
        rest = &rest[at + mark.len_utf8()..];
    }
    if !rest.is_empty() {
        all.push(Piece::Text(rest));
    }
    all
}

/// Whether a text depends on where the image is.
pub fn moves(text: &str) -> bool {
    pieces(text).iter().any(|piece| matches!(piece, Piece::Mark(_)))
}

/// The text relative to the image: what its layout says.
pub fn within(text: &str) -> String {
    let mark = IMAGE.to_string();
    text.replace(&(mark.clone() + "/"), "").replace(&mark, ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_apart_at_its_marks() {
        let text = format!("--dir={IMAGE}/lib:{STATE}");
        let want =
            [Piece::Text("--dir="), Piece::Mark(IMAGE), Piece::Text("/lib:"), Piece::Mark(STATE)];
        assert_eq!(pieces(&text), want);
        assert!(moves(&text) && !moves("/usr/lib") && pieces("").is_empty());
        assert_eq!(within(&format!("{IMAGE}/bin/x")), "bin/x");
    }
}
