//! The program as users see it: transcripts in `tests/cmd`, and what a transcript cannot show.

#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pkggen");

#[test]
fn transcripts_print_exactly_this() {
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .env("SOURCE_DATE_EPOCH", "315532800")
        .env("XDG_CACHE_HOME", concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"))
        .case("tests/cmd/*.trycmd");
}

/// A folder with a manifest that builds.
struct App(tempfile::TempDir);

impl App {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("hi"), "#!/bin/sh\necho hi\n").unwrap();
        fs::write(dir.path().join("hi.toml"), "loud = true\n").unwrap();
        let app = Self(dir);
        app.manifest("");
        app
    }

    /// Writes the manifest, with more at its end.
    fn manifest(&self, more: &str) {
        let text = r#"[package]
name = "hi"
version = "1.0.0"
summary = "Say hi"
license = "MIT"
authors = ["Ana <ana@example.org>"]
homepage = "https://example.org"

[targets]
linux = { arch = ["x86_64"], formats = ["deb", "tar.gz", "zip"] }

[payload]
files = [
  { source = "hi", type = "bin" },
  { source = "hi.toml", type = "config" },
]
"#;
        fs::write(self.0.path().join("pkggen.toml"), format!("{text}{more}")).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(args.split_whitespace())
            .current_dir(self.0.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env_remove("NO_COLOR")
            .env_remove("CARGO_TERM_COLOR")
            .env_remove("SOURCE_DATE_EPOCH");
        command
    }

    fn run(&self, args: &str) -> Run {
        Run::of(self.command(args).output().unwrap())
    }
}

/// What a run said.
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn stdout_has_a_path_per_artifact_and_nothing_else() {
    let app = App::new();
    let run = app.run("build");
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(
        run.out,
        "dist/hi_1.0.0_amd64.deb\ndist/hi-1.0.0-linux-x86_64.tar.gz\ndist/hi-1.0.0-linux-x86_64.zip\n"
    );
    for line in run.out.lines() {
        assert!(app.path(line).is_file(), "{line}");
    }
}

#[test]
fn the_output_folder_holds_artifacts_and_sums_only() {
    let app = App::new();
    assert_eq!(app.run("deb").code, 0);
    assert_eq!(app.run("zip").code, 0);
    let want = ["SHA256SUMS", "hi-1.0.0-linux-x86_64.zip", "hi_1.0.0_amd64.deb"];
    assert_eq!(names(&app.path("dist")), want);
    let sums = fs::read_to_string(app.path("dist/SHA256SUMS")).unwrap();
    let named: Vec<_> = sums.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(named, want[1..]);
    let run = app.run("verify dist");
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
}

#[test]
fn scripts_without_targets_are_one_deb_for_every_architecture() {
    let app = App::new();
    let text = fs::read_to_string(app.path("pkggen.toml")).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !line.starts_with("linux ="))
        .fold(String::new(), |all, line| if line == "[targets]" { all } else { all + line + "\n" });
    fs::write(app.path("pkggen.toml"), without).unwrap();
    let run = app.run("deb");
    assert_eq!((run.out.as_str(), run.code), ("dist/hi_1.0.0_all.deb\n", 0), "{}", run.err);
    assert_eq!(run.err, "");
    let control = app.run("inspect dist/hi_1.0.0_all.deb --control").out;
    assert!(control.contains("Architecture: all"), "{control}");
}

#[test]
fn mistakes_of_the_manifest_and_missing_sources_are_one_report() {
    let app = App::new();
    let text = fs::read_to_string(app.path("pkggen.toml")).unwrap();
    let wrong = text.replace("license =", "licence =").replace("\"hi.toml\"", "\"ho.toml\"");
    fs::write(app.path("pkggen.toml"), wrong).unwrap();
    let run = app.run("check");
    assert_eq!(run.code, 2);
    for part in ["has no `license`", "no key `licence`", "`ho.toml` does not exist"] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
}

