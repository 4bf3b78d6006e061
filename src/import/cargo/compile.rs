//! The `cargo build` that comes before packaging.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Project, Settings,
    deb::Asset,
    glob,
    metadata::{CargoTarget, Package},
    payload, says_symbols,
};

/// What is compiled, and how.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // each is a flag of cargo's
pub(super) struct Compile {
    /// `release` unless something says otherwise.
    pub(super) profile: String,
    /// `--features`.
    pub(super) features: Vec<String>,
    /// Without `--no-default-features`.
    pub(super) default_features: bool,
    /// Names for `--bin`.
    pub(super) bins: BTreeSet<String>,
    /// Names for `--example`.
    pub(super) examples: BTreeSet<String>,
    /// `--lib`, for a shared library.
    pub(super) lib: bool,
    /// `--workspace`: something of another member is packaged.
    pub(super) workspace: bool,
    /// Ask Cargo to strip: the profile says nothing of symbols.
    pub(super) strip: bool,
}

impl Compile {
    /// The folder that Cargo names after the profile.
    pub(super) fn profile_dir(&self) -> &str {
        if self.profile == "dev" { "debug" } else { &self.profile }
    }

    /// The command.
    pub(super) fn command(&self, package: &Package, settings: &Settings) -> Command {
        let mut command = Command::new(&settings.cargo);
        command.current_dir(&settings.dir).arg("build");
        command.arg("--manifest-path").arg(&package.manifest_path);
        match self.profile.as_str() {
            "release" => command.arg("--release"),
            other => command.args(["--profile", other]),
        };
        for (flag, is_set) in [("--locked", settings.locked), ("--offline", settings.offline)] {
            command.args(is_set.then_some(flag));
        }
        for (_, triple) in &settings.targets {
            command.args(triple.iter().flat_map(|triple| ["--target", triple]));
        }
        command.args((!self.default_features).then_some("--no-default-features"));
        if !self.features.is_empty() {
            command.args(["--features", &self.features.join(",")]);
        }
        command.args(self.workspace.then_some("--workspace"));
        command.args(self.bins.iter().flat_map(|name| ["--bin", name]));
        command.args(self.examples.iter().flat_map(|name| ["--example", name]));
        command.args(self.lib.then_some("--lib"));
        if self.strip {
            let profile = self.profile.to_ascii_uppercase().replace('-', "_");
            command.env(format!("CARGO_PROFILE_{profile}_STRIP"), "symbols");
        }
        command
    }

    /// The command as a user would type it in the project.
    pub(super) fn typed(&self, settings: &Settings) -> String {
        let mut words = vec!["cargo build".to_owned()];
        words.push(match self.profile.as_str() {
            "release" => "--release".to_owned(),
            other => format!("--profile {other}"),
        });
        let triples = settings.targets.iter().filter_map(|(_, triple)| triple.as_ref());
        words.extend(triples.map(|triple| format!("--target {triple}")));
        words.join(" ")
    }

    /// Where Cargo puts what it builds for a target.
    pub(super) fn out_dir(&self, target_dir: &Path, triple: Option<&str>) -> PathBuf {
        let mut dir = target_dir.to_owned();
        dir.extend(triple);
        dir.push(self.profile_dir());
        dir
    }

    /// Whether a program or library is built with these features.
    pub(super) fn builds(&self, package: &Package, target: &CargoTarget) -> bool {
        let on = self.enabled(&package.features);
        target.required_features.iter().all(|feature| on.contains(feature.as_str()))
    }

    /// The features that are on, with all those they bring.
    fn enabled<'a>(&'a self, features: &'a BTreeMap<String, Vec<String>>) -> BTreeSet<&'a str> {
        let mut todo: Vec<&str> = self.features.iter().map(String::as_str).collect();
        todo.extend(self.default_features.then_some("default"));
        let mut on = BTreeSet::new();
        while let Some(feature) = todo.pop() {
            if on.insert(feature) {
                todo.extend(features.get(feature).into_iter().flatten().map(String::as_str));
            }
        }
        on
    }
}

