//! The terminal: results on stdout, talk on stderr, colour, progress, `--json`.

#![allow(clippy::print_stderr, clippy::print_stdout)] // the one place that prints

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use serde::Serialize;

use super::args::{Color, Flags};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// What stdout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// Lines for people and `$(…)`.
    Text,
    /// One document.
    Json,
    /// One object per line.
    Events,
}

/// Where everything is printed.
#[allow(clippy::struct_excessive_bools)] // each is a switch of its own
pub(super) struct Ui {
    output: Output,
    quiet: bool,
    verbose: bool,
    color: bool,
    terminal: bool,
    stdout_failed: AtomicBool,
}

/// A diagnostic in `--json`.
#[derive(Serialize)]
pub(super) struct Problem<'a> {
    level: &'static str,
    code: &'a str,
    message: &'a str,
    place: Option<At<'a>>,
    label: Option<&'a str>,
    hint: Option<&'a str>,
    causes: &'a [String],
}

#[derive(Serialize)]
struct At<'a> {
    file: &'a str,
    line: usize,
    column: usize,
}

impl<'a> At<'a> {
    fn new(place: &'a Place) -> Self {
        let (line, column) = place.line_column();
        Self { file: &place.source.name, line, column }
    }
}

impl<'a> Problem<'a> {
    fn new(level: &'static str, diagnostic: &'a Diagnostic) -> Self {
        let Diagnostic { code, message, place, label, hint, causes, .. } = diagnostic;
        Self {
            level,
            code,
            message,
            place: place.as_ref().map(At::new),
            label: label.as_deref(),
            hint: hint.as_deref(),
            causes,
        }
    }

    /// All errors.
    pub(super) fn errors(found: &'a Diagnostics) -> Vec<Self> {
        found.errors.iter().map(|error| Self::new("error", error)).collect()
    }

    /// All warnings.
    pub(super) fn warnings(found: &'a Diagnostics) -> Vec<Self> {
        found.warnings.iter().map(|warning| Self::new("warning", warning)).collect()
    }
}

/// Whether stderr gets colour; the flag wins over `CARGO_TERM_COLOR`, that over `NO_COLOR`.
pub(super) fn color_choice(flag: Option<&str>) -> Color {
    let word = |text: &str| match text {
        "always" => Some(Color::Always),
        "never" => Some(Color::Never),
        _ => None,
    };
    if let Some(choice) = flag {
        return word(choice).unwrap_or_default();
    }
    let cargo = env::var("CARGO_TERM_COLOR").ok().and_then(|text| word(&text));
    let none = env::var_os("NO_COLOR").is_some_and(|text| !text.is_empty());
    cargo.unwrap_or(if none { Color::Never } else { Color::Auto })
}