#[test]
fn json_is_one_document_and_has_the_exact_size() {
    let app = App::new();
    let run = app.run("deb --json");
    let artifact = &run.json()["artifacts"][0];
    let len = fs::metadata(app.path("dist/hi_1.0.0_amd64.deb")).unwrap().len();
    assert_eq!(artifact["size"], len);
    assert_eq!(artifact["path"], "dist/hi_1.0.0_amd64.deb");
    assert_eq!(artifact["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn events_are_one_object_per_line() {
    let app = App::new();
    let run = app.run("build --message-format json");
    let events: Vec<serde_json::Value> =
        run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons: Vec<_> =
        events.iter().map(|event| event["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons, ["artifact", "artifact", "artifact", "build-finished"]);
    assert_eq!(events[3]["success"], true);
}

#[test]
fn an_error_in_json_has_its_code_and_place() {
    let app = App::new();
    fs::remove_file(app.path("hi.toml")).unwrap();
    let run = app.run("build --json");
    assert_eq!(run.code, 2);
    let json = run.json();
    let error = &json["errors"][0];
    assert_eq!(error["code"], "source.missing");
    assert_eq!(error["place"]["file"], "pkggen.toml");
    assert_eq!(error["place"]["line"], 15);
    assert!(run.err.contains("--> pkggen.toml:15:"));
}

#[test]
fn a_failed_build_leaves_the_earlier_artifact_and_nothing_else() {
    let app = App::new();
    assert_eq!(app.run("deb").code, 0);
    let before = fs::read(app.path("dist/hi_1.0.0_amd64.deb")).unwrap();
    fs::remove_file(app.path("hi")).unwrap();
    assert_eq!(app.run("deb").code, 2);
    assert_eq!(fs::read(app.path("dist/hi_1.0.0_amd64.deb")).unwrap(), before);
    assert_eq!(names(&app.path("dist")), ["SHA256SUMS", "hi_1.0.0_amd64.deb"]);
}

#[test]
fn two_artifacts_of_one_name_are_refused() {
    let app = App::new();
    app.manifest("[archive]\nfile-name = \"same.archive\"\n");
    let run = app.run("build tar.gz zip");
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(run.err.contains("same.archive"), "{}", run.err);
    assert!(!app.path("dist").exists());
}

#[test]
fn check_and_plan_write_nothing() {
    let app = App::new();
    let before = names(app.0.path());
    for verb in ["check", "plan", "plan --json", "explain hi.toml", "formats"] {
        let run = app.run(verb);
        assert_eq!(run.code, 0, "{verb}: {}", run.err);
    }
    assert_eq!(names(app.0.path()), before);
}

#[test]
fn what_is_asked_for_and_cannot_be_made_is_an_error() {
    let app = App::new();
    for args in ["dmg", "build appimage", "build deb dmg"] {
        let run = app.run(args);
        assert_eq!(run.code, 3, "{args}: {}{}", run.out, run.err);
        assert!(run.out.is_empty() && run.err.starts_with("error: "), "{args}: {}", run.err);
    }
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let app = App::new();
    fs::remove_file(app.path("hi")).unwrap();
    let red = |run: Run| run.err.contains("\x1b[1;31merror:");
    assert!(!red(app.run("check")));
    assert!(red(app.run("check --color always")));
    let mut command = app.command("check");
    assert!(red(Run::of(command.env("CARGO_TERM_COLOR", "always").output().unwrap())));
    let mut command = app.command("check --color always");
    assert!(red(Run::of(command.env("NO_COLOR", "1").output().unwrap())));
}

#[test]
fn a_reader_that_went_away_is_no_panic() {
    let app = App::new();
    let mut child = app
        .command("completions bash")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
}

#[test]
fn a_first_manifest_passes_check_and_is_not_written_over() {
    let app = App::new();
    fs::remove_file(app.path("pkggen.toml")).unwrap();
    let run = app.run("init --from dir");
    assert_eq!((run.code, run.out.as_str()), (0, "pkggen.toml\n"), "{}", run.err);
    let run = app.run("check");
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(app.run("init --from dir").code, 2);
    assert_eq!(app.run("init --from dir --yes").code, 0);
}

#[test]
fn cargo_runs_it_under_its_own_name() {
    let app = App::new();
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-pkggen"))
        .args(["pkggen", "plan", "--json"])
        .current_dir(app.0.path())
        .output()
        .unwrap();
    let run = Run::of(output);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.json()["artifacts"].as_array().unwrap().len(), 3);
}

#[test]
fn verify_says_what_it_compared_and_compares_with_the_manifest() {
    let app = App::new();
    assert_eq!(app.run("build").code, 0);
    let run = app.run("verify dist --strict");
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for line in run.out.lines() {
        assert!(line.ends_with(": ok (structure, digests, SHA256SUMS, manifest)"), "{line}");
    }
    assert_eq!(run.out.lines().count(), 3);
    fs::write(app.path("hi.toml"), "loud = false\n").unwrap();
    let run = app.run("verify dist");
    assert_eq!(run.code, 1);
    assert_eq!(run.out.matches("FAILED").count(), 3, "{}", run.out);
    assert!(run.out.contains("problem: not as the manifest says: file "), "{}", run.out);
    let compared = &app.run("verify dist --json").json()["files"][0]["compared"];
    assert_eq!(compared[3], "manifest");
}

#[test]
fn verify_of_a_good_package_survives_a_manifest_that_cannot_be_planned() {
    let app = App::new();
    assert_eq!(app.run("deb").code, 0);
    let deb = "dist/hi_1.0.0_amd64.deb";
    let says = |why: &str| {
        let run = app.run(&format!("verify {deb}"));
        let want =
            format!("{deb}: ok (structure, digests, SHA256SUMS)\n  note: manifest not compared: ");
        assert!(run.code == 0 && run.out.starts_with(&want), "{}{}", run.out, run.err);
        assert!(run.out.contains(why), "{}", run.out);
        assert_eq!(app.run(&format!("verify --strict {deb}")).code, 1);
    };
    fs::remove_file(app.path("hi")).unwrap();
    says("payload `hi` does not exist (pkggen.toml:14:14)");
    fs::write(app.path("pkggen.toml"), "[package").unwrap();
    says("pkggen.toml:1");
    assert_eq!(app.run(&format!("verify -m other.toml {deb}")).code, 2);
    fs::remove_file(app.path("pkggen.toml")).unwrap();
    let run = app.run(&format!("verify --strict {deb}"));
    assert_eq!((run.code, run.out), (0, format!("{deb}: ok (structure, digests, SHA256SUMS)\n")));
}

#[test]
fn verify_of_a_package_the_manifest_does_not_make_is_silent_about_it() {
    let app = App::new();
    assert_eq!(app.run("deb").code, 0);
    fs::rename(app.path("dist/hi_1.0.0_amd64.deb"), app.path("other.deb")).unwrap();
    fs::write(app.path("hi"), "#!/bin/sh\necho other\n").unwrap();
    let run = app.run("verify other.deb --strict");
    assert_eq!((run.code, run.out.as_str()), (0, "other.deb: ok (structure, digests)\n"));
}

#[test]
fn verify_takes_the_times_of_a_package_as_the_environment_of_its_build_had_them() {
    let app = App::new();
    let mut build = app.command("build");
    assert!(build.env("SOURCE_DATE_EPOCH", "1700000000").status().unwrap().success());
    let run = app.run("verify dist");
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(run.out.matches("note: made with SOURCE_DATE_EPOCH=1700000000").count(), 3);
}

#[test]
fn keep_going_makes_the_formats_that_can_be_made() {
    let app = App::new();
    let run = app.run("build appimage deb dmg");
    assert_eq!((run.code, run.out.as_str()), (3, ""), "{}", run.err);
    let run = app.run("build --keep-going appimage deb dmg");
    assert_eq!((run.code, run.out.as_str()), (3, "dist/hi_1.0.0_amd64.deb\n"), "{}", run.err);
    for word in ["appimage", "dmg"] {
        assert!(run.err.contains(&format!("error: this version of pkggen makes no {word} yet")));
    }
    let json = app.run("build --keep-going appimage zip --json").json();
    assert_eq!(json["artifacts"][0]["format"], "zip");
    assert_eq!(json["errors"][0]["code"], "format.later");
    assert_eq!(app.run("build --keep-going appimage zipp deb").code, 2);
}

#[test]
fn keep_going_goes_on_after_an_artifact_could_not_be_written() {
    let app = App::new();
    // No file can take the place of a folder that holds something.
    fs::create_dir_all(app.path("dist/hi_1.0.0_amd64.deb/full")).unwrap();
    let run = app.run("build deb zip");
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    let run = app.run("build --keep-going deb zip");
    assert_eq!(
        (run.code, run.out.as_str()),
        (1, "dist/hi-1.0.0-linux-x86_64.zip\n"),
        "{}",
        run.err
    );
    assert!(run.err.contains("hi_1.0.0_amd64.deb"), "{}", run.err);
    let want = ["SHA256SUMS", "hi-1.0.0-linux-x86_64.zip", "hi_1.0.0_amd64.deb"];
    assert_eq!(names(&app.path("dist")), want);
    assert_eq!(names(&app.path("dist/hi_1.0.0_amd64.deb")), ["full"]);
}

#[test]
fn a_build_that_can_make_nothing_makes_no_folder() {
    let app = App::new();
    fs::remove_file(app.path("hi")).unwrap();
    assert_eq!(app.run("build --keep-going").code, 2);
    assert!(!app.path("dist").exists());
}

#[test]
fn locked_and_offline_are_satisfied_where_nothing_is_locked_or_downloaded() {
    let app = App::new();
    let run = app.run("build --locked --offline");
    assert_eq!(run.code, 0, "{}", run.err);
    let help = app.run("build --help").out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("pkggen.lock must not change; Cargo is told, too"), "{help}");
    assert!(help.contains("No network at all; Cargo is told, too"), "{help}");
}

#[test]
fn diff_shows_what_differs_and_exits_with_1() {
    let app = App::new();
    assert_eq!(app.run("deb --out old").code, 0);
    assert_eq!(app.run("deb --out same").code, 0);
    let old = "old/hi_1.0.0_amd64.deb";
    let run = app.run(&format!("diff {old} same/hi_1.0.0_amd64.deb"));
    assert_eq!((run.code, run.out.as_str()), (0, ""), "{}", run.err);
    fs::write(app.path("hi.toml"), "loud = false\n").unwrap();
    app.manifest("[deb]\nsection = \"games\"\n");
    assert_eq!(app.run("deb --out new").code, 0);
    let run = app.run(&format!("diff {old} new/hi_1.0.0_amd64.deb"));
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("field Section: value `misc` -> `games`\n"), "{}", run.out);
    assert!(run.out.contains("file etc/hi/hi.toml: size 12 -> 13\n"), "{}", run.out);
    let json = app.run(&format!("diff {old} new/hi_1.0.0_amd64.deb --json")).json();
    let rows = json["differences"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["name"] == "Section" && row["to"] == "`games`"), "{json}");
}

