//! What went wrong, where, why, and what to do next.
//!
//! A [`Diagnostic`] is data; `cli/ui.rs` gives it colour and `--json`. Checks collect theirs in
//! [`Diagnostics`] so that one run reports every mistake of a manifest.

use std::{fmt, ops::Range, sync::Arc};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What kind of failure this is: the exit code of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Build, verification or comparison failed.
    Failed = 1,
    /// Usage, manifest or missing source.
    Usage = 2,
    /// A requested format, target or feature cannot be made, or a limit is exceeded.
    Cannot = 3,
    /// Signing or notarization failed.
    Signing = 4,
    /// Network or upload failed.
    Network = 5,
}

/// A text that places point into: a manifest as the user typed its name.
#[derive(Debug)]
pub struct SourceText {
    /// The file's name as the user typed it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A range of bytes in a [`SourceText`].
#[derive(Clone, Debug)]
pub struct Place {
    /// The text.
    pub source: Arc<SourceText>,
    /// Byte range in the text.
    pub span: Range<usize>,
}

/// Two places are the same when they are the same bytes of the same file.
impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.source.name == other.source.name && self.span == other.span
    }
}

impl Place {
    /// Line and column of the first byte, both counted from 1; the column in characters.
    pub fn line_column(&self) -> (usize, usize) {
        let before = &self.source.text[..self.bounded().start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The span, inside the text and between characters whatever it was.
    fn bounded(&self) -> Range<usize> {
        let text = &self.source.text;
        let floor =
            |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        let start = floor(self.span.start).unwrap_or(0);
        start..floor(self.span.end).unwrap_or(0).max(start)
    }

    /// What the line of the first byte holds before the span, of the span, and after it.
    fn in_line(&self) -> (&str, &str, &str) {
        let (text, span) = (&self.source.text, self.bounded());
        let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
        let line_end = start + text[start..end].trim_end_matches('\r').len();
        let at = span.start.min(line_end);
        let to = span.end.clamp(at, line_end);
        (&text[start..at], &text[at..to], &text[to..line_end])
    }
}

/// `pkggen.toml:14:8`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_column();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

/// One error or warning.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Stable, for scripts: `source.missing`, `limit.ar`.
    pub code: &'static str,
    /// What kind of failure.
    pub class: Class,
    /// One sentence, lower case, no full stop, values in backticks.
    pub message: String,
    /// Where in the manifest.
    pub place: Option<Place>,
    /// Said beside the caret: `looked in /home/ana/app`.
    pub label: Option<String>,
    /// What to do next, only when we know.
    pub hint: Option<String>,
    /// Deeper causes, outermost first, each once.
    pub causes: Vec<String>,
    /// The source line holds a secret and is not shown.
    pub secret: bool,
}

impl Diagnostic {
    /// An error without a place.
    pub fn new(class: Class, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            class,
            message: message.into(),
            place: None,
            label: None,
            hint: None,
            causes: Vec::new(),
            secret: false,
        }
    }

    /// A mistake in the manifest or on the command line.
    pub fn usage(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Usage, code, message)
    }

    /// Something that cannot be made.
    pub fn cannot(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Cannot, code, message)
    }

    /// Something that went wrong while working.
    pub fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Failed, code, message)
    }

    /// Something that cannot be signed, or not trusted.
    pub fn signing(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Class::Signing, code, message)
    }

    /// Where it is.
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.place = place.into();
        self
    }

    /// What to say beside the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// What to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The source line is not shown.
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Why; every deeper cause of `error` once, on its own line.
    pub fn caused_by(mut self, error: &dyn std::error::Error) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            if !self.causes.contains(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }
}

