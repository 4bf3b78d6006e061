//! launchd: property lists of daemons and agents.
//!
//! Source: launchd.plist(5). launchd expands nothing, not even `~`: every path is absolute, every
//! value has its type. Nothing here was tried on a Mac.

use std::fmt::Write as _;

use crate::{
    diagnostic::Diagnostic,
    package::{Plist, Restart, Scope, Service, moving},
};

/// What a job needs to know about the package it is in.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The package's name.
    pub name: String,
    /// Its reversed-domain identifier.
    pub identifier: String,
    /// Absolute directory of state; HOME of a daemon.
    pub state: String,
    /// Absolute directory of logs.
    pub log: String,
}

/// `Label`, and the name of the file without `.plist`: the identifier itself for the service that
/// is called like the package.
pub fn label(service: &Service, site: &Site) -> String {
    if service.name == site.name {
        site.identifier.clone()
    } else {
        format!("{}.{}", site.identifier, service.name)
    }
}

/// The account of a daemon: those of macOS that are not people's begin with `_`.
pub fn account(service: &Service) -> Option<String> {
    let user = service.user.as_deref().filter(|_| service.scope == Scope::System)?;
    let plain = user == "root" || user == "nobody" || user.starts_with('_');
    Some(if plain { user.to_owned() } else { format!("_{user}") })
}

/// The text of `LABEL.plist`.
pub fn plist(service: &Service, site: &Site) -> Result<String, Diagnostic> {
    let text = |text: &str| Plist::Text(text.to_owned());
    let mut rows = vec![("Label".to_owned(), text(&label(service, site)))];
    let mut put = |key: &str, value| rows.push((key.to_owned(), value));
    put(
        "ProgramArguments",
        Plist::Array(command(service)?.iter().map(|word| text(word)).collect()),
    );
    if let Some(user) = account(service) {
        put("UserName", text(&user));
    }
    let mut env: Vec<_> = Vec::new();
    if service.scope == Scope::System && !service.env.contains_key("HOME") {
        env.push(("HOME".to_owned(), text(&site.state)));
    }
    env.extend(service.env.iter().map(|(name, value)| (name.clone(), text(value))));
    if !env.is_empty() {
        put("EnvironmentVariables", Plist::Dict(env));
    }
    put("RunAtLoad", Plist::Bool(service.enable != Some(false)));
    match service.restart {
        Restart::No => {}
        Restart::OnFailure => {
            let dict = vec![("SuccessfulExit".to_owned(), Plist::Bool(false))];
            put("KeepAlive", Plist::Dict(dict));
        }
        Restart::Always => put("KeepAlive", Plist::Bool(true)),
    }
    let log = text(&format!("{}/{}.log", site.log, service.name));
    put("StandardOutPath", log.clone());
    put("StandardErrorPath", log);
    merge(&mut rows, service)?;
    Ok(document(&Plist::Dict(rows)))
}

/// There is no command before the program: the seed program becomes it.
fn command(service: &Service) -> Result<Vec<String>, Diagnostic> {
    let mut words = Vec::new();
    if let Some(seed) = &service.seed {
        let notes = format!("{}.seeded", seed.to);
        let mode = seed.mode.as_word().to_owned();
        words.extend([seed.program.clone(), seed.from.clone(), seed.to.clone(), notes, mode]);
    }
    words.extend(service.exec.iter().cloned());
    let first = words.first().map_or("", String::as_str);
    let control = |word: &String| word.chars().any(|c| c.is_control() && c != '\t');
    let values = service.env.values();
    if !first.starts_with('/') && !moving::moves(first) {
        return Err(wrong(service, &format!("`{first}` is no absolute path")));
    }
    if words.iter().chain(values).any(control) {
        return Err(wrong(service, "a property list holds no control characters"));
    }
    Ok(words)
}

