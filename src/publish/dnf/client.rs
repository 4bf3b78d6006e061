//! What users put on their machines.

use std::collections::BTreeMap;

use crate::{
    publish::Ask,
    template::{render, shell},
};

/// A machine that installs from the repository.
pub(super) struct Client {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) url: String,
    pub(super) signed: bool,
}

impl Client {
    pub(super) fn new(ask: &Ask<'_>, name: &str, title: Option<&str>) -> Self {
        let title = title.unwrap_or(name);
        let line = title.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let signed = ask.signer.is_some();
        Self { name: name.to_owned(), title: line, url: ask.address(), signed }
    }

    /// `hello.repo`
    pub(super) fn file_name(&self) -> String {
        format!("{}.repo", self.name)
    }

    /// dnf.conf(5), "Repo Options".
    pub(super) fn repo(&self) -> String {
        render(include_str!("../../../templates/publish/dnf.repo"), &self.values())
    }

    /// What a user types.
    pub(super) fn commands(&self) -> String {
        let mut values = self.values();
        values.insert("repo", self.repo());
        render(include_str!("../../../templates/publish/dnf.sh"), &values)
    }

    fn values(&self) -> BTreeMap<&'static str, String> {
        let Self { name, title, url, signed } = self;
        let key = if *signed { format!("{url}/key.asc") } else { String::new() };
        BTreeMap::from([
            ("file", shell(&format!("/etc/yum.repos.d/{}", self.file_name()))),
            ("name", name.clone()),
            ("title", title.clone()),
            ("url", url.clone()),
            ("key", key),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(signed: bool) -> Client {
        let (name, title) = ("hello".into(), "O'Brien & \"Söhne\"".into());
        Client { name, title, url: "https://example.org/rpm".into(), signed }
    }

    #[test]
    fn a_signed_repository_is_checked_twice() {
        let repo = "[hello]\nname=O'Brien & \"Söhne\"\nbaseurl=https://example.org/rpm\nenabled=1\n\
                    gpgcheck=1\nrepo_gpgcheck=1\ngpgkey=https://example.org/rpm/key.asc\n";
        assert_eq!(client(true).repo(), repo);
        let commands = client(true).commands();
        assert!(
            commands
                .starts_with("sudo tee /etc/yum.repos.d/hello.repo >/dev/null <<'END'\n[hello]")
        );
        assert!(commands.ends_with("key.asc\nEND\n"), "{commands}");
    }

    #[test]
    fn an_unsigned_one_says_so() {
        let repo = client(false).repo();
        assert!(repo.contains("# The repository is not signed") && !repo.contains("gpgkey"));
    }
}