/// The message with its place, source line, caret, hint and causes, without colour.
///
/// ```text
/// error: payload `models/qwen-3b.gguf` does not exist
///   --> pkggen.toml:14:8
///    |
/// 14 | from = "models/qwen-3b.gguf"
///    |        ^^^^^^^^^^^^^^^^^^^^^ looked in /home/ana/app
/// hint: models/ has qwen2.5-3b.gguf
/// ```
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        if let Some(place) = &self.place {
            if self.secret {
                let gutter = place.line_column().0.to_string().len();
                write!(f, "\n{:gutter$}--> {place}", "")?;
            } else {
                write_place(f, place, self.label.as_deref())?;
            }
        } else if let Some(label) = &self.label {
            write!(f, "\n   = {label}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {}", hint.replace('\n', "\n      "))?;
        }
        for cause in &self.causes {
            write!(f, "\ncaused by: {cause}")?;
        }
        Ok(())
    }
}

fn write_place(f: &mut fmt::Formatter<'_>, place: &Place, label: Option<&str>) -> fmt::Result {
    let (line, _) = place.line_column();
    let gutter = line.to_string().len();
    let (before, spanned, after) = place.in_line();
    let (before, spanned) = (last(&shown(before), 80), first(&shown(spanned), 80));
    let room = 100_usize.saturating_sub(before.width() + spanned.width());
    let after = first(&shown(after), room.max(1));
    write!(f, "\n{:gutter$}--> {place}", "")?;
    write!(f, "\n{:gutter$} |", "")?;
    write!(f, "\n{}", format!("{line} | {before}{spanned}{after}").trim_end())?;
    let (indent, width) = (before.width(), spanned.width().max(1));
    write!(f, "\n{:gutter$} | {:indent$}{:^<width$}", "", "", "")?;
    label.map_or(Ok(()), |label| write!(f, " {label}"))
}