fn wrong(service: &Service, why: &str) -> Diagnostic {
    let text = format!("service `{}`: {why}", service.name);
    Diagnostic::usage("service.launchd", text).at(service.place.clone())
}

/// Raw keys win, but the label is the file's name.
fn merge(rows: &mut Vec<(String, Plist)>, service: &Service) -> Result<(), Diagnostic> {
    for (key, value) in &service.launchd {
        if key == "Label" {
            return Err(wrong(service, "`Label` is the name of the file, and cannot be set"));
        }
        rows.retain(|(there, _)| there != key);
        rows.push((key.clone(), value.clone()));
    }
    Ok(())
}

/// A whole property list.
pub fn document(value: &Plist) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n",
    );
    write_value(&mut text, value, 0);
    text + "</plist>\n"
}

fn write_value(to: &mut String, value: &Plist, depth: usize) {
    let indent = "\t".repeat(depth);
    let line = match value {
        Plist::Text(text) => format!("<string>{}</string>", xml(text)),
        Plist::Integer(number) => format!("<integer>{number}</integer>"),
        Plist::Real(number) => format!("<real>{number}</real>"),
        Plist::Bool(true) => "<true/>".into(),
        Plist::Bool(false) => "<false/>".into(),
        Plist::Date(date) => format!("<date>{}</date>", xml(date)),
        Plist::Array(items) => {
            writeln!(to, "{indent}<array>").expect("memory takes everything");
            for item in items {
                write_value(to, item, depth + 1);
            }
            "</array>".into()
        }
        Plist::Dict(rows) => {
            writeln!(to, "{indent}<dict>").expect("memory takes everything");
            for (key, value) in rows {
                writeln!(to, "{indent}\t<key>{}</key>", xml(key)).expect("memory takes everything");
                write_value(to, value, depth + 1);
            }
            "</dict>".into()
        }
    };
    writeln!(to, "{indent}{line}").expect("memory takes everything");
}

