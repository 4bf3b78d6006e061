//! What the manifest says of repositories.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
};

use crate::{
    cli::{args::Flags, session::Session, ui::Ui},
    diagnostic::Diagnostics,
    manifest::{Names, Node, Release, Table, Value, decode, expand},
};

/// What the manifest says; without one nothing but where keys usually come from.
pub(super) struct Said {
    /// `package.name`.
    pub(super) name: Option<String>,
    /// `package.title`, else the name.
    pub(super) title: Option<String>,
    /// `[release.apt] suite`.
    pub(super) suite: Option<String>,
    /// `[release.apt] url`.
    pub(super) apt_url: Option<String>,
    /// `[release.dnf] url`.
    pub(super) dnf_url: Option<String>,
    /// `[sign]`, expanded.
    pub(super) tree: Node,
    /// The folder that its paths are relative to.
    pub(super) dir: PathBuf,
    /// The environment.
    pub(super) env: BTreeMap<String, String>,
}

/// Reads the named manifest, else the `pkggen.toml` of this folder, if there is one.
pub(super) fn read(flags: &Flags, ui: &Ui) -> Result<Said, Diagnostics> {
    let env = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut said = Said {
        name: None,
        title: None,
        suite: None,
        apt_url: None,
        dnf_url: None,
        tree: Node::new(Value::Table(Table::default())),
        dir: ".".into(),
        env,
    };
    let here = Path::new("pkggen.toml");
    let there = || here.exists().then(|| PathBuf::from(here));
    let Some(manifest) = flags.manifest.clone().or_else(there) else { return Ok(said) };
    let flags = Flags { manifest: Some(manifest), sign: false, ..flags.clone() };
    let session = Session::open(&flags, ui)?;
    session.dir().clone_into(&mut said.dir);
    said.take(&session.manifest().tree)?;
    Ok(said)
}

impl Said {
    fn take(&mut self, tree: &Node) -> Result<(), Diagnostics> {
        let text = |key: &str| {
            let node = tree.get("package").and_then(|package| package.get(key));
            node.and_then(Node::as_str).map(str::to_owned)
        };
        self.name = text("name");
        self.title = text("title").or_else(|| text("name"));
        let mut names = Names::default();
        names.env.clone_from(&self.env);
        names.set("name", self.name.clone().unwrap_or_default());
        names.set("title", self.title.clone().unwrap_or_default());
        // other names are for artifacts, and no artifact is made here
        let mut mini = Table::default();
        for (key, node) in tree.rows().filter(|(key, _)| ["vars", "sign"].contains(&&*key.name)) {
            mini.insert(key.clone(), node.clone());
        }
        if let Some(release) = release(tree) {
            mini.insert("release", release);
        }
        let tree = expand(&Node::new(Value::Table(mini)), &names)?;
        if let Some(node) = tree.get("release") {
            let release: Release = decode(node)?;
            self.suite =
                release.apt.as_ref().and_then(|apt| apt.suite.as_ref()).map(ToString::to_string);
            self.apt_url = release.apt.map(|apt| apt.url.to_string());
            self.dnf_url = release.dnf.map(|dnf| dnf.url.to_string());
        }
        self.tree = tree;
        Ok(())
    }
}

/// `[release.apt]` and `[release.dnf]` alone.
fn release(tree: &Node) -> Option<Node> {
    let mut mini = Table::default();
    for (key, node) in tree.get("release")?.rows() {
        if ["apt", "dnf"].contains(&key.name.as_str()) {
            mini.insert(key.clone(), node.clone());
        }
    }
    Some(Node::new(Value::Table(mini)))
}