/// A text as one row of cells: a tab is one blank, what would steer a terminal is `\u{fffd}`.
fn shown(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let cell = |c: char| match c {
        '\t' => ' ',
        c if steers(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(cell).collect()
}

/// The beginning of a text that is too wide to show.
fn first(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let mut width = 1;
    let fits = text.chars().take_while(|c| {
        width += c.width().unwrap_or(0);
        width <= cells
    });
    fits.chain(['…']).collect()
}

/// The end of a text that is too wide to show.
fn last(text: &str, cells: usize) -> String {
    let back = first(&text.chars().rev().collect::<String>(), cells);
    back.chars().rev().collect()
}

impl std::error::Error for Diagnostic {}

/// The word that was most likely meant: the nearest one, if it is near.
pub fn similar<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let distances = known.into_iter().map(|known| (distance(word, known), known));
    distances.filter(|(distance, _)| *distance <= limit).min_by_key(|(d, _)| *d).map(|(_, k)| k)
}

/// How many letters have to be added, taken away, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<_>, Vec<_>) = (a.to_lowercase().chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// Errors and warnings of one pass, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagnostics {
    /// What stops the work.
    pub errors: Vec<Diagnostic>,
    /// What does not.
    pub warnings: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Notes an error unless the same one is there already.
    pub fn error(&mut self, diagnostic: Diagnostic) {
        if !self.errors.contains(&diagnostic) {
            self.errors.push(diagnostic);
        }
    }

    /// Notes a warning unless the same one is there already.
    pub fn warning(&mut self, diagnostic: Diagnostic) {
        if !self.warnings.contains(&diagnostic) {
            self.warnings.push(diagnostic);
        }
    }

    /// Takes over all of another pass.
    pub fn append(&mut self, other: Self) {
        other.errors.into_iter().for_each(|error| self.error(error));
        other.warnings.into_iter().for_each(|warning| self.warning(warning));
    }

    /// Nothing stops the work.
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The exit code: with several kinds of error the smallest one.
    pub fn exit_code(&self) -> u8 {
        self.errors.iter().map(|error| error.class as u8).min().unwrap_or(0)
    }

    /// Sorts by place, so that the report reads like the file.
    pub fn sort(&mut self) {
        let key = |d: &Diagnostic| d.place.as_ref().map(|p| (p.source.name.clone(), p.span.start));
        self.errors.sort_by_key(key);
        self.warnings.sort_by_key(key);
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(error: Diagnostic) -> Self {
        Self { errors: vec![error], warnings: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, word: &str) -> Place {
        let start = text.find(word).unwrap();
        let source = Arc::new(SourceText { name: "pkggen.toml".into(), text: text.into() });
        Place { source, span: start..start + word.len() }
    }

    #[test]
    fn an_error_shows_line_caret_label_and_hint() {
        let error = Diagnostic::usage("source.missing", "payload `b.gguf` does not exist")
            .at(place("[payload]\nfrom = \"b.gguf\"\n", "\"b.gguf\""))
            .label("looked in /app")
            .hint("models/ has a.gguf");
        let want = "error: payload `b.gguf` does not exist\n --> pkggen.toml:2:8\n  |\n\
                    2 | from = \"b.gguf\"\n  |        ^^^^^^^^ looked in /app\nhint: models/ has a.gguf";
        assert_eq!(error.to_string(), want);
    }

    fn drawn(text: &str, word: &str) -> Vec<String> {
        let error = Diagnostic::usage("x", "x").at(place(text, word)).to_string();
        error.lines().skip(3).map(str::to_owned).collect()
    }

    #[test]
    fn carets_stand_under_the_word_behind_tabs_and_wide_letters() {
        let rows = ["1 |  k = \"söhne\"", "  |      ^^^^^^^"];
        assert_eq!(drawn("\tk = \"söhne\"", "\"söhne\""), rows);
        let rows = ["1 | k = [\"日本\", 1]", "  |              ^"];
        assert_eq!(drawn("k = [\"日本\", 1]", "1"), rows);
    }

    #[test]
    fn a_span_of_several_lines_is_drawn_on_its_first() {
        assert_eq!(drawn("k = [\r\n 1,\r\n]\r\n", "[\r\n 1,\r\n]"), ["1 | k = [", "  |     ^"]);
    }

    #[test]
    fn long_lines_are_shown_around_the_place() {
        let line = format!("k = \"{}\" x {}", "a".repeat(5000), "b".repeat(5000));
        let rows = drawn(&line, "x");
        assert!(rows.iter().all(|row| row.chars().count() < 120), "{rows:?}");
        let column = rows[1].chars().position(|c| c == '^').unwrap();
        assert_eq!(rows[0].chars().nth(column), Some('x'));
    }

    #[test]
    fn what_would_steer_a_terminal_is_not_printed() {
        let rows = drawn("k = \"\u{1b}[31m\u{202e}\" # x", "x").concat();
        assert!(!rows.contains(['\u{1b}', '\u{202e}']));
    }

    #[test]
    fn a_span_outside_of_the_text_or_inside_of_a_letter_does_no_harm() {
        let source = Arc::new(SourceText { name: "m".into(), text: "ö".into() });
        for span in [1..2, 0..1, 5..9] {
            let error = Diagnostic::usage("x", "x").at(Place { source: source.clone(), span });
            assert!(error.to_string().contains("m:1:"));
        }
    }

    #[test]
    fn the_line_of_a_secret_is_not_shown() {
        let place = place("k = \"hunter2\"", "\"hunter2\"");
        let error = Diagnostic::usage("x", "x").at(place).secret();
        assert_eq!(error.to_string(), "error: x\n --> pkggen.toml:1:5");
    }

    #[test]
    fn the_word_that_was_meant_is_near() {
        assert_eq!(similar("versoin", ["name", "version"]), Some("version"));
        assert_eq!(similar("Version", ["name", "version"]), Some("version"));
        assert_eq!(similar("colour", ["name", "version"]), None);
        assert_eq!(similar("x", ["y", "name"]), Some("y"));
    }

    #[test]
    fn the_smallest_exit_code_wins() {
        let mut all = Diagnostics::from(Diagnostic::cannot("a", "a"));
        all.error(Diagnostic::usage("b", "b"));
        assert_eq!(all.exit_code(), 2);
    }
}
