//! Windows: what the service control manager is told.
//!
//! Source: `CreateServiceW`, `ChangeServiceConfig2W`, `SERVICE_FAILURE_ACTIONS` in Microsoft's
//! documentation of the Windows API. Nothing here was tried on a real Windows.

use crate::package::{Restart, Service};

/// One word of a command line as the C runtime takes it apart (`CommandLineToArgvW`).
pub fn quoted(word: &str) -> String {
    let mut all = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                // those before a quote count twice, and one more is for the quote
                all.push_str(&"\\".repeat(backslashes * 2 + 1));
                backslashes = 0;
                all.push('"');
            }
            c => {
                all.push_str(&"\\".repeat(backslashes));
                backslashes = 0;
                all.push(c);
            }
        }
    }
    all + &"\\".repeat(backslashes * 2) + "\""
}

/// A service as `CreateService` and `ChangeServiceConfig2` take it: for installers, and for the
/// script that registers it from an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Its key in the registry.
    pub name: String,
    /// What the list of services shows.
    pub display_name: String,
    /// Its description.
    pub description: String,
    /// The command line, every word quoted: `C:\Program Files\…` is otherwise looked for as
    /// `C:\Program`.
    pub image_path: String,
    /// An account without a password that exists for this service alone, unless it is to be
    /// `LocalSystem`.
    pub account: String,
    /// When it starts.
    pub start: Start,
    /// What happens after each failure; the last one repeats.
    pub failure: Vec<Action>,
    /// Seconds without a failure after which counting begins again.
    pub reset: u32,
    /// A clean exit with an error code counts as a failure, too.
    pub on_exit_codes: bool,
    /// `NAME=value`, for the `Environment` value of its key.
    pub environment: Vec<String>,
}

/// When a service starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Some time after the system has booted.
    DelayedAuto,
    /// When somebody asks.
    Demand,
}

/// What happens after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Started again after so many milliseconds.
    Restart(u32),
}

/// One day, in seconds.
const DAY: u32 = 86_400;

/// The service as Windows is told of it.
pub fn config(service: &Service) -> Config {
    let words: Vec<_> = service.exec.iter().map(|word| quoted(word)).collect();
    let root = service.user.as_deref() == Some("root");
    let failure = match service.restart {
        Restart::No => Vec::new(),
        Restart::OnFailure | Restart::Always => [5_000, 10_000, 60_000].map(Action::Restart).into(),
    };
    Config {
        name: service.name.clone(),
        display_name: service.windows.display_name.clone(),
        description: service.summary.clone(),
        image_path: words.join(" "),
        account: if root { "LocalSystem".into() } else { format!(r"NT SERVICE\{}", service.name) },
        start: if service.enable == Some(false) { Start::Demand } else { Start::DelayedAuto },
        on_exit_codes: !failure.is_empty(),
        failure,
        reset: DAY,
        environment: service.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
    }
}

impl Config {
    /// `sc.exe failure … actions=`: `restart/5000/restart/10000`.
    pub fn actions(&self) -> String {
        let action = |Action::Restart(after): &Action| format!("restart/{after}");
        self.failure.iter().map(action).collect::<Vec<_>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::sample_service;

    /// The name every renderer has to survive.
    const AWKWARD: &str = r#"O'Brien & "Söhne" 100% $HOME \n"#;

    #[test]
    fn words_are_quoted_for_the_c_runtime() {
        for (word, want) in [
            ("", r#""""#),
            (r"C:\Program Files\x", r#""C:\Program Files\x""#),
            (r"ends\", r#""ends\\""#),
            (r#"a\"b"#, r#""a\\\"b""#),
            (AWKWARD, r#""O'Brien & \"Söhne\" 100% $HOME \n""#),
        ] {
            assert_eq!(quoted(word), want);
        }
    }

    #[test]
    fn a_service_restarts_after_failures_under_an_account_of_its_own() {
        let mut service = sample_service("offgrid");
        service.exec = vec![r"C:\Program Files\OffGrid\offgrid.exe".into(), AWKWARD.into()];
        service.env.insert("A".into(), AWKWARD.into());
        let config = config(&service);
        let want = r#""C:\Program Files\OffGrid\offgrid.exe" "O'Brien & \"Söhne\" 100% $HOME \n""#;
        assert_eq!(config.image_path, want);
        assert_eq!(config.account, r"NT SERVICE\offgrid");
        assert_eq!(config.actions(), "restart/5000/restart/10000/restart/60000");
        assert_eq!((config.start, config.reset), (Start::DelayedAuto, 86_400));
        assert_eq!(config.environment, [format!("A={AWKWARD}")]);
    }

    #[test]
    fn root_and_no_restart_are_asked_for() {
        let mut service = sample_service("offgrid");
        (service.user, service.restart) = (Some("root".into()), Restart::No);
        service.enable = Some(false);
        let config = config(&service);
        assert_eq!(config.account, "LocalSystem");
        assert!(config.failure.is_empty() && !config.on_exit_codes);
        assert_eq!(config.start, Start::Demand);
    }
}
