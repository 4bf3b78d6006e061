//! Where stores are. The first that has the model wins.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::machine::{Candidate, Machine};

/// Where services of distributions keep theirs, in the order they are tried.
const SYSTEM: &[(&str, &str)] = &[
    ("/usr/share/ollama/.ollama/models", "Ollama's install.sh"),
    ("/var/lib/ollama/models", "a distribution's service"),
    ("/var/lib/ollama/.ollama/models", "a distribution's service"),
    ("/var/lib/private/ollama/models", "a service with DynamicUser"),
    ("/var/snap/ollama/common/models", "the snap"),
];

/// Where units are, the strongest last.
const UNITS: &[&str] = &[
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/usr/local/lib/systemd/system",
    "/run/systemd/system",
    "/etc/systemd/system",
];

/// Where the apps keep their settings, from a home.
const APP_SETTINGS: &str = "Library/Application Support/Ollama/db.sqlite";

impl Machine {
    /// Directories that may be stores, each once.
    pub fn candidates(&self) -> Vec<Candidate> {
        let named = |dir: &Path, of: &str| Candidate { dir: dir.to_owned(), of: of.to_owned() };
        if let Some(dir) = &self.only {
            return vec![named(dir, "--ollama-models")];
        }
        let mut all = Vec::new();
        all.extend(self.var("OLLAMA_MODELS").map(|dir| named(Path::new(dir), "OLLAMA_MODELS")));
        all.extend(self.homes().iter().map(|home| named(&home.join(".ollama/models"), "the user")));
        all.extend(self.of_unit());
        all.extend(SYSTEM.iter().map(|(dir, of)| named(&self.at(dir), of)));
        all.extend(self.of_servers());
        let (mut paths, mut files) = (BTreeSet::new(), BTreeSet::new());
        all.retain(|place| {
            let file = place.dir.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
            paths.insert(place.dir.clone()) && file.is_none_or(|file| files.insert(file))
        });
        all
    }

    /// Settings of Ollama's apps: they may name another folder, and are not read.
    pub(super) fn app_settings(&self) -> Option<PathBuf> {
        let mac = self.homes().into_iter().map(|home| home.join(APP_SETTINGS));
        let windows = self.var("LOCALAPPDATA").map(|dir| Path::new(dir).join("Ollama/db.sqlite"));
        mac.chain(windows).find(|path| path.exists())
    }

    /// What `ollama.service` and its drop-ins say.
    fn of_unit(&self) -> Vec<Candidate> {
        let mut texts: Vec<_> = UNITS
            .iter()
            .rev()
            .find_map(|dir| fs::read_to_string(self.at(dir).join("ollama.service")).ok())
            .into_iter()
            .collect();
        let mut drop_ins = Vec::new();
        for dir in UNITS {
            let listing = fs::read_dir(self.at(dir).join("ollama.service.d")).into_iter().flatten();
            let paths = listing.filter_map(Result::ok).map(|entry| entry.path());
            drop_ins.extend(paths.filter(|path| path.extension().is_some_and(|e| e == "conf")));
        }
        // By name, wherever they are.
        drop_ins.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
        texts.extend(drop_ins.iter().filter_map(|path| fs::read_to_string(path).ok()));
        let unit = Unit::parse(&texts.concat(), |path| fs::read_to_string(self.at(path)).ok());
        let home = unit.user.as_deref().and_then(|user| self.home_of(user));
        let of = || "ollama.service".to_owned();
        let set = unit.models.and_then(|dir| specifiers(&dir, home.as_deref()));
        let set = set.map(|dir| Candidate { dir: self.at(dir), of: of() });
        let home = home.map(|home| Path::new(&home).join(".ollama/models"));
        let home = home.map(|dir| Candidate { dir: self.at(dir), of: of() });
        set.into_iter().chain(home).collect()
    }

    /// Stores of servers that run now, as they see them; only root may look.
    fn of_servers(&self) -> Vec<Candidate> {
        let listing = fs::read_dir(self.at("proc")).into_iter().flatten().filter_map(Result::ok);
        let mut ids: Vec<u32> =
            listing.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        ids.sort_unstable();
        ids.into_iter().filter_map(|id| self.of_server(id)).collect()
    }

    fn of_server(&self, id: u32) -> Option<Candidate> {
        let proc = self.at("proc").join(id.to_string());
        if fs::read_to_string(proc.join("comm")).ok()?.trim() != "ollama" {
            return None;
        }
        let env = fs::read(proc.join("environ")).ok()?;
        let env = String::from_utf8_lossy(&env);
        let var = |name: &str| {
            let set =
                env.split('\0').find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
            let set = set.trim().trim_matches(['"', '\'']);
            (!set.is_empty()).then(|| PathBuf::from(set))
        };
        let dir = var("OLLAMA_MODELS").or_else(|| Some(var("HOME")?.join(".ollama/models")))?;
        let dir = proc.join("root").join(dir.strip_prefix("/").ok()?);
        Some(Candidate { dir, of: format!("the running server {id}") })
    }
}

/// What a unit says of stores.
#[derive(Debug, Default, PartialEq, Eq)]
struct Unit {
    user: Option<String>,
    models: Option<String>,
}

impl Unit {
    /// Reads a unit with its drop-ins behind it; `file` reads what `EnvironmentFile` names.
    fn parse(text: &str, file: impl Fn(&str) -> Option<String>) -> Self {
        let mut unit = Self::default();
        for line in text.replace("\\\n", " ").lines() {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim();
            match key.trim() {
                "User" => unit.user = (!value.is_empty()).then(|| value.to_owned()),
                "Environment" if value.is_empty() => unit.models = None,
                "Environment" => {
                    for word in words(value) {
                        unit.assign(&word);
                    }
                }
                "EnvironmentFile" => {
                    let text = file(value.trim_start_matches('-')).unwrap_or_default();
                    for line in text.lines() {
                        unit.assign(line.trim());
                    }
                }
                _ => {}
            }
        }
        unit
    }

