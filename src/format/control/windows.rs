//! The same for Windows: a PowerShell script, and a batch file that starts it.

use serde::Serialize;

use super::services;
use crate::{
    package::{
        Package, Scope, Service, WindowsHost,
        moving::{self, IMAGE, LOG, Piece, STATE},
    },
    service::windows::{Start, config, quoted},
    template::render,
};

const SCRIPT: &str = include_str!("../../../templates/control/control.ps1");
const STARTER: &str = include_str!("../../../templates/control/control.cmd");

#[derive(Serialize)]
struct Values {
    program: String,
    shown: String,
    package: String,
    title: String,
    system: u8,
    services: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    display: String,
    description: String,
    file: String,
    arguments: String,
    shim: bool,
    scope: &'static str,
    account: String,
    start: &'static str,
    now: bool,
    failure: String,
    reset: u32,
    environment: String,
}

/// Names and texts of both files.
pub(super) fn files(package: &Package, name: &str) -> Vec<(String, String)> {
    let values = Values {
        program: name.to_owned(),
        shown: literal(name),
        package: literal(package.family.base.as_str()),
        title: literal(&package.title),
        system: services(package).any(|service| service.scope == Scope::System).into(),
        services: services(package).map(row).collect(),
    };
    // without the mark PowerShell 5 takes the text for that of the machine's code page
    let script = format!("\u{FEFF}{}", render(SCRIPT, &values));
    [(format!("{name}.ps1"), script), (format!("{name}.cmd"), render(STARTER, &values))]
        .map(|(name, text)| (name, text.replace('\n', "\r\n")))
        .into()
}

/// The facts of a service, one a line.
pub(super) fn told(service: &Service) -> String {
    let row = row(service);
    let config = config(service);
    let mut lines = vec![
        format!("DisplayName: {}", config.display_name),
        format!("Description: {}", config.description),
        format!("ImagePath: {}", config.image_path),
        format!("Account: {}", config.account),
        format!("Start: {}", row.start),
    ];
    if config.on_exit_codes {
        lines.push(format!("Failure actions: {}, counted anew after {} s", row.failure, row.reset));
    }
    lines.extend(config.environment.iter().map(|text| format!("Environment: {text}")));
    if row.shim {
        lines.push("the program does not speak to the service manager: it needs a wrapper".into());
    }
    lines.join("\n") + "\n"
}

fn row(service: &Service) -> Row {
    let config = config(service);
    let arguments: Vec<_> = service.exec.iter().skip(1).map(|word| quoted(word)).collect();
    let environment: Vec<_> = config.environment.iter().map(|text| literal(text)).collect();
    Row {
        name: literal(&config.name),
        display: literal(&config.display_name),
        description: literal(&config.description),
        file: literal(service.exec.first().map_or("", String::as_str)),
        arguments: literal(&arguments.join(" ")),
        shim: service.windows.host == WindowsHost::Shim,
        scope: if service.scope == Scope::System { "system" } else { "user" },
        account: literal(&config.account),
        start: match config.start {
            Start::DelayedAuto => "delayed-auto",
            Start::Demand => "demand",
        },
        now: service.start != Some(false),
        failure: config.actions(),
        reset: config.reset,
        environment: environment.join(", "),
    }
}

/// An expression of PowerShell: a literal, with variables for marks. Curly quotes end literals, too.
fn literal(text: &str) -> String {
    let plain = |text: &str| {
        let quote = |c: char| matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}');
        let put = |c: char| if quote(c) { format!("{c}{c}") } else { c.to_string() };
        format!("'{}'", text.chars().map(put).collect::<String>())
    };
    let mut after_mark = false;
    let mut words = Vec::new();
    for piece in moving::pieces(text) {
        words.push(match piece {
            Piece::Text(text) if after_mark => plain(&backslashes(text)),
            Piece::Text(text) => plain(text),
            Piece::Mark(IMAGE) => "$image".into(),
            Piece::Mark(STATE) => "$state".into(),
            Piece::Mark(LOG) => "$log".into(),
            Piece::Mark(_) => "$cache".into(),
        });
        after_mark = matches!(piece, Piece::Mark(_));
    }
    match words.as_slice() {
        [] => "''".into(),
        [one] if one.starts_with('\'') => one.clone(),
        _ => format!("('' + {})", words.join(" + ")),
    }
}

/// The rest of a path in the system's spelling, up to what separates it from other things.
fn backslashes(text: &str) -> String {
    let end = text.find([';', '"', ' ']).unwrap_or(text.len());
    text[..end].replace('/', "\\") + &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::{Os, sample, sample_service};

    #[test]
    fn literals_hold_quotes_of_every_kind_and_places() {
        assert_eq!(literal(""), "''");
        assert_eq!(literal("O'Brien \u{2019}s $HOME"), "'O''Brien \u{2019}\u{2019}s $HOME'");
        let text = format!("A={IMAGE}/share/x;b/c");
        assert_eq!(literal(&text), "('' + 'A=' + $image + '\\share\\x;b/c')");
        assert_eq!(literal(&STATE.to_string()), "('' + $state)");
    }

    #[test]
    fn a_service_is_described_for_powershell() {
        let mut package = sample();
        package.target.os = Os::Windows;
        let mut service = sample_service("sample");
        service.exec = vec![format!("{IMAGE}/bin/sample.exe"), "a b".into(), "\"".into()];
        service.env.insert("M".into(), format!("{IMAGE}/share/models"));
        package.services = vec![service];
        let files = files(&package, "sample-service");
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["sample-service.ps1", "sample-service.cmd"]);
        let script = &files[0].1;
        for line in [
            "Program = ('' + $image + '\\bin\\sample.exe'); Arguments = '\"a b\" \"\\\"\"'; Shim = $false",
            "Account = 'NT SERVICE\\sample'; Start = 'delayed-auto'; Now = $true",
            "Environment = @(('' + 'M=' + $image + '\\share\\models'))",
        ] {
            assert!(script.contains(line), "{line}\n{script}");
        }
        assert!(script.starts_with('\u{FEFF}') && script.contains("\r\n"));
    }
}