impl Project {
    /// What cargo is told to build: the programs and libraries among the assets.
    pub(super) fn what_to_compile(&self) -> Compile {
        let table = self.deb.profile.as_ref().map(|profile| profile.value.clone());
        let profile = self.settings.profile.clone().or(table).unwrap_or_else(|| "release".into());
        let root = self.workspace.as_ref().unwrap_or(&self.toml);
        let symbols = [&self.deb.separate_debug_symbols, &self.deb.dbgsym];
        let keep = symbols.into_iter().flatten().any(|symbols| symbols.value);
        let mut compile = Compile {
            strip: self.settings.strip && !keep && !says_symbols(root, &profile),
            profile,
            features: self.deb.features.clone(),
            default_features: self.deb.default_features.unwrap_or(true),
            ..Compile::default()
        };
        let auto = [Asset::Auto(None)];
        for asset in self.deb.assets.as_deref().unwrap_or(&auto) {
            self.compiled(asset, &mut compile);
        }
        compile
    }

    fn compiled(&self, asset: &Asset, compile: &mut Compile) {
        let file = match asset {
            Asset::Link { .. } => return,
            Asset::Auto(_) => {
                for target in &self.package.targets {
                    if compile.builds(&self.package, target) {
                        compile.bins.extend(target.is("bin").then(|| target.name.clone()));
                        compile.lib |= target.is("cdylib");
                    }
                }
                return;
            }
            Asset::File(file) => file,
        };
        let source = file.source.trim_start_matches("./");
        let in_profile = format!("target/{}/", compile.profile_dir());
        let below = source.strip_prefix("target/release/").or(source.strip_prefix(&in_profile));
        let Some(below) = below else { return };
        if glob::is_glob(below) {
            compile.workspace = true;
            return;
        }
        let name = below.rsplit('/').next().unwrap_or(below);
        let name = name.strip_suffix(".exe").unwrap_or(name);
        let has = |kind: &str, package: &Package| {
            package.targets.iter().any(|target| target.is(kind) && target.name == name)
        };
        let somewhere = |kind: &str| self.metadata.members().any(|package| has(kind, package));
        if payload::is_library(name) {
            compile.lib = true;
        } else if below.starts_with("examples/") && somewhere("example") {
            compile.workspace |= !has("example", &self.package);
            compile.examples.insert(name.to_owned());
        } else if somewhere("bin") {
            compile.workspace |= !has("bin", &self.package);
            compile.bins.insert(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::cargo::tests::{package, settings};

    fn words(compile: &Compile, settings: &Settings) -> String {
        let command = compile.command(&package(), settings);
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    fn release() -> Compile {
        Compile { profile: "release".into(), default_features: true, ..Compile::default() }
    }

    #[test]
    fn the_command_says_profile_features_and_targets() {
        let compile = Compile {
            profile: "dist".into(),
            features: vec!["a".into(), "b".into()],
            default_features: false,
            bins: ["hi".to_owned()].into(),
            ..release()
        };
        let triple = Some("aarch64-unknown-linux-gnu".to_owned());
        let target = crate::package::Target::parse("linux-aarch64").unwrap();
        let settings = Settings { targets: vec![(target, triple)], locked: true, ..settings() };
        assert_eq!(
            words(&compile, &settings),
            "build --manifest-path /w/hi/Cargo.toml --profile dist --locked \
             --target aarch64-unknown-linux-gnu --no-default-features --features a,b --bin hi"
        );
    }

    #[test]
    fn what_is_compiled_for_this_machine_has_no_triple() {
        assert_eq!(
            words(&release(), &settings()),
            "build --manifest-path /w/hi/Cargo.toml --release"
        );
        let dir = release().out_dir("/w/target".as_ref(), None);
        assert_eq!(dir, Path::new("/w/target/release"));
    }

    #[test]
    fn cargo_is_asked_to_strip_with_a_variable_of_the_profile() {
        let compile = Compile { profile: "my-dist".into(), strip: true, ..release() };
        let command = compile.command(&package(), &settings());
        let (name, value) = command.get_envs().next().unwrap();
        assert_eq!(name, "CARGO_PROFILE_MY_DIST_STRIP");
        assert_eq!(value.unwrap(), "symbols");
    }

    #[test]
    fn a_program_that_needs_a_feature_is_built_when_it_is_on() {
        let mut package = package();
        package.features.insert("default".into(), vec!["extra".into()]);
        package.features.insert("extra".into(), vec!["deep".into()]);
        let mut target = package.targets[0].clone();
        target.required_features = vec!["deep".into()];
        assert!(release().builds(&package, &target));
        assert!(!Compile { default_features: false, ..release() }.builds(&package, &target));
    }
}
