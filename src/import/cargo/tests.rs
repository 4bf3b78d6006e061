//! What each key becomes.

use super::*;

/// A package `hi` with one program.
pub(super) fn package() -> Package {
    serde_json::from_value(serde_json::json!({
        "id": "hi", "name": "hi", "version": "1.0.0", "authors": [],
        "manifest_path": "/w/hi/Cargo.toml",
        "targets": [{ "name": "hi", "kind": ["bin"], "crate_types": ["bin"] }],
    }))
    .unwrap()
}

pub(super) fn settings() -> Settings {
    Settings {
        cargo: std::env::var_os("CARGO").map_or("cargo".into(), PathBuf::from),
        dir: "/w/hi".into(),
        manifest: None,
        package: None,
        variant: None,
        targets: vec![(Target::parse("linux-x86_64").unwrap(), None)],
        profile: None,
        locked: false,
        offline: false,
        strip: true,
    }
}

/// A project on disk.
struct Folder(tempfile::TempDir);

const PACKAGE: &str = "[package]\nname = \"hi\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
                       description = \"Says hi\"\nlicense = \"MIT\"\nauthors = [\"A <a@b.c>\"]\n";

impl Folder {
    /// With `[package.metadata.deb]` and further files.
    fn deb(deb: &str, files: &[(&str, &str)]) -> Self {
        Self::new(&format!("{PACKAGE}[package.metadata.deb]\n{deb}"), files)
    }