impl Ui {
    /// As the flags say.
    pub(super) fn new(flags: &Flags, color: Color) -> Self {
        let terminal = io::stderr().is_terminal();
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            output: match (flags.json, flags.message_format) {
                (true, _) => Output::Json,
                (_, Some(_)) => Output::Events,
                _ => Output::Text,
            },
            quiet: flags.quiet,
            verbose: flags.verbose > 0,
            color: match color {
                Color::Auto => terminal && !dumb,
                Color::Always => true,
                Color::Never => false,
            },
            terminal: terminal && !dumb,
            stdout_failed: AtomicBool::new(false),
        }
    }

    /// One document on stdout is asked for.
    pub(super) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Events on stdout are asked for.
    pub(super) fn is_events(&self) -> bool {
        self.output == Output::Events
    }

    /// A line of the result.
    pub(super) fn result(&self, line: &str) {
        if self.output == Output::Text {
            self.stdout(format!("{line}\n").as_bytes());
        }
    }

    /// The result as it is: a schema, a completion script.
    pub(super) fn raw(&self, text: &[u8]) {
        self.stdout(text);
    }

    /// The one document of `--json`.
    pub(super) fn document(&self, value: &impl Serialize) {
        if self.is_json() {
            let mut text = serde_json::to_vec_pretty(value).expect("texts and numbers are JSON");
            text.push(b'\n');
            self.stdout(&text);
        }
    }

    /// One line of `--message-format json`.
    pub(super) fn event(&self, value: &impl Serialize) {
        if self.is_events() {
            let mut text = serde_json::to_vec(value).expect("texts and numbers are JSON");
            text.push(b'\n');
            self.stdout(&text);
        }
    }

    /// A reader that went away (`| head`) is no error; a full disk is one, told by
    /// [`Ui::stdout_failed`].
    fn stdout(&self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) else { return };
        let gone = error.kind() == io::ErrorKind::BrokenPipe;
        if !gone && !self.stdout_failed.swap(true, Ordering::Relaxed) {
            stderr(&format!("{} cannot write to stdout: {error}", self.red("error:")));
        }
    }

    /// Whether a result could not be printed.
    pub(super) fn stdout_failed(&self) -> bool {
        self.stdout_failed.load(Ordering::Relaxed)
    }

    /// Talk.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            stderr(text);
        }
    }

    /// Talk for `-v`.
    pub(super) fn detail(&self, text: &str) {
        if self.verbose {
            stderr(text);
        }
    }

    /// Errors and warnings as text, and as events when those are asked for.
    pub(super) fn problems(&self, found: &Diagnostics) {
        self.warnings(found);
        for (error, problem) in found.errors.iter().zip(Problem::errors(found)) {
            stderr(&self.paint(&error.to_string()));
            self.problem_event(&problem);
        }
    }

    /// The warnings alone.
    pub(super) fn warnings(&self, found: &Diagnostics) {
        for (warning, problem) in found.warnings.iter().zip(Problem::warnings(found)) {
            self.note(&self.paint(&warning.to_string().replacen("error:", "warning:", 1)));
            self.problem_event(&problem);
        }
    }

    fn problem_event(&self, problem: &Problem<'_>) {
        #[derive(Serialize)]
        struct Event<'a> {
            reason: &'static str,
            #[serde(flatten)]
            problem: &'a Problem<'a>,
        }
        self.event(&Event { reason: "diagnostic", problem });
    }

    /// Colours a rendered diagnostic; its text stays the same.
    fn paint(&self, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        text.lines().map(paint_line).collect::<Vec<_>>().join("\n")
    }

    fn red(&self, text: &str) -> String {
        self.style("1;31", text)
    }

    fn style(&self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A bar on a terminal, nothing elsewhere.
    pub(super) fn shows_progress(&self) -> bool {
        self.terminal && !self.quiet
    }
}

// Nobody reads stderr any more: nothing is left to be done about that.
fn stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Colours one line of a rendered diagnostic.
fn paint_line(line: &str) -> String {
    for (word, code) in
        [("error:", "1;31"), ("warning:", "1;33"), ("hint:", "1;36"), ("caused by:", "1")]
    {
        if let Some(rest) = line.strip_prefix(word) {
            return format!("\x1b[{code}m{word}\x1b[0m{rest}");
        }
    }
    let body = line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
    let gutter = &line[..line.len() - body.len()];
    if let Some(rest) = body.strip_prefix("--> ") {
        return format!("{gutter}\x1b[1;34m-->\x1b[0m {rest}");
    }
    match body.strip_prefix('|') {
        Some(rest) if rest.trim_start().starts_with('^') => {
            format!("\x1b[1;34m{gutter}|\x1b[0m\x1b[1;31m{rest}\x1b[0m")
        }
        Some(rest) => format!("\x1b[1;34m{gutter}|\x1b[0m{rest}"),
        None => line.to_owned(),
    }
}

/// Decimal sizes, three digits: `41.2 MB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let Some((unit, word)) = UNITS.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} B");
    };
    let (whole, hundredths) = (bytes / unit, bytes % unit * 100 / unit);
    match whole {
        0..=9 => format!("{whole}.{hundredths:02} {word}"),
        10..=99 => format!("{whole}.{} {word}", hundredths / 10),
        _ => format!("{whole} {word}"),
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(many: usize, word: &str) -> String {
    if many == 1 { format!("1 {word}") } else { format!("{many} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_with_three_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_930_000_000, "1.93 GB"),
            (41_000_000, "41.0 MB"),
            (612_999_999, "612 MB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn colour_does_not_change_the_text() {
        let plain = "error: a\n --> f:1:2\n  |\n1 | x\n  | ^ here\nhint: b";
        let painted: Vec<_> = plain.lines().map(paint_line).collect();
        assert!(painted[0].starts_with("\x1b[1;31merror:"));
        let mut text = painted.join("\n");
        for code in ["1;31", "1;34", "1;36", "0"] {
            text = text.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(text, plain);
    }
}
