//! Users and groups of a package: what `sysusers.d` says, as rpm's relations and as commands.
//!
//! Format: sysusers.d(5); rpm-sysusers(7), `%add_sysuser` in rpm's `macros.in`.

use std::path::Path;

use serde::Serialize;

use super::{relation::Relation, tags::sense};
use crate::{
    diagnostic::Diagnostic,
    format::linux,
    template::shell,
    tree::{Node, Tree},
};

/// A file of `sysusers.d` and the lines in it that rpm knows.
pub(super) struct Users {
    /// Its name: `tallyd.conf`.
    pub conf: String,
    /// Its text without comments.
    pub text: String,
    lines: Vec<Line>,
}

/// One line: `u tallyd - "small server" /var/lib/tallyd`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// `u`, `u!`, `g`, `m`.
    kind: String,
    name: String,
    /// As rpm reads it: words with one blank between them, quotes and all.
    words: Vec<String>,
    /// As systemd reads it: quotes are gone.
    fields: Vec<String>,
}

/// All files of `sysusers.d` in a tree.
pub(super) fn users(tree: &Tree) -> Result<Vec<Users>, Diagnostic> {
    let mut all = Vec::new();
    for (path, node) in tree.iter() {
        let is_conf = Path::new(path.file_name()).extension().is_some_and(|end| end == "conf");
        let in_dir = path.parent().is_some_and(|dir| dir.as_str() == "usr/lib/sysusers.d");
        if let (true, true, Some(blob)) = (is_conf, in_dir, node.blob()) {
            let text = linux::content(blob, node)?;
            all.push(Users::parse(path.file_name(), &String::from_utf8_lossy(&text)));
        }
    }
    Ok(all)
}

impl Users {
    fn parse(conf: &str, text: &str) -> Self {
        let said = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let kept: Vec<_> = text.lines().filter(said).map(str::trim).collect();
        let lines = kept.iter().filter_map(|line| Line::parse(line)).collect();
        Self { conf: conf.to_owned(), text: kept.join("\n"), lines }
    }

    /// What the package is and needs by them.
    pub(super) fn relations(&self) -> (Vec<Relation>, Vec<Relation>) {
        let (mut provides, mut requires) = (Vec::new(), Vec::new());
        for line in &self.lines {
            let Line { kind, name, words, .. } = line;
            let encoded = encode(&words.join(" "));
            let is = |name: String| Relation::versioned(name, sense::EQUAL, encoded.clone());
            match (kind.as_str(), words.get(2)) {
                ("g", _) => provides.push(is(format!("group({name})"))),
                ("m", Some(group)) => {
                    provides.push(is(format!("groupmember({name}/{group})")));
                    requires.push(Relation::plain(format!("user({name})")));
                    requires.push(Relation::plain(format!("group({group})")));
                }
                ("m", None) => {}
                _ => {
                    provides.push(is(format!("user({name})")));
                    provides.push(Relation::plain(format!("group({name})")));
                }
            }
        }
        (provides, requires)
    }

    /// Groups to make by `groupadd`, those of users included.
    pub(super) fn groups(&self) -> Vec<Account> {
        let named = self.lines.iter().filter(|line| line.kind != "m" && line.own_group());
        named.map(|line| line.account(line.number("-g"))).collect()
    }

    /// Users to make by `useradd`.
    pub(super) fn users(&self) -> Vec<Account> {
        let named = self.lines.iter().filter(|line| line.kind.starts_with('u'));
        named.map(|line| line.account(line.user_options())).collect()
    }
}

/// A user or group, and the options that make it, each word for the shell.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Account {
    name: String,
    options: String,
}