    fn assign(&mut self, word: &str) {
        if let Some(dir) = word.strip_prefix("OLLAMA_MODELS=") {
            self.models = Some(dir.trim().trim_matches(['"', '\'']).to_owned());
        }
    }
}

/// Words of a line as systemd splits them: blanks between, quotes around all or a part.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (c, None) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (c, _) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// A path with systemd's specifiers filled in, as far as they are known here.
fn specifiers(path: &str, home: Option<&str>) -> Option<String> {
    let path = path.replace("%S", "/var/lib").replace("%h", home.unwrap_or("%h"));
    let path = path.replace("%%", "\0");
    (path.starts_with('/') && !path.contains('%')).then(|| path.replace('\0', "%"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn machine(files: &[(&str, &str)], env: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let env: BTreeMap<_, _> = env.iter().map(own).collect();
        let machine = Machine { root: dir.path().into(), env, only: None, offline: true };
        (dir, machine)
    }

    /// Places of a machine, from its root.
    fn dirs(machine: &Machine) -> Vec<String> {
        let all = machine.candidates().into_iter();
        let shown = all.map(|place| place.dir.display().to_string());
        let root = machine.root.display().to_string();
        shown.map(|dir| dir.strip_prefix(&root).unwrap_or(&dir).to_owned()).collect()
    }

    #[test]
    fn the_flag_is_the_only_place() {
        let (_dir, mut machine) = machine(&[], &[("OLLAMA_MODELS", "/a")]);
        machine.only = Some("store".into());
        assert_eq!(dirs(&machine), ["store"]);
    }

    #[test]
    fn the_users_places_come_before_those_of_services() {
        let passwd = "root:x:0:0::/root:/bin/sh\nana:x:1000:1000::/home/ana:/bin/sh\n";
        let env = [("OLLAMA_MODELS", " \"/srv/m\" "), ("HOME", "/root"), ("SUDO_USER", "ana")];
        let (_dir, machine) = machine(&[("etc/passwd", passwd)], &env);
        let want = [
            "/srv/m",
            "/root/.ollama/models",
            "/home/ana/.ollama/models",
            "/usr/share/ollama/.ollama/models",
            "/var/lib/ollama/models",
            "/var/lib/ollama/.ollama/models",
            "/var/lib/private/ollama/models",
            "/var/snap/ollama/common/models",
        ];
        assert_eq!(dirs(&machine), want);
    }

    #[test]
    fn the_unit_its_drop_ins_and_the_home_of_its_user_count() {
        let passwd = "ollama:x:999:999::/opt/ollama:/bin/false\n";
        let unit = "[Service]\nUser=ollama\nEnvironment=\"PATH=/bin\" OLLAMA_MODELS=/one\n";
        let files = [
            ("etc/passwd", passwd),
            ("etc/systemd/system/ollama.service", unit),
            ("usr/lib/systemd/system/ollama.service", "Environment=OLLAMA_MODELS=/weak\n"),
            (
                "etc/systemd/system/ollama.service.d/b.conf",
                "Environment=\"OLLAMA_MODELS=/t w o\"\n",
            ),
            ("run/systemd/system/ollama.service.d/a.conf", "Environment=OLLAMA_MODELS=/early\n"),
        ];
        let (_dir, machine) = machine(&files, &[]);
        assert_eq!(dirs(&machine)[..2], ["/t w o", "/opt/ollama/.ollama/models"]);
    }

    #[test]
    fn a_unit_may_reset_or_read_its_environment() {
        let file =
            |path: &str| (path == "/etc/default/ollama").then(|| "OLLAMA_MODELS='/f'\n".into());
        let parse = |text: &str| Unit::parse(text, file).models;
        assert_eq!(parse("Environment=OLLAMA_MODELS=/a\nEnvironment=\n"), None);
        assert_eq!(parse("EnvironmentFile=-/etc/default/ollama\n").unwrap(), "/f");
        assert_eq!(specifiers("%S/ollama", None).unwrap(), "/var/lib/ollama");
        assert_eq!(specifiers("%h/models", Some("/home/o")).unwrap(), "/home/o/models");
        assert_eq!(specifiers("%i/models", None), None);
    }

    #[test]
    fn a_running_server_is_asked_for_its_environment() {
        let files = [
            ("proc/7/comm", "ollama\n"),
            ("proc/7/environ", "HOME=/root\0PATH=/bin\0"),
            ("proc/8/comm", "ollama\n"),
            ("proc/8/environ", "HOME=/root\0OLLAMA_MODELS=/data\0"),
            ("proc/9/comm", "bash\n"),
        ];
        let (_dir, machine) = machine(&files, &[]);
        let found = dirs(&machine);
        assert_eq!(
            found[found.len() - 2..],
            ["/proc/7/root/root/.ollama/models", "/proc/8/root/data"]
        );
    }

    #[test]
    fn a_store_with_two_names_is_tried_once() {
        let (dir, machine) =
            machine(&[("var/lib/ollama/models/x", "")], &[("OLLAMA_MODELS", "/nowhere")]);
        std::os::unix::fs::symlink(".", dir.path().join("var/lib/ollama/.ollama")).unwrap();
        let found = dirs(&machine);
        assert!(found.contains(&"/var/lib/ollama/models".into()));
        assert!(!found.contains(&"/var/lib/ollama/.ollama/models".into()));
    }
}