#[test]
fn diff_with_a_manifest_shows_what_would_change() {
    let app = App::new();
    assert_eq!(app.run("build").code, 0);
    for line in ["hi_1.0.0_amd64.deb", "hi-1.0.0-linux-x86_64.tar.gz", "hi-1.0.0-linux-x86_64.zip"]
    {
        let run = app.run(&format!("diff dist/{line} pkggen.toml"));
        assert_eq!((run.code, run.out.as_str()), (0, ""), "{line}: {}", run.err);
    }
    fs::write(app.path("hi.toml"), "loud = false\n").unwrap();
    let deb = "dist/hi_1.0.0_amd64.deb";
    let run = app.run(&format!("diff {deb} pkggen.toml"));
    assert_eq!(run.code, 1);
    assert!(run.out.contains("file etc/hi/hi.toml: size 12 -> 13\n"), "{}", run.out);
    let run = app.run(&format!("diff pkggen.toml {deb}"));
    assert!(run.out.contains("file etc/hi/hi.toml: size 13 -> 12\n"), "{}", run.out);
    assert_eq!(app.run("diff pkggen.toml pkggen.toml").code, 2);
    assert_eq!(app.run(&format!("diff {deb} dist/none.deb")).code, 2);
}

#[test]
fn inspect_shows_only_the_parts_that_are_asked_for() {
    let app = App::new();
    fs::write(app.path("postinst"), "#!/bin/sh\necho welcome\n").unwrap();
    app.manifest("[deb]\nmaintainer-scripts = { postinst = \"postinst\" }\n");
    assert_eq!(app.run("deb").code, 0, "{}", app.run("deb").err);
    let show = |parts: &str| {
        let run = app.run(&format!("inspect dist/hi_1.0.0_amd64.deb {parts}"));
        assert_eq!(run.code, 0, "{parts}: {}", run.err);
        let has = |text: &str| run.out.contains(text);
        (has("root"), has("echo welcome"), has("Maintainer"), has("md5sums"))
    };
    assert_eq!(show("--files"), (true, false, false, false));
    assert_eq!(show("--scripts"), (false, true, false, false));
    assert_eq!(show("--control"), (false, false, true, true));
    assert_eq!(show("--control --files"), (true, false, true, true));
    assert_eq!(show("").2, show("--control").2);
    fs::write(app.path("text.txt"), "no package").unwrap();
    assert_eq!(app.run("inspect text.txt").code, 2);
}