    fn new(toml: &str, files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let main = [("Cargo.toml", toml), ("src/main.rs", "fn main() {}")];
        for (path, text) in main.iter().chain(files) {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn open(&self, change: impl FnOnce(&mut Settings)) -> Result<Project, Diagnostics> {
        let mut settings = Settings { dir: self.0.path().canonicalize().unwrap(), ..settings() };
        change(&mut settings);
        Project::open(settings)
    }

    fn manifest(&self) -> (Node, Vec<Diagnostic>) {
        self.open(|_| ()).unwrap().manifest().unwrap()
    }

    fn node(&self) -> Node {
        self.manifest().0
    }

    fn errors(&self) -> Vec<String> {
        let found = self.open(|_| ()).and_then(|project| project.manifest()).unwrap_err();
        found.errors.iter().map(ToString::to_string).collect()
    }
}

fn text(node: &Node, path: &[&str]) -> String {
    node.find(path).and_then(Node::as_str).unwrap_or("-").to_owned()
}

fn texts(node: &Node, path: &[&str]) -> Vec<String> {
    let items = node.find(path).and_then(Node::as_array).unwrap_or_default();
    items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// `source > type dest mode`, as far as they are written.
fn files(node: &Node) -> Vec<String> {
    let items = node.find(&["payload", "files"]).and_then(Node::as_array).unwrap();
    let word = |item: &Node, key| text(item, &[key]);
    items
        .iter()
        .map(|item| {
            let (source, role) = (word(item, "source"), word(item, "type"));
            format!("{source} > {role} {} {}", word(item, "dest"), word(item, "mode"))
        })
        .collect()
}

#[test]
fn a_package_without_tables_has_its_programs_and_readme() {
    let folder =
        Folder::new(PACKAGE, &[("README.md", "# hi\n\nhi is a small tool that says hi.\n")]);
    let node = folder.node();
    assert_eq!(files(&node), ["target/release/hi > bin hi 0755", "README.md > doc README.md 0644"]);
    assert_eq!(text(&node, &["package", "summary"]), "Says hi");
    assert_eq!(text(&node, &["package", "description"]), "hi is a small tool that says hi.");
    assert_eq!(text(&node, &["deb", "revision"]), "1");
    assert_eq!(texts(&node, &["package", "authors"]), ["A <a@b.c>"]);
}

#[test]
fn facts_of_the_package_keep_their_places() {
    let node = Folder::new(PACKAGE, &[]).node();
    let place = node.find(&["package", "summary"]).unwrap().place.clone().unwrap();
    assert_eq!(place.to_string(), "Cargo.toml:5:15");
}

#[test]
fn facts_that_a_workspace_says_are_found_there() {
    let root = "[workspace]\nmembers = [\"hi\"]\n[workspace.package]\nversion = \"2.0.0\"\n\
                [workspace.metadata.pkggen.deb]\nsection = \"net\"\n";
    let member = "[package]\nname = \"hi\"\nversion.workspace = true\nlicense = \"MIT\"\n";
    let folder =
        Folder::new(root, &[("hi/Cargo.toml", member), ("hi/src/main.rs", "fn main() {}")]);
    let node = folder.node();
    let version = node.find(&["package", "version"]).unwrap();
    assert_eq!(version.as_str().unwrap(), "2.0.0");
    assert_eq!(version.place.clone().unwrap().to_string(), "Cargo.toml:4:11");
    assert_eq!(text(&node, &["deb", "section"]), "net");
    assert!(files(&node)[0].ends_with("/target/release/hi > bin hi 0755"), "{:?}", files(&node));
}

#[test]
fn names_have_no_underscores_and_no_capitals() {
    let toml = PACKAGE.replace("\"hi\"", "\"My_App\"");
    assert_eq!(text(&Folder::new(&toml, &[]).node(), &["package", "name"]), "my-app");
    let own = Folder::deb("name = \"hi-there\"", &[]);
    assert_eq!(text(&own.node(), &["package", "name"]), "hi-there");
}

#[test]
fn texts_of_the_control_file_are_taken_over() {
    let deb = "maintainer = \"M <m@b.c>\"\ncopyright = \"2020 M\"\nsection = \"utils\"\n\
               priority = \"extra\"\nextended-description = \"\"\"\\\nLong {{ text }}.\"\"\"\nrevision = \"2~x\"\n";
    let node = Folder::deb(deb, &[]).node();
    assert_eq!(text(&node, &["deb", "maintainer"]), "M <m@b.c>");
    assert_eq!(text(&node, &["package", "copyright"]), "2020 M");
    assert_eq!(text(&node, &["deb", "section"]), "utils");
    assert_eq!(text(&node, &["deb", "priority"]), "extra");
    assert_eq!(text(&node, &["deb", "revision"]), "2~x");
    assert_eq!(text(&node, &["package", "description"]), "Long {{ \"{{\" }} text }}.");
}

#[test]
fn a_section_is_lower_case() {
    let (node, warnings) = Folder::deb("section = \"Network\"", &[]).manifest();
    assert_eq!(text(&node, &["deb", "section"]), "network");
    assert_eq!(warnings[0].code, "cargo.section");
}

#[test]
fn an_empty_revision_is_none() {
    assert_eq!(text(&Folder::deb("revision = \"\"", &[]).node(), &["deb", "revision"]), "-");
}

#[test]
fn a_description_may_be_in_a_file() {
    let folder =
        Folder::deb("extended-description-file = \"d.txt\"", &[("d.txt", "From a file.\n")]);
    assert_eq!(text(&folder.node(), &["package", "description"]), "From a file.");
    let missing = Folder::deb("extended-description-file = \"d.txt\"", &[]).errors();
    assert!(missing[0].contains("`d.txt` cannot be read\n --> Cargo.toml:9:29"), "{}", missing[0]);
}

#[test]
fn relations_may_be_strings_or_lists() {
    let deb = "depends = \"$auto, liba (>= 1) | libb,\"\npre-depends = [\"c\", \"d, e\"]\nprovides = \"\"";
    let node = Folder::deb(deb, &[]).node();
    assert_eq!(texts(&node, &["deb", "depends"]), ["$auto", "liba (>= 1) | libb"]);
    assert_eq!(texts(&node, &["deb", "pre-depends"]), ["c", "d", "e"]);
    assert!(texts(&node, &["deb", "provides"]).is_empty());
    assert!(node.find(&["deb", "recommends"]).is_none());
}

#[test]
fn relations_of_one_architecture_become_overrides() {
    let node = Folder::deb("depends = [\"a\", \"b [arm64]\"]", &[]).node();
    assert_eq!(texts(&node, &["deb", "depends"]), ["a"]);
    assert_eq!(texts(&node, &["override", "linux-aarch64", "deb", "depends"]), ["b"]);
    assert!(node.find(&["override", "linux-x86_64"]).is_none());
}

#[test]
fn assets_get_the_type_of_the_folder_they_go_to() {
    let deb = "assets = [[\"target/release/hi\", \"usr/bin/\", \"755\"],\n\
               [\"a\", \"/usr/share/man/man1/hi.1\", \"644\"],\n\
               [\"a\", \"usr/share/bash-completion/completions/hi\", \"644\"],\n\
               [\"a\", \"usr/share/bash-completion/completions/hi.bash\", \"644\"],\n\
               [\"a\", \"usr/share/zsh/vendor-completions/_hi\", \"644\"],\n\
               [\"a\", \"usr/share/doc/hi/\", \"0644\"],\n\
               [\"a\", \"etc/hi/hi.conf\"],\n\
               { source = \"a\", dest = \"etc/default/hi\", mode = \"600\" },\n\
               [\"a\", \"usr/sbin/\", \"4755\"]]";
    let node = Folder::deb(deb, &[("a", "")]).node();
    assert_eq!(
        files(&node),
        [
            "a > config /etc/default/hi 0600",
            "a > config hi.conf -",
            "target/release/hi > bin hi 0755",
            "a > bin /usr/sbin/a 4755",
            "a > completion hi 0644",
            "a > data /usr/share/bash-completion/completions/hi.bash 0644",
            "a > doc a 0644",
            "a > man man1/hi.1 0644",
            "a > completion _hi 0644",
        ]
    );
    let items = node.find(&["payload", "files"]).unwrap().as_array().unwrap();
    assert_eq!(texts(&items[0], &["only"]), ["linux"]);
    assert!(items[1].get("only").is_none());
}

#[test]
fn globs_are_files() {
    let deb = "assets = [[\"man/*\", \"usr/share/man/man1/\", \"644\"], [\"d/**/*\", \"usr/share/hi\", \"644\"]]";
    let folder = Folder::deb(deb, &[("man/a.1", ""), ("man/b.1", ""), ("d/x/y", ""), ("d/z", "")]);
    assert_eq!(
        files(&folder.node()),
        [
            "d/x/y > data x/y 0644",
            "d/z > data z 0644",
            "man/a.1 > man man1/a.1 0644",
            "man/b.1 > man man1/b.1 0644",
        ]
    );
}

#[test]
fn links_are_followed_unless_they_are_preserved() {
    let links = |preserve: &str| {
        let deb = format!(
            "{preserve}\nassets = [[\"l\", \"usr/bin/\", \"777\"], {{ dest = \"usr/bin/m\", link_name = \"hi\" }}]"
        );
        let folder = Folder::deb(&deb, &[("bin/hi", "")]);
        std::os::unix::fs::symlink("bin/hi", folder.0.path().join("l")).unwrap();
        let node = folder.node();
        let links = node.find(&["payload", "links"]).unwrap().as_array().unwrap().to_vec();
        let links: Vec<_> = links
            .iter()
            .map(|l| format!("{} {}", text(l, &["dest"]), text(l, &["target"])))
            .collect();
        (files(&node), links)
    };
    assert_eq!(links(""), (vec!["bin/hi > bin l 0777".to_owned()], vec!["m hi".to_owned()]));
    assert_eq!(
        links("preserve-symlinks = true"),
        (vec![], vec!["l bin/hi".to_owned(), "m hi".to_owned()])
    );
}

#[test]
fn explicit_assets_win_over_automatic_ones() {
    let deb = "assets = [\"$auto\", [\"wrapper\", \"usr/bin/hi\", \"755\"]]";
    let folder = Folder::deb(deb, &[("wrapper", ""), ("README.md", "")]);
    let want = ["wrapper > bin hi 0755", "README.md > doc README.md 0644"];
    assert_eq!(files(&folder.node()), want);
}

#[test]
fn a_path_that_is_listed_twice_is_told() {
    let deb = "assets = [[\"a\", \"usr/bin/x\", \"755\"], [\"b\", \"usr/bin/x\", \"755\"]]";
    let (node, warnings) = Folder::deb(deb, &[("a", ""), ("b", "")]).manifest();
    assert_eq!(files(&node), ["a > bin x 0755"]);
    assert_eq!(warnings[0].message, "`/usr/bin/x` is listed twice; the first one wins");
}

#[test]
fn conf_files_are_configuration_wherever_they_are() {
    let deb = "conf-files = [\"/var/lib/hi/conf\", \"src.conf\"]\n\
               assets = [[\"src.conf\", \"var/lib/hi/conf\", \"640\"]]";
    let (node, warnings) = Folder::deb(deb, &[("src.conf", "")]).manifest();
    assert_eq!(files(&node), ["src.conf > config /var/lib/hi/conf 0640"]);
    assert_eq!(warnings[0].code, "cargo.conf-files");
    assert!(warnings[0].to_string().contains("nothing is installed as `src.conf`"));
}

#[test]
fn units_are_registered_when_there_are_scripts() {
    let unit = ("debian/hi.service", "[Service]\n[Install]\n");
    let deb = "maintainer-scripts = \"debian\"\nsystemd-units = { enable = false, restart-after-upgrade = false }";
    let folder = Folder::deb(deb, &[unit, ("debian/postinst", "#!/bin/sh\n#DEBHELPER#\n")]);
    let node = folder.node();
    let service = node.find(&["service", "hi"]).unwrap();
    assert_eq!(text(service, &["unit"]), "debian/hi.service");
    assert_eq!(service.get("enable").unwrap().as_bool(), Some(false));
    assert_eq!(service.get("start").unwrap().as_bool(), Some(true));
    assert_eq!(text(service, &["upgrade"]), "stop-first");
    assert_eq!(text(&node, &["deb", "maintainer-scripts", "postinst"]), "debian/postinst");
    assert_eq!(files(&node), ["target/release/hi > bin hi 0755"]);
}

#[test]
fn units_without_scripts_are_only_files() {
    let folder = Folder::deb("systemd-units = {}", &[("systemd/hi.service", "[Install]\n")]);
    let (node, warnings) = folder.manifest();
    let files = files(&node);
    assert_eq!(files[1], "systemd/hi.service > data /usr/lib/systemd/system/hi.service 0644");
    assert!(node.get("service").is_none());
    assert_eq!(warnings[0].code, "cargo.units");
}

#[test]
fn each_table_of_units_has_its_own_policy() {
    let deb = "maintainer-scripts = \"d\"\n[[package.metadata.deb.systemd-units]]\nunit-name = \"a\"\nstart = false\n\
               [[package.metadata.deb.systemd-units]]\nunit-name = \"b\"\nenable = false\n";
    let folder =
        Folder::deb(deb, &[("d/hi.a.service", "[Install]\nAlso=b.timer\n"), ("d/b.timer", "")]);
    let node = folder.node();
    let start = |name: &str| node.find(&["service", name, "start"]).and_then(Node::as_bool);
    assert_eq!((start("a"), start("b.timer")), (Some(false), Some(false)));
    assert_eq!(text(&node, &["service", "b.timer", "unit"]), "d/b.timer");
}

#[test]
fn a_script_without_a_place_for_generated_text_is_refused() {
    let deb = "maintainer-scripts = \"debian\"\nsystemd-units = {}";
    let folder =
        Folder::deb(deb, &[("debian/service", "[Install]\n"), ("debian/postinst", "#!/bin/sh\n")]);
    let errors = folder.errors();
    assert!(
        errors[0].starts_with(
            "error: `debian/postinst` has no line `#DEBHELPER#`\n --> Cargo.toml:9:22"
        ),
        "{}",
        errors[0]
    );
}

#[test]
fn debconf_and_triggers_are_taken_over() {
    let deb = "maintainer-scripts = \"debian\"\ntriggers-file = \"t\"";
    let files = [
        ("debian/config", "c"),
        ("debian/templates", "t"),
        ("t", "# x\ninterest-noawait /a # y\n"),
    ];
    let node = Folder::deb(deb, &files).node();
    assert_eq!(text(&node, &["deb", "debconf", "config"]), "c");
    assert_eq!(text(&node, &["deb", "debconf", "templates"]), "t");
    assert_eq!(texts(&node, &["deb", "triggers"]), ["interest-noawait /a"]);
}

#[test]
fn licence_texts_are_found_or_named() {
    let found = Folder::new(PACKAGE, &[("LICENSE-MIT", ""), ("COPYING", ""), ("license.rs", "")]);
    assert_eq!(texts(&found.node(), &["package", "license-files"]), ["COPYING", "LICENSE-MIT"]);
    let named =
        Folder::deb("license-file = [\"LICENSE\", \"4\"]", &[("LICENSE", ""), ("COPYING", "")]);
    assert_eq!(texts(&named.node(), &["package", "license-files"]), ["LICENSE"]);
}

#[test]
fn a_licence_in_debians_form_is_the_copyright_file() {
    let folder =
        Folder::deb("license-file = \"COPYRIGHT\"", &[("COPYRIGHT", "Format: https://x\n")]);
    let node = folder.node();
    assert!(files(&node).contains(&"COPYRIGHT > doc copyright 0644".to_owned()));
    assert!(node.find(&["package", "license-files"]).is_none());
}

#[test]
fn a_variant_is_laid_over_the_base() {
    let deb = "depends = \"a\"\nsection = \"net\"\nassets = [[\"a\", \"usr/bin/a\", \"755\"]]\n\
               [package.metadata.deb.variants.small]\ndepends = \"b\"\n\
               merge-assets.append = [[\"b\", \"usr/bin/b\", \"755\"]]\n\
               merge-assets.by.dest = [[\"c\", \"usr/bin/a\", \"700\"]]\n";
    let folder = Folder::deb(deb, &[]);
    let project = folder.open(|settings| settings.variant = Some("small".into())).unwrap();
    let (node, _) = project.manifest().unwrap();
    assert_eq!(text(&node, &["package", "name"]), "hi-small");
    assert_eq!(texts(&node, &["deb", "depends"]), ["b"]);
    assert_eq!(text(&node, &["deb", "section"]), "net");
    assert_eq!(files(&node), ["c > bin a 0700", "b > bin b 0755"]);
    let plain = folder.node();
    assert_eq!((text(&plain, &["package", "name"]), files(&plain).len()), ("hi".into(), 1));
}

#[test]
fn an_unknown_variant_is_answered_with_the_names() {
    let folder = Folder::deb("[package.metadata.deb.variants.small]\n", &[]);
    let found = folder.open(|settings| settings.variant = Some("smal".into())).unwrap_err();
    assert_eq!(found.errors[0].message, "there is no variant `smal`");
    assert_eq!(found.errors[0].hint.as_deref(), Some("there are `small`"));
}

#[test]
fn mistakes_point_into_cargo_toml() {
    let error = |deb: &str| Folder::deb(deb, &[]).errors().join("\n");
    let unknown = error("licence-file = \"x\"");
    assert!(
        unknown.contains("`package.metadata.deb` has no key `licence-file`\n --> Cargo.toml:9:1"),
        "{unknown}"
    );
    assert!(unknown.contains("did you mean `license-file`?"), "{unknown}");
    let kind = error("depends = 3");
    assert!(kind.contains("--> Cargo.toml:9:11"), "{kind}");
    let mode = error("assets = [[\"a\", \"b\", \"9\"]]");
    assert!(mode.contains("`9` is no file mode\n --> Cargo.toml:9:22"), "{mode}");
    let dir = error("assets = [[\"target/x86_64-unknown-linux-gnu/release/hi\", \"b\", \"755\"]]");
    assert!(dir.contains("write `target/release/`"), "{dir}");
    let glob = error("assets = [[\"none/*\", \"b\", \"755\"]]");
    assert!(glob.contains("no file matches `none/*`\n --> Cargo.toml:9:12"), "{glob}");
    let auto = error("assets = [\"auto\"]");
    assert!(auto.contains("--> Cargo.toml:9:11"), "{auto}");
}

#[test]
fn what_is_built_is_where_cargo_puts_it() {
    let deb = "profile = \"dist\"\nassets = [[\"target/release/hi\", \"usr/bin/\", \"755\"], \
               [\"target/dist/extra/x\", \"usr/share/hi/\", \"644\"], [\"target/release/../man/hi.1\", \"usr/share/hi/\", \"644\"]]";
    let folder = Folder::new(
        &format!("{PACKAGE}[profile.dist]\ninherits = \"release\"\n[package.metadata.deb]\n{deb}"),
        &[],
    );
    assert_eq!(
        files(&folder.node()),
        [
            "target/dist/hi > bin hi 0755",
            "target/man/hi.1 > data hi.1 0644",
            "target/dist/extra/x > data x 0644"
        ]
    );
    let project = folder.open(|settings| {
        let pair =
            |word| Settings::target(word).map(|(target, triple)| (target, Some(triple))).unwrap();
        settings.targets = vec![pair("linux-x86_64"), pair("aarch64-unknown-linux-gnu")];
    });
    let (node, _) = project.unwrap().manifest().unwrap();
    let of = |target: &str| {
        let list =
            node.find(&["override", target, "payload", "files"]).unwrap().as_array().unwrap();
        text(&list[0], &["source"])
    };
    assert_eq!(of("linux-x86_64"), "target/x86_64-unknown-linux-gnu/dist/hi");
    assert_eq!(of("linux-aarch64"), "target/aarch64-unknown-linux-gnu/dist/hi");
    assert_eq!(texts(&node, &["targets", "linux", "arch"]), ["x86_64", "aarch64"]);
}

#[test]
fn cargo_is_told_what_to_compile() {
    let args = |deb: &str, profile: &str| {
        let folder =
            Folder::new(&format!("{PACKAGE}{profile}\n[package.metadata.deb]\n{deb}"), &[]);
        let command = folder.open(|_| ()).unwrap().build();
        let words: Vec<_> =
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        (words[3..].join(" "), command.get_envs().count())
    };
    assert_eq!(args("", ""), ("--release --bin hi".into(), 1));
    assert_eq!(
        args("features = [\"x\"]\ndefault-features = false", "[features]\nx = []").0,
        "--release --no-default-features --features x --bin hi"
    );
    assert_eq!(args("", "[profile.release]\ndebug = 1").1, 0);
    assert_eq!(args("", "[profile.release]\nstrip = true").1, 0);
    assert_eq!(args("separate-debug-symbols = true", "").1, 0);
}

#[test]
fn own_tables_win() {
    let toml = format!(
        "{PACKAGE}[package.metadata.deb]\nsection = \"net\"\npriority = \"extra\"\n\
                        [package.metadata.pkggen.deb]\nsection = \"utils\"\n"
    );
    let node = Folder::new(&toml, &[]).node();
    assert_eq!(text(&node, &["deb", "section"]), "utils");
    assert_eq!(text(&node, &["deb", "priority"]), "extra");
}

#[test]
fn tables_of_other_tools_are_named() {
    let toml = format!("{PACKAGE}[package.metadata.generate-rpm]\nassets = []\n");
    let project = Folder::new(&toml, &[]).open(|_| ()).unwrap();
    assert!(project.warnings()[0].message.contains("cargo-generate-rpm"));
    assert_eq!(project.warnings()[0].place.clone().unwrap().line_column().0, 8);
}

#[test]
fn what_has_no_equivalent_is_named() {
    let (_, warnings) =
        Folder::deb("separate-debug-symbols = true\ndbgsym = false", &[]).manifest();
    let codes: Vec<_> = warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(codes, ["cargo.debug-symbols"]);
}

#[test]
fn a_package_that_builds_no_program_is_refused() {
    let folder = Folder::new(PACKAGE, &[("src/lib.rs", "")]);
    fs::remove_file(folder.0.path().join("src/main.rs")).unwrap();
    assert!(folder.errors()[0].contains("`hi` builds no program"), "{:?}", folder.errors());
}

#[test]
fn a_program_whose_features_are_off_is_left_out() {
    let toml = format!(
        "{PACKAGE}[features]\nextra = []\n[[bin]]\nname = \"hi\"\npath = \"src/main.rs\"\n\
                        [[bin]]\nname = \"more\"\npath = \"src/main.rs\"\nrequired-features = [\"extra\"]\n"
    );
    let (node, warnings) = Folder::new(&toml, &[]).manifest();
    assert_eq!(files(&node), ["target/release/hi > bin hi 0755"]);
    assert_eq!(warnings[0].code, "cargo.features");
}

#[test]
fn the_manifest_written_by_init_reads_back() {
    let folder =
        Folder::deb("depends = \"a\"\n", &[("README.md", "# hi\n\nThis tool says hi to you.\n")]);
    let text = folder.open(|_| ()).unwrap().init().unwrap();
    assert!(text.contains("version = { from = \"cargo\" }"), "{text}");
    let manifest = crate::manifest::parse("pkggen.toml", &text, crate::format::TABLES);
    assert!(manifest.is_ok(), "{text}\n{:#?}", manifest.unwrap_err().errors);
}
