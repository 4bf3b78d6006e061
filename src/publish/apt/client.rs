//! What users put on their machines.

use std::collections::BTreeMap;

use super::{Options, Release};
use crate::{
    publish::Ask,
    template::{render, shell},
};

/// A machine that installs from the repository.
pub(super) struct Client {
    name: String,
    suite: String,
    url: String,
    signed: bool,
    components: String,
    architectures: String,
}

impl Client {
    pub(super) fn new(ask: &Ask<'_>, options: &Options, name: &str, release: &Release) -> Self {
        let field = |field: &str| release.fields.get(field).unwrap_or_default().to_owned();
        Self {
            name: name.to_owned(),
            suite: options.suite.clone(),
            url: ask.address(),
            signed: ask.signer.is_some(),
            components: field("Components"),
            architectures: field("Architectures"),
        }
    }

    /// `hello.sources`; another suite has another file.
    pub(super) fn file_name(&self) -> String {
        match self.suite.as_str() {
            "stable" => format!("{}.sources", self.name),
            suite => format!("{}-{suite}.sources", self.name),
        }
    }

    /// sources.list(5), "DEB822-STYLE FORMAT".
    pub(super) fn sources(&self) -> String {
        render(include_str!("../../../templates/publish/apt.sources"), &self.values())
    }

    /// What a user types.
    pub(super) fn commands(&self) -> String {
        let mut values = self.values();
        values.insert("sources", self.sources());
        render(include_str!("../../../templates/publish/apt.sh"), &values)
    }

    fn values(&self) -> BTreeMap<&'static str, String> {
        let Self { name, suite, url, signed, components, architectures } = self;
        let key = format!("/etc/apt/keyrings/{name}.asc");
        BTreeMap::from([
            ("file", shell(&format!("/etc/apt/sources.list.d/{}", self.file_name()))),
            ("key_url", shell(&format!("{url}/key.asc"))),
            ("key", if *signed { key } else { String::new() }),
            ("url", url.clone()),
            ("suite", suite.clone()),
            ("components", components.clone()),
            ("architectures", architectures.clone()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(suite: &str, signed: bool) -> Client {
        Client {
            name: "hello".into(),
            suite: suite.into(),
            url: "https://example.org/deb".into(),
            signed,
            components: "main".into(),
            architectures: "amd64 arm64".into(),
        }
    }

    #[test]
    fn the_lines_for_a_user_name_key_and_address() {
        let client = client("stable", true);
        let sources = "Types: deb\nURIs: https://example.org/deb\nSuites: stable\nComponents: main\n\
                       Architectures: amd64 arm64\nSigned-By: /etc/apt/keyrings/hello.asc\n";
        assert_eq!(
            (client.file_name().as_str(), client.sources()),
            ("hello.sources", sources.into())
        );
        let commands = client.commands();
        assert!(commands.contains(
            "sudo curl -fsSLo /etc/apt/keyrings/hello.asc https://example.org/deb/key.asc\n"
        ));
        assert!(commands.contains(&format!("hello.sources >/dev/null <<'END'\n{sources}END\n")));
    }

    #[test]
    fn another_suite_has_another_file_and_no_key_is_said() {
        let client = client("nightly", false);
        assert_eq!(client.file_name(), "hello-nightly.sources");
        assert!(client.sources().starts_with("# The repository is not signed"));
        assert!(!client.sources().contains("Signed-By") && !client.commands().contains("curl"));
    }
}
