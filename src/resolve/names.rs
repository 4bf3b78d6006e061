//! What `{{ names }}` stand for in one artifact.

use super::{Job, Settings, source::Sources, version};
use crate::{
    diagnostic::Diagnostics,
    layout::Layout,
    manifest::{Names, Node, Table, Value, VersionSource, decode, expand},
    package::{Libc, Version, moving},
    tree::PayloadType,
};

/// Types whose directory is `{{ dir.X }}`.
const DIRS: [PayloadType; 9] = [
    PayloadType::Bin,
    PayloadType::Libexec,
    PayloadType::Lib,
    PayloadType::Config,
    PayloadType::Data,
    PayloadType::Model,
    PayloadType::State,
    PayloadType::Log,
    PayloadType::Cache,
];

/// Keys of `[package]` that are names themselves.
const OF_PACKAGE: [&str; 5] = ["name", "title", "version", "identifier", "summary"];

/// The names, and the version that was found on the way.
pub(super) struct Known {
    pub(super) names: Names,
    /// For services and launchers of an image that can be moved: directories with marks.
    pub(super) marked: Option<Names>,
    pub(super) version: Version,
    pub(super) identifier: String,
}

/// Finds the names for a merged tree. Without a layout `{{ dir.X }}` stays as it is.
pub(super) fn find(
    tree: &Node,
    job: &Job,
    settings: &Settings,
    sources: &Sources,
    layout: Option<&dyn Layout>,
    found: &mut Diagnostics,
) -> Option<Known> {
    let mut names = of_artifact(job, settings);
    let package = match first_pass(tree, &names) {
        Ok(package) => package,
        Err(errors) => {
            found.append(errors);
            return None;
        }
    };
    let text = |key: &str| package.get(key).and_then(Node::as_str);
    let name = text("name").unwrap_or_default().to_owned();
    let title = text("title").unwrap_or(&name).to_owned();
    let version = version_of(&package, settings, sources, found)?;
    let identifier = text("identifier").map(str::to_owned);
    let identifier = identifier.unwrap_or_else(|| derived(text("homepage"), &name));
    names.set("version", version.to_string());
    names.set("identifier", &identifier);
    names.set("summary", text("summary").unwrap_or_default());
    for role in DIRS {
        let key = format!("dir.{}", role.word());
        match layout {
            Some(layout) => names.set(key, layout.dir(role, &name, &title)),
            None => names.keep(key),
        }
    }
    names.set("name", name);
    names.set("title", title);
    names.keep("sha256");
    let marked = layout.and_then(|_| marked(&names));
    Some(Known { names, marked, version, identifier })
}

/// The names with marks for directories, if those are relative to an image.
fn marked(names: &Names) -> Option<Names> {
    if names.get("dir.bin")?.starts_with('/') {
        return None;
    }
    let mut marked = names.clone();
    for role in DIRS {
        let key = format!("dir.{}", role.word());
        let dir = match role {
            PayloadType::State => moving::STATE.to_string(),
            PayloadType::Log => moving::LOG.to_string(),
            PayloadType::Cache => moving::CACHE.to_string(),
            _ => format!("{}/{}", moving::IMAGE, names.get(&key).unwrap_or_default()),
        };
        marked.set(key, dir);
    }
    Some(marked)
}

/// Names that are known before anything of the manifest is.
fn of_artifact(job: &Job, settings: &Settings) -> Names {
    let target = job.target;
    let mut names = Names::default();
    names.env.clone_from(&settings.env);
    let libc = match target.libc {
        Some(Libc::Gnu) => "gnu",
        Some(Libc::Musl) => "musl",
        None => "",
    };
    for (name, value) in [
        ("os", target.os.word()),
        ("arch", target.arch.word()),
        ("format", job.format.name),
        ("variant", job.variant.as_deref().unwrap_or_default()),
        ("exe", target.exe()),
        ("goos", target.os.goos()),
        ("goarch", target.arch.goarch()),
        ("debarch", target.arch.debarch()),
        ("rpmarch", target.arch.rpmarch()),
        ("shortarch", target.arch.shortarch()),
        ("libc", libc),
    ] {
        names.set(name, value);
    }
    names.set("target", target.to_string());
    names
}

/// `[package]` expanded as far as the artifact is known: title and summary may use names, too.
fn first_pass(tree: &Node, names: &Names) -> Result<Node, Diagnostics> {
    let mut names = names.clone();
    for name in OF_PACKAGE {
        names.keep(name);
    }
    for role in DIRS {
        names.keep(format!("dir.{}", role.word()));
    }
    let mut package = Table::default();
    let rows = tree.get("package").into_iter().flat_map(Node::rows);
    for (key, node) in
        rows.filter(|(key, _)| OF_PACKAGE.contains(&key.name.as_str()) || key.name == "homepage")
    {
        package.insert(key.clone(), node.clone());
    }
    let mut mini = Table::default();
    if let Some(vars) = tree.get("vars") {
        mini.insert("vars", vars.clone());
    }
    mini.insert("package", Node::new(Value::Table(package)));
    let mut expanded = expand(&Node::new(Value::Table(mini)), &names)?;
    match &mut expanded.value {
        Value::Table(table) => Ok(table.remove("package").expect("it was just put there")),
        _ => unreachable!("a table stays a table"),
    }
}

fn version_of(
    package: &Node,
    settings: &Settings,
    sources: &Sources,
    found: &mut Diagnostics,
) -> Option<Version> {
    let Some(node) = package.get("version") else {
        let message = "`package` has no `version`, which is required";
        found.error(crate::diagnostic::Diagnostic::usage("manifest.missing", message));
        return None;
    };
    match decode::<VersionSource>(node) {
        Ok(from) => version::find(&from, node.place.as_ref(), sources, &settings.env, found),
        Err(errors) => {
            found.append(errors);
            None
        }
    }
}

/// The reversed host of the homepage and the name; `local.NAME` without a homepage.
fn derived(homepage: Option<&str>, name: &str) -> String {
    let host = homepage
        .and_then(|url| url.split_once("://"))
        .and_then(|(_, rest)| rest.split(['/', '?', '#', ':']).next())
        .map(|host| host.rsplit('@').next().unwrap_or(host))
        .map(|host| host.strip_prefix("www.").unwrap_or(host))
        .filter(|host| !host.is_empty());
    let plain = |text: &str| -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        text.chars().map(|c| if fits(c) { c } else { '-' }).collect()
    };
    let mut parts: Vec<_> = host.map_or_else(
        || vec!["local".to_owned()],
        |host| host.split('.').rev().map(|part| plain(&part.to_ascii_lowercase())).collect(),
    );
    parts.push(plain(name));
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_the_reversed_host_and_the_name() {
        for (homepage, want) in [
            (Some("https://offgrid-llm.io/x"), "io.offgrid-llm.demo"),
            (Some("https://www.Example.org:8080"), "org.example.demo"),
            (None, "local.demo"),
        ] {
            assert_eq!(derived(homepage, "demo"), want);
        }
        assert_eq!(derived(None, "a.b+c"), "local.a-b-c");
    }
}