#[test]
fn progress_is_for_terminals() {
    let app = App::new();
    let run = app.run("deb");
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    if Command::new("script").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "`script` must be there in CI");
        return;
    }
    let typed = |args: &str| {
        let line = format!("{PROGRAM} {args}");
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).current_dir(app.0.path()).stdin(Stdio::null());
        script.env("TERM", "xterm").env("XDG_CACHE_HOME", app.path("cache"));
        let run = Run::of(script.output().unwrap());
        assert_eq!(run.code, 0, "{}", run.out);
        run.out
    };
    let out = typed("deb --fresh");
    assert!(out.contains("hi_1.0.0_amd64.deb ["), "{out:?}");
    assert!(!typed("deb --fresh --quiet").contains(".deb ["));
}

#[test]
fn a_cargo_project_that_was_never_built_is_told_how_it_gets_built() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("src")).unwrap();
    fs::write(dir.path().join("src/main.rs"), "fn main() {}\n").unwrap();
    let toml = "[package]\nname = \"hi\"\nversion = \"1.0.0\"\nedition = \"2021\"\n\
                description = \"Say hi\"\nlicense = \"MIT\"\nauthors = [\"Ana <a@example.org>\"]\n";
    fs::write(dir.path().join("Cargo.toml"), toml).unwrap();
    for args in ["check", "plan", "explain hi", "deb --no-build"] {
        let mut command = Command::new(PROGRAM);
        command.args(args.split(' ')).current_dir(dir.path()).env_remove("CARGO_TARGET_DIR");
        command.env_remove("CARGO_BUILD_TARGET").env("XDG_CACHE_HOME", dir.path());
        let run = Run::of(command.output().unwrap());
        assert_eq!(run.code, 2, "{args}: {}{}", run.out, run.err);
        assert!(
            run.err.contains("error: payload `target/release/hi` does not exist"),
            "{}",
            run.err
        );
        assert!(run.err.contains("hint: `cargo build --release` makes it; "), "{}", run.err);
    }
    assert!(!dir.path().join("target").exists());
}

#[test]
fn files_that_no_dependencies_are_taken_from_are_said_in_plan_check_and_build() {
    let app = App::new();
    // A program for AArch64, of nothing but its header.
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(64, 0);
    for (at, value) in [(16, 2), (18, 183), (20, 1), (52, 64), (54, 56), (58, 64)] {
        program[at] = value;
    }
    fs::write(app.path("other"), program).unwrap();
    app.manifest("\n[[override.deb.payload.files]]\nsource = \"other\"\ntype = \"data\"\n");
    let want = "warning: `/usr/share/hi/other` is for another machine: no automatic dependency";
    for verb in ["plan deb", "check deb", "deb"] {
        let run = app.run(verb);
        assert_eq!(run.code, 0, "{verb}: {}", run.err);
        assert_eq!(run.err.matches(want).count(), 1, "{verb}: {}", run.err);
    }
    let json = app.run("plan deb --json").json();
    assert_eq!(json["warnings"][0]["code"], "deb.depends");
}