/// Text of an XML element.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::package::{Seed, SeedMode, sample_service};

    /// The name every renderer has to survive.
    const AWKWARD: &str = r#"O'Brien & "Söhne" 100% $HOME \n <x>"#;

    fn site() -> Site {
        Site {
            name: "offgrid".into(),
            identifier: "com.offgrid.llm".into(),
            state: "/Library/Application Support/OffGrid".into(),
            log: "/Library/Logs/OffGrid".into(),
        }
    }

    /// What Python's plistlib reads, as it prints it; `None` without Python.
    fn read(text: &str) -> Option<String> {
        let script = "import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.argv[1].encode()), sort_keys=True, default=str, ensure_ascii=False))";
        let run = Command::new("python3").args(["-c", script, text]).output();
        let Ok(run) = run else {
            assert!(std::env::var_os("CI").is_none(), "python3 is missing");
            return None;
        };
        assert!(run.status.success(), "{}\n{text}", String::from_utf8_lossy(&run.stderr));
        Some(String::from_utf8(run.stdout).unwrap().trim().to_owned())
    }

    #[test]
    fn a_daemon_is_rendered() {
        let mut service = sample_service("offgrid");
        service.exec = vec!["/usr/local/bin/offgrid".into(), "serve".into()];
        let want = "<plist version=\"1.0\">\n<dict>\n\t<key>Label</key>\n\t<string>com.offgrid.llm</string>\n\
                    \t<key>ProgramArguments</key>\n\t<array>\n\t\t<string>/usr/local/bin/offgrid</string>\n\
                    \t\t<string>serve</string>\n\t</array>\n\t<key>UserName</key>\n\t<string>_offgrid</string>\n\
                    \t<key>EnvironmentVariables</key>\n\t<dict>\n\t\t<key>HOME</key>\n\
                    \t\t<string>/Library/Application Support/OffGrid</string>\n\t</dict>\n\
                    \t<key>RunAtLoad</key>\n\t<true/>\n\t<key>KeepAlive</key>\n\t<dict>\n\
                    \t\t<key>SuccessfulExit</key>\n\t\t<false/>\n\t</dict>\n\
                    \t<key>StandardOutPath</key>\n\t<string>/Library/Logs/OffGrid/offgrid.log</string>\n\
                    \t<key>StandardErrorPath</key>\n\t<string>/Library/Logs/OffGrid/offgrid.log</string>\n</dict>\n</plist>\n";
        let text = plist(&service, &site()).unwrap();
        assert!(text.ends_with(want), "{text}");
        read(&text);
    }

    #[test]
    fn an_agent_has_no_account_and_its_own_label() {
        let mut service = sample_service("helper");
        (service.scope, service.user) = (Scope::User, None);
        (service.restart, service.enable) = (Restart::Always, Some(false));
        let text = plist(&service, &site()).unwrap();
        let want = "{\"KeepAlive\": true, \"Label\": \"com.offgrid.llm.helper\", \
                    \"ProgramArguments\": [\"/usr/bin/helper\"], \"RunAtLoad\": false, \
                    \"StandardErrorPath\": \"/Library/Logs/OffGrid/helper.log\", \
                    \"StandardOutPath\": \"/Library/Logs/OffGrid/helper.log\"}";
        assert!(read(&text).is_none_or(|got| got == want), "{text}");
        service.restart = Restart::No;
        assert!(!plist(&service, &site()).unwrap().contains("KeepAlive"));
    }

    #[test]
    fn the_awkward_name_survives_in_every_place() {
        let mut service = sample_service("offgrid");
        service.exec.push(AWKWARD.into());
        service.env.insert("A".into(), AWKWARD.into());
        service.launchd = vec![(AWKWARD.into(), Plist::Array(vec![Plist::Text(AWKWARD.into())]))];
        let text = plist(&service, &site()).unwrap();
        let Some(got) = read(&text) else { return };
        let json = serde_json::to_string(AWKWARD).unwrap();
        assert_eq!(got.matches(&json).count(), 4, "{got}");
    }

    #[test]
    fn raw_keys_win_with_their_types() {
        let mut service = sample_service("offgrid");
        service.launchd = vec![
            ("KeepAlive".into(), Plist::Bool(true)),
            ("Nice".into(), Plist::Integer(-5)),
            ("Half".into(), Plist::Real(0.5)),
            ("When".into(), Plist::Date("2026-01-02T03:04:05Z".into())),
        ];
        let text = plist(&service, &site()).unwrap();
        assert_eq!(text.matches("KeepAlive").count(), 1);
        let keys =
            ["\"KeepAlive\": true", "\"Nice\": -5", "\"Half\": 0.5", "\"2026-01-02 03:04:05\""];
        if let Some(got) = read(&text) {
            assert!(keys.iter().all(|key| got.contains(key)), "{got}");
        }
        service.launchd = vec![("Label".into(), Plist::Text("x".into()))];
        assert!(plist(&service, &site()).unwrap_err().message.contains("`Label`"));
    }

    #[test]
    fn a_seeded_service_is_started_by_the_seed_program() {
        let mut service = sample_service("offgrid");
        service.seed = Some(Seed {
            from: "/m".into(),
            to: "/s".into(),
            mode: SeedMode::Copy,
            program: "/l/seed-models".into(),
        });
        let want = ["/l/seed-models", "/m", "/s", "/s.seeded", "copy", "/usr/bin/offgrid"];
        assert_eq!(command(&service).unwrap(), want);
    }

    #[test]
    fn programs_are_absolute_and_texts_have_no_control_characters() {
        let mut service = sample_service("offgrid");
        service.env.insert("A".into(), "a\u{1}".into());
        assert!(plist(&service, &site()).unwrap_err().message.contains("control"));
        service.exec = vec!["offgrid".into()];
        assert!(plist(&service, &site()).unwrap_err().message.contains("absolute"));
    }
}
