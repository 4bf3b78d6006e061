//! The command line: the only code that prints, reads the environment or exits; one file per verb.

mod args;
mod build;
mod cargo;
mod check;
mod completions;
mod diff;
mod doctor;
mod explain;
mod formats;
mod hello;
mod init;
mod inspect;
mod interrupt;
mod keygen;
mod lock;
mod man;
mod model;
mod plan;
mod progress;
mod repo;
mod schema;
mod session;
mod test;
mod ui;
mod verify;

use std::{ffi::OsString, process::ExitCode};

use crate::diagnostic::{Class, Diagnostic, Diagnostics};
use args::{Color, Flags, Refusal, Request, Verb};
use ui::{Problem, Ui};

/// What a verb comes to: an exit code, or the errors that stopped it.
type Outcome = Result<u8, Diagnostics>;

/// Runs the program; `name` is what the user calls it.
pub fn main(args: impl IntoIterator<Item = OsString>, name: &'static str) -> ExitCode {
    let args: Vec<_> = args.into_iter().collect();
    let json = args.iter().any(|arg| arg == "--json");
    let color = ui::color_choice(color_flag(&args).as_deref());
    let code = match args::parse(args, name, clap_color(color)) {
        Ok(request) => {
            let ui = Ui::new(&request.flags, color);
            finish(&ui, run(&request, &ui))
        }
        Err(refusal) => {
            let ui = Ui::new(&Flags { json, ..Flags::default() }, color);
            refuse(&ui, refusal)
        }
    };
    ExitCode::from(code)
}

/// `cargo pkggen ARGS` runs `cargo-pkggen pkggen ARGS`.
pub fn cargo_main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args: Vec<_> = args.into_iter().collect();
    if args.get(1).is_some_and(|arg| arg == "pkggen") {
        args.remove(1);
    }
    main(args, "cargo pkggen")
}

/// `--color` must be known before the arguments are: their mistakes are printed, too.
fn color_flag(args: &[OsString]) -> Option<String> {
    let texts: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    texts.iter().enumerate().find_map(|(at, text)| match text.strip_prefix("--color=") {
        Some(when) => Some(when.to_owned()),
        None => (text == "--color").then(|| texts.get(at + 1).map(ToString::to_string))?,
    })
}

fn clap_color(color: Color) -> clap::ColorChoice {
    match color {
        Color::Auto => clap::ColorChoice::Auto,
        Color::Always => clap::ColorChoice::Always,
        Color::Never => clap::ColorChoice::Never,
    }
}

/// Help, version, and mistakes in the arguments.
fn refuse(ui: &Ui, refusal: Refusal) -> u8 {
    let error = match refusal {
        Refusal::Later(word) => return finish(ui, Err(later(&word).into())),
        Refusal::Clap(error) => error,
    };
    if error.use_stderr() && ui.is_json() {
        let text = error.to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        return finish(ui, Err(Diagnostic::usage("usage", message).into()));
    }
    // A reader that went away is nobody's mistake.
    let _ = error.print();
    u8::try_from(error.exit_code()).unwrap_or(Class::Usage as u8)
}

fn later(word: &str) -> Diagnostic {
    let hint = "`pkggen --help` lists what it does, `pkggen formats` what it makes";
    let (code, text) = if formats::is_later(word) {
        ("format.later", format!("cannot make `{word}` packages"))
    } else {
        ("verb.later", format!("does not have `{word}`"))
    };
    Diagnostic::cannot(code, format!("pkggen {VERSION} {text}; a later version will")).hint(hint)
}

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints what stopped a verb; its exit code.
fn finish(ui: &Ui, outcome: Outcome) -> u8 {
    let code = outcome.unwrap_or_else(|found| {
        ui.problems(&found);
        ui.document(&serde_json::json!({
            "errors": Problem::errors(&found),
            "warnings": Problem::warnings(&found),
        }));
        found.exit_code()
    });
    if code == 0 && ui.stdout_failed() { Class::Failed as u8 } else { code }
}

fn run(request: &Request, ui: &Ui) -> Outcome {
    let Request { flags, verb } = request;
    let Some(verb) = verb else {
        hello::run(ui);
        return Ok(0);
    };
    match verb {
        Verb::Build { formats } => return build::run(formats, flags, ui),
        Verb::Check { formats } => return check::run(formats, flags, ui),
        Verb::Plan { formats } => return plan::run(formats, flags, ui),
        Verb::Explain { what } => return explain::run(what, flags, ui),
        Verb::Inspect { file, files, scripts, control } => {
            let parts = inspect::Parts { files: *files, scripts: *scripts, control: *control };
            return inspect::run(file, parts, ui);
        }
        Verb::Verify { paths, strict, key } => {
            let how = verify::How { strict: *strict, key: key.as_deref() };
            return verify::run(paths, how, flags, ui);
        }
        Verb::Diff { a, b } => return diff::run(a, b, flags, ui),
        Verb::Test(args) => return test::run(args, flags, ui),
        Verb::Repo(args) => return repo::run(args, flags, ui),
        Verb::Model(args) => return model::run(args, flags, ui),
        Verb::Keygen(args) => return keygen::run(args, flags.out.as_deref(), ui),
        Verb::Init { from, yes } => return init::run(*from, *yes, flags, ui),
        Verb::Man => return man::run(flags.out.as_deref(), ui),
        Verb::Formats => formats::run(ui),
        Verb::Schema => schema::run(ui),
        Verb::Completions { shell } => completions::run(*shell, ui),
        Verb::Doctor => doctor::run(ui),
    }
    Ok(0)
}