impl Line {
    /// `None` for kinds that rpm leaves to systemd.
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
        let [kind, name, ..] = words.as_slice() else { return None };
        if !matches!(kind.as_str(), "u" | "u!" | "g" | "m") {
            return None;
        }
        let (kind, name, fields) = (kind.clone(), name.clone(), fields(text));
        Some(Self { kind, name, words, fields })
    }

    fn account(&self, options: String) -> Account {
        Account { name: shell(&self.name), options }
    }

    fn field(&self, at: usize) -> Option<&str> {
        self.fields.get(at).map(String::as_str).filter(|field| !matches!(*field, "" | "-"))
    }

    /// `uid:group` names a group that is there.
    fn own_group(&self) -> bool {
        !self.field(2).is_some_and(|id| id.contains(':'))
    }

    fn number(&self, option: &str) -> String {
        let id = self.field(2).and_then(|id| id.split(':').next());
        let id = id.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
        id.map_or(String::new(), |id| format!("{option} {id} "))
    }

    fn user_options(&self) -> String {
        let group = self.field(2).and_then(|id| id.split_once(':')).map(|(_, group)| group);
        let plain = |text: &str| shell(&text.replace("%%", "%"));
        let group = shell(group.unwrap_or(&self.name));
        let home = self.field(4).map_or("/".into(), plain);
        let login = self.field(5).map_or("/sbin/nologin".into(), plain);
        let gecos = self.field(3).map(|gecos| format!("-c {} ", plain(gecos)));
        let (number, gecos) = (self.number("-u"), gecos.unwrap_or_default());
        format!("{number}-g {group} -d {home} -s {login} {gecos}")
    }
}

/// Fields of sysusers.d: separated by blanks, in quotes with backslashes.
fn fields(text: &str) -> Vec<String> {
    let (mut all, mut field, mut quote, mut open) = (Vec::new(), String::new(), None, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => field.extend(chars.next()),
            c if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => (quote, open) = (Some(c), true),
            c if quote.is_none() && c.is_whitespace() => {
                if open || !field.is_empty() {
                    all.push(std::mem::take(&mut field));
                }
                open = false;
            }
            c => field.push(c),
        }
    }
    if open || !field.is_empty() {
        all.push(field);
    }
    all
}

/// Base64 of a line, filled with NUL so that no `=` stands at its end: it is a version to rpm.
fn encode(line: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in line.as_bytes().chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |shift: u32| char::from(DIGITS[(bits >> shift & 63) as usize]);
        text.extend([18, 12, 6, 0].map(digit));
    }
    text
}

/// Who owns a file, when that is not root.
pub(super) fn owners(node: &Node) -> impl Iterator<Item = Relation> {
    let user = (node.owner != "root").then(|| format!("user({})", node.owner));
    let group = (node.group != "root").then(|| format!("group({})", node.group));
    user.into_iter().chain(group).map(Relation::plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Users {
        Users::parse("x.conf", text)
    }

    fn words(relations: &[Relation]) -> Vec<String> {
        relations.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_line_becomes_a_version_without_equals_signs() {
        // rpmbuild 4.20.1 wrote this
        assert_eq!(encode("g render -"), "ZyByZW5kZXIgLQAA");
        assert_eq!(encode("abc"), "YWJj");
    }

    #[test]
    fn users_and_groups_are_provided() {
        let users = parse("# a comment\nu off  - \"Off  Grid\" /var/lib/off\n\ng render -\n");
        let (provides, requires) = users.relations();
        let want = [
            format!("user(off) = {}", encode("u off - \"Off Grid\" /var/lib/off")),
            "group(off)".to_owned(),
            "group(render) = ZyByZW5kZXIgLQAA".to_owned(),
        ];
        assert_eq!(words(&provides), want);
        assert!(requires.is_empty());
    }

    #[test]
    fn memberships_need_both_sides() {
        let (provides, requires) = parse("m a b").relations();
        assert_eq!(words(&provides), [format!("groupmember(a/b) = {}", encode("m a b"))]);
        assert_eq!(words(&requires), ["user(a)", "group(b)"]);
    }

    #[test]
    fn commands_get_what_systemd_would_read() {
        let users = parse("u off 401 \"O'Brien 100%%\" /var/lib/off\ng x 7\nu y -:x\n");
        let options = |accounts: Vec<Account>| {
            let words = accounts.into_iter().map(|a| a.options + &a.name);
            words.collect::<Vec<_>>()
        };
        assert_eq!(options(users.groups()), ["-g 401 off", "-g 7 x"]);
        let want = [
            r"-u 401 -g off -d /var/lib/off -s /sbin/nologin -c 'O'\''Brien 100%' off",
            "-g x -d / -s /sbin/nologin y",
        ];
        assert_eq!(options(users.users()), want);
    }

    #[test]
    fn kinds_that_rpm_does_not_know_are_left_to_systemd() {
        assert!(parse("r - 500-600").lines.is_empty());
    }
}
