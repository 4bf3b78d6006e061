//! What is shipped, how, and what runs.

use std::collections::{BTreeMap, BTreeSet};

use super::Cross;
use crate::{
    diagnostic::Place,
    manifest::{
        Account, Component, Decode, Decoder, Delivery, Dest, Key, Launcher, Node, Payload,
        Selector, ServiceTable, Spanned, advice, either, list,
    },
    package::Scope,
};

impl Cross<'_> {
    pub(super) fn payload(&mut self) {
        let Some(payload) = self.read::<Payload>("payload") else { return };
        let mut seen: BTreeMap<String, Option<Place>> = BTreeMap::new();
        for item in payload.items() {
            self.selectors(item.only);
            self.selectors(item.except);
            if let Some(component) = item.component {
                self.component(component);
            }
            for account in [item.owner, item.group].into_iter().flatten() {
                self.account(account);
            }
            if let Some(dest) = item.dest {
                self.absolute(dest, item.only);
                let words = |words: &[Spanned<Selector>]| {
                    words.iter().map(|word| word.0.clone()).collect::<Vec<_>>().join(" ")
                };
                let id = format!(
                    "{:?} {} {} {}",
                    item.role,
                    dest.value.0,
                    words(item.only),
                    words(item.except)
                );
                let owned = !item.dir && !dest.ends_with('/');
                let other = if owned { seen.insert(id, dest.place.clone()) } else { None };
                if let Some(other) = other {
                    let message = format!("two items are installed as `{}`", dest.value);
                    let hint = other.map(|other| format!("the other is at {other}"));
                    self.hinted("payload.twice", message, dest.place.as_ref(), hint);
                }
            }
        }
    }

    fn absolute(&mut self, dest: &Spanned<Dest>, only: &[Spanned<Selector>]) {
        if !dest.is_absolute() || self.systems(only).len() == 1 {
            return;
        }
        let message = format!("`{}` is absolute, and `only` does not name one OS", dest.value);
        let hint = "without `/` in front it is relative to the directory of its type; \
                    otherwise add, say, only = [\"linux\"]";
        self.hinted("payload.absolute", message, dest.place.as_ref(), Some(hint.to_owned()));
    }

    fn component(&mut self, component: &Spanned<String>) {
        let known: Vec<_> = self.rows("component").map(|(key, _)| key.name.as_str()).collect();
        if !known.contains(&component.as_str()) && !component.contains("{{") {
            let message = format!("there is no component `{}`", component.value);
            let hint = advice(component, known.into_iter())
                .or_else(|| Some(format!("define it as [component.{}]", component.value)));
            self.hinted("component.unknown", message, component.place.as_ref(), hint);
        }
    }

    fn account(&mut self, account: &Spanned<Account>) {
        let users = self.users();
        if account.value.0 == "root" || account.contains("{{") || users.contains(&account.value.0) {
            return;
        }
        let message = format!("no service of this package runs as `{}`", account.value);
        let hint = match users.iter().map(String::as_str).collect::<Vec<_>>() {
            users if users.is_empty() => "only root and the user of a service can own files".into(),
            users => format!("root and {} can own files", list(&users)),
        };
        self.hinted("payload.owner", message, account.place.as_ref(), Some(hint));
    }

    /// The accounts that services of this package run as.
    fn users(&self) -> BTreeSet<String> {
        let name = self.tree.find(&["package", "name"]).and_then(Node::as_str);
        let user = |(_, node): (&Key, &Node)| {
            let system = node.get("scope").and_then(Node::as_str).unwrap_or("system") == "system";
            let user = node.get("user").and_then(Node::as_str);
            user.or(if system { name } else { None }).map(str::to_owned)
        };
        self.rows("service").filter_map(user).collect()
    }

    pub(super) fn components(&mut self) {
        for (key, node) in self.rows("component") {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b);
            if key.name.is_empty() || !key.name.bytes().all(fits) {
                let message = format!("`{}` cannot be the name of a component", key.name);
                let hint = "lower-case letters, digits, `+`, `-` and `.`".to_owned();
                self.hinted("component.name", message, key.place.as_ref(), Some(hint));
            }
            let Some(part) = Component::decode(node, &mut Decoder::with_templates()) else {
                continue;
            };
            for (format, _) in node.get("deliver").into_iter().flat_map(Node::rows) {
                self.delivery(format, part.deliver.get(&format.name), part.url.is_some());
            }
        }
    }

    fn delivery(&mut self, format: &Key, way: Option<&Spanned<Delivery>>, url: bool) {
        let word = format.name.as_str();
        let facts = self.formats().iter().find(|f| f.name == word || f.spellings.contains(&word));
        let Some(facts) = facts else {
            let known: Vec<_> = self.formats().iter().flat_map(|f| f.spellings).copied().collect();
            let hint = advice(word, known.into_iter());
            let message = format!("there is no format `{word}`");
            self.hinted("format.unknown", message, format.place.as_ref(), hint);
            return;
        };
        let Some(way) = way else { return };
        let words: Vec<_> = facts.deliver.iter().map(|way| way.as_word()).collect();
        if !facts.deliver.contains(&way.value) {
            let message = format!("`{word}` cannot deliver by `{}`", way.value.as_word());
            let hint = format!("it can {}", either(&words));
            self.hinted("component.deliver", message, way.place.as_ref(), Some(hint));
        } else if way.value == Delivery::Fetch && !url {
            let message = "`fetch` needs a `url`";
            self.error("component.deliver", message, way.place.as_ref());
        }
    }

    pub(super) fn services(&mut self) {
        let launchers: BTreeSet<_> =
            self.rows("launcher").map(|(key, _)| key.name.clone()).collect();
        for (_, node) in self.rows("launcher") {
            let launcher = Launcher::decode(node, &mut Decoder::with_templates());
            if let Some(launcher) = launcher {
                self.selectors(&launcher.only);
                self.selectors(&launcher.except);
            }
        }
        let name = self.tree.find(&["package", "name"]).and_then(Node::as_str);
        for (key, node) in self.rows("service") {
            let Some(service) = ServiceTable::decode(node, &mut Decoder::with_templates()) else {
                continue;
            };
            self.selectors(&service.only);
            self.selectors(&service.except);
            self.program(&service, &launchers);
            let place = service.user.as_ref().map_or(&key.place, |user| &user.place);
            match (service.scope, &service.user) {
                (Scope::User, Some(_)) => self.error(
                    "service.user",
                    "a service of user scope runs as the user who logs in",
                    place.as_ref(),
                ),
                (Scope::System, None) => {
                    let bad = name.filter(|name| Account::check(name).is_err());
                    if let Some(name) = bad.filter(|name| !name.contains("{{")) {
                        let message =
                            format!("no account can be called `{name}`, like the package");
                        let hint = format!("name one in [service.{}]: user = \"…\"", key.name);
                        self.hinted("service.user", message, place.as_ref(), Some(hint));
                    }
                }
                _ => {}
            }
        }
    }

    fn program(&mut self, service: &ServiceTable, launchers: &BTreeSet<String>) {
        let Some(program) = service.exec.first() else { return };
        let word = program.as_str();
        let windows = word.as_bytes().get(1) == Some(&b':');
        let wrong = word.is_empty() || word.starts_with(['-', '@', ':', '+', '!', '|']);
        if word.starts_with(['/', '{', '%']) || windows || wrong || launchers.contains(word) {
            return;
        }
        let message = format!("`{word}` is neither a path nor a launcher");
        let hint = format!("a program of this package is written \"{{{{ dir.bin }}}}/{word}\"");
        self.hinted("service.exec", message, program.place.as_ref(), Some(hint));
    }
}
