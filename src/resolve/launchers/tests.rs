//! Launchers as every shell runs them.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
};

use proptest::prelude::*;

use super::*;

/// Shells that installed systems have as `sh`; busybox has its own.
const SHELLS: [&[&str]; 3] = [&["dash"], &["bash", "--posix"], &["busybox", "sh"]];

/// The name every renderer has to survive.
const AWKWARD: &str = r#"O'Brien & "Söhne" 100% $HOME \n"#;

fn plan(tries: Vec<Try>) -> Plan {
    Plan {
        name: "find-it".into(),
        package: "demo".into(),
        system: Os::Linux,
        up: String::new(),
        tries,
        arguments: Vec::new(),
        env: Vec::new(),
    }
}

fn change(name: &str, how: How, value: &str) -> Change {
    Change { name: name.into(), how, value: value.into() }
}

/// A folder with launchers and programs.
struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, below: &str) -> String {
        self.0.path().join(below).to_str().unwrap().to_owned()
    }

    fn put(&self, below: &str, text: &str, mode: u32) -> String {
        let path = self.0.path().join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A program that says its own name, its arguments and some variables, each ended by NUL.
    fn program(&self, below: &str) -> String {
        let text = format!(
            "#!/bin/sh\nprintf '%s\\0' '{below}' \"$@\" \"A=${{A-unset}}\" \"LD=${{LD_LIBRARY_PATH-unset}}\"\n"
        );
        self.put(below, &text, 0o755)
    }

    fn launcher(&self, below: &str, plan: &Plan) -> String {
        self.put(below, &sh::write(plan), 0o755)
    }
}

fn which(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|dir| dir.join(tool)).find(|file| file.is_file())
}

/// Runs a launcher in each shell that is here; all must agree.
fn run(launcher: &str, arguments: &[&str], env: &[(&str, &str)]) -> Output {
    let outputs = SHELLS.iter().filter_map(|shell| {
        let mut command = Command::new(which(shell[0])?);
        command.args(&shell[1..]).arg(launcher).args(arguments);
        command.env_clear().env("PATH", "/usr/bin:/bin").envs(env.iter().copied());
        Some((shell[0], command.output().unwrap()))
    });
    let outputs: Vec<_> = outputs.collect();
    let (first, wanted) = outputs.first().expect("there is a shell").clone();
    for (shell, output) in outputs {
        assert_eq!(said(&output), said(&wanted), "{shell} and {first} differ");
        assert_eq!(output.status, wanted.status, "{shell} and {first} differ");
    }
    wanted
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), errors(output))
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What [`Lab::program`] said.
fn words(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

fn offgrid(lab: &Lab) -> Plan {
    plan(vec![
        Try::Variable("OFFGRID_SERVER".into()),
        Try::Path("server".into()),
        Try::File(lab.path("ours/server")),
    ])
}

#[test]
fn what_the_user_set_comes_first_then_path_then_ours() {
    let lab = Lab::new();
    let launcher = lab.launcher("bin/find-it", &offgrid(&lab));
    lab.program("ours/server");
    assert_eq!(words(&run(&launcher, &["x"], &[]))[..2], ["ours/server", "x"]);
    lab.program("on path/server");
    let path = format!("/usr/bin:{}:/bin", lab.path("on path"));
    let output = run(&launcher, &[], &[("PATH", &path)]);
    assert_eq!(words(&output)[0], "on path/server");
    let own = lab.program("the user\\s/own one");
    let output = run(&launcher, &[], &[("PATH", &path), ("OFFGRID_SERVER", &own)]);
    assert_eq!(words(&output)[0], "the user\\s/own one");
    let output = run(&launcher, &[], &[("PATH", &path), ("OFFGRID_SERVER", "")]);
    assert_eq!(words(&output)[0], "on path/server");
}

#[test]
fn a_variable_that_names_no_program_is_an_error_that_says_so() {
    let lab = Lab::new();
    let launcher = lab.launcher("bin/find-it", &offgrid(&lab));
    lab.program("ours/server");
    let text = lab.put("text", "", 0o644);
    for (value, why) in [
        (lab.path("nothing"), "no such file"),
        (lab.path("ours"), "a directory"),
        (text, "not executable"),
        (launcher.clone(), "this launcher itself"),
        ("server".into(), "no such file"),
    ] {
        let output = run(&launcher, &[], &[("OFFGRID_SERVER", &value)]);
        let want = format!("find-it: $OFFGRID_SERVER is `{value}`: {why}\n");
        assert_eq!((errors(&output), output.status.code()), (want, Some(126)));
    }
}

#[test]
fn without_any_program_everything_that_was_tried_is_listed() {
    let lab = Lab::new();
    let launcher = lab.launcher("bin/find-it", &offgrid(&lab));
    let output = run(&launcher, &[], &[]);
    let want = format!(
        "find-it: found no program to run; tried\n  $OFFGRID_SERVER: not set\n  \
         server: not on PATH\n  {}: no such file\n",
        lab.path("ours/server")
    );
    assert_eq!((errors(&output), output.status.code()), (want, Some(127)));
}

#[test]
fn on_path_the_launcher_never_finds_itself() {
    let lab = Lab::new();
    let found = Plan { name: "server".into(), ..plan(vec![Try::Path("server".into())]) };
    let launcher = lab.launcher("a/server", &found);
    // a link to it, a hard link, a copy of another version of the package
    fs::create_dir_all(lab.path("b")).unwrap();
    fs::create_dir_all(lab.path("c")).unwrap();
    symlink("../a/server", lab.path("b/server")).unwrap();
    fs::hard_link(&launcher, lab.path("c/server")).unwrap();
    let newer = Plan { arguments: vec!["--newer".into()], ..found };
    lab.launcher("d/server", &newer);
    lab.put("e/server", "", 0o644);
    let folders = ["a", "b", "c", "d", "e"].map(|folder| lab.path(folder)).join(":");
    let output = run(&launcher, &[], &[("PATH", &folders)]);
    assert_eq!(output.status.code(), Some(127), "{output:?}");
    lab.program("f/server");
    let path = format!("{folders}:{}:/usr/bin:/bin", lab.path("f"));
    assert_eq!(words(&run(&launcher, &[], &[("PATH", &path)]))[0], "f/server");
}

#[test]
fn an_empty_element_of_path_is_the_working_directory() {
    let lab = Lab::new();
    let launcher = lab.launcher("bin/find-it", &plan(vec![Try::Path("server".into())]));
    lab.program("work/server");
    for (path, found) in [("/usr/bin:/bin:", true), ("/usr/bin::/bin", true), ("/usr/bin", false)] {
        let mut command = Command::new("sh");
        command.arg(&launcher).current_dir(lab.path("work")).env("PATH", path);
        assert_eq!(command.output().unwrap().status.success(), found, "{path}");
    }
}

#[test]
fn an_image_is_found_wherever_it_lies_and_through_links() {
    let lab = Lab::new();
    let file = Try::File(format!("{IMAGE}/libexec/server"));
    let moved = Plan { up: "..".into(), ..plan(vec![file]) };
    // the last one ends in a line break
    for folder in ["plain", "with blank", "ü'\"$(x)`", "break\n"] {
        let launcher = lab.launcher(&format!("{folder}/bin/find-it"), &moved);
        lab.put(&format!("{folder}/libexec/server"), "#!/bin/sh\nprintf '%s\\0' right\n", 0o755);
        assert_eq!(words(&run(&launcher, &[], &[])), ["right"], "{folder}");
        let link = lab.path("link");
        symlink(Path::new(&launcher), &link).unwrap();
        symlink("link", lab.path("second")).unwrap();
        assert_eq!(words(&run(&lab.path("second"), &[], &[])), ["right"], "{folder}");
        for name in ["link", "second"] {
            fs::remove_file(lab.path(name)).unwrap();
        }
        let mut command = Command::new("sh");
        command.arg("find-it").current_dir(lab.path(&format!("{folder}/bin")));
        assert_eq!(words(&command.output().unwrap()), ["right"], "{folder}");
    }
}

#[test]
fn variables_are_set_defaulted_and_joined_without_empty_elements() {
    let lab = Lab::new();
    let program = lab.program("server");
    let with = |how: How| {
        let mut plan = plan(vec![Try::File(program.clone())]);
        plan.env.push(change("A", how, "new"));
        lab.launcher("find-it", &plan)
    };
    let colon = || ":".to_owned();
    for (how, unset, empty, there) in [
        (How::Set, "new", "new", "new"),
        (How::Default, "new", "", "old"),
        (How::Prefix(colon()), "new", "new", "new:old"),
        (How::Suffix(colon()), "new", "new", "old:new"),
        (How::Suffix(", ".into()), "new", "new", "old, new"),
        (How::Prefix(String::new()), "new", "new", "newold"),
    ] {
        let launcher = with(how);
        let got = |env: &[(&str, &str)]| words(&run(&launcher, &[], env))[1].clone();
        assert_eq!(got(&[]), format!("A={unset}"));
        assert_eq!(got(&[("A", "")]), format!("A={empty}"));
        assert_eq!(got(&[("A", "old")]), format!("A={there}"));
    }
}

#[test]
fn a_library_path_is_for_the_program_and_not_for_the_launchers_it_starts() {
    let lab = Lab::new();
    let server = lab.program("server");
    let inner = lab.launcher("inner", &plan(vec![Try::File(server.clone())]));
    let mut outer = Plan { name: "outer".into(), ..plan(vec![Try::File(inner)]) };
    outer.env.push(change("LD_LIBRARY_PATH", How::Prefix(":".into()), "/private"));
    let direct = Plan { tries: vec![Try::File(server)], ..outer.clone() };
    let (direct, outer) = (lab.launcher("direct", &direct), lab.launcher("outer", &outer));
    let libraries = |launcher: &str, env: &[(&str, &str)]| {
        words(&run(launcher, &[], env)).into_iter().find(|word| word.starts_with("LD=")).unwrap()
    };
    assert_eq!(libraries(&direct, &[]), "LD=/private");
    assert_eq!(libraries(&direct, &[("LD_LIBRARY_PATH", "/user")]), "LD=/private:/user");
    assert_eq!(libraries(&outer, &[]), "LD=unset");
    assert_eq!(libraries(&outer, &[("LD_LIBRARY_PATH", "/user")]), "LD=/user");
    // what the program itself chose for the launcher it starts stays
    let record = [("LD_LIBRARY_PATH", "/chosen"), ("PKGGEN_SET_LD_LIBRARY_PATH", "/private")];
    assert_eq!(libraries(&direct, &record), "LD=/private:/chosen");
}

#[test]
fn nothing_of_the_launcher_itself_is_left_in_the_environment() {
    let lab = Lab::new();
    let mut plan = offgrid(&lab);
    plan.tries.push(Try::File("/bin/sh".into()));
    plan.env.push(change("LD_LIBRARY_PATH", How::Set, "/private"));
    let list = ["-c", "env | cut -d= -f1 | grep -i -e pkggen -e LD_ | sort"];
    let names = |plan: &Plan, env: &[(&str, &str)]| {
        said(&run(&lab.launcher("find-it", plan), &list, env)).replace('\n', " ")
    };
    let (library, set, was) =
        ("LD_LIBRARY_PATH", "PKGGEN_SET_LD_LIBRARY_PATH", "PKGGEN_WAS_LD_LIBRARY_PATH");
    assert_eq!(names(&plan, &[]), format!("{library} {set} {was} "));
    plan.env.clear();
    let env = [(library, "/private"), (set, "/private"), (was, "")];
    assert_eq!(names(&plan, &env), "");
}

#[test]
fn exit_codes_and_signals_are_those_of_the_program() {
    let lab = Lab::new();
    let sh = plan(vec![Try::File("/bin/sh".into())]);
    let launcher = lab.launcher("find-it", &sh);
    assert_eq!(run(&launcher, &["-c", "exit 42"], &[]).status.code(), Some(42));
    assert_eq!(run(&launcher, &["-c", "kill -TERM $$"], &[]).status.signal(), Some(15));
    // there is no second process: the launcher became the program
    let mut command = Command::new("sh");
    command.arg(&launcher).args(["-c", "echo $$"]).stdout(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = child.id().to_string();
    assert_eq!(said(&child.wait_with_output().unwrap()).trim(), pid);
}

#[test]
fn the_awkward_name_survives_in_every_place() {
    let lab = Lab::new();
    let program = lab.program(&AWKWARD.replace('\'', ""));
    let mut plan = plan(vec![Try::File(program)]);
    plan.arguments = vec![AWKWARD.into()];
    plan.env.push(change("A", How::Prefix(AWKWARD.into()), AWKWARD));
    let launcher = lab.launcher("find-it", &plan);
    let got = words(&run(&launcher, &[AWKWARD], &[("A", AWKWARD)]));
    assert_eq!(got[1..4], [AWKWARD, AWKWARD, &format!("A={}", AWKWARD.repeat(3))]);
    let missing = lab.launcher("find-it", &Plan { tries: vec![Try::Path(AWKWARD.into())], ..plan });
    assert!(errors(&run(&missing, &[], &[])).contains(&format!("  {AWKWARD}: not on PATH")));
}

#[test]
fn shellcheck_has_no_complaint() {
    let lab = Lab::new();
    let mut all = offgrid(&lab);
    all.tries.push(Try::File(format!("{IMAGE}/libexec/{AWKWARD}")));
    all.up = "..".into();
    all.env = vec![
        change("LD_LIBRARY_PATH", How::Prefix(":".into()), &format!("{IMAGE}/lib")),
        change("A", How::Set, "x"),
        change("B", How::Default, &moving::STATE.to_string()),
        change("C", How::Suffix(":".into()), &moving::CACHE.to_string()),
    ];
    let launcher = lab.launcher("find-it", &all);
    let Some(shellcheck) = which("shellcheck") else {
        assert!(std::env::var_os("CI").is_none(), "shellcheck is missing");
        return;
    };
    // SC2016: a name with `$` in it is a name. SC2154: eval assigns it
    let output =
        Command::new(shellcheck).args(["-e", "SC2016,SC2154", &launcher]).output().unwrap();
    assert!(output.status.success(), "{}\n{}", said(&output), sh::write(&all));
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" ".to_owned()),
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("$HOME".to_owned()),
        Just("\\".to_owned()),
        Just("\n".to_owned()),
        Just("`id`".to_owned()),
        Just("$(id)".to_owned()),
        Just("*".to_owned()),
        Just("!".to_owned()),
        Just("{{ x }}".to_owned()),
        Just("ü漢🦀".to_owned()),
        "[a-z%;&|<>~#-]{0,4}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_written_arrives(
        argument in text(),
        given in text(),
        set in text(),
        there in text(),
        separator in text(),
        folder in text(),
    ) {
        let lab = Lab::new();
        let folder = format!("x{}", folder.replace('/', ""));
        let program = lab.program("server");
        let below = format!("{folder}/server");
        fs::create_dir_all(lab.path(&folder)).unwrap();
        fs::rename(program, lab.path(&below)).unwrap();
        let mut plan = plan(vec![Try::File(format!("{IMAGE}/{below}"))]);
        plan.up = "..".into();
        plan.arguments = vec![argument.clone()];
        plan.env.push(change("A", How::Prefix(separator.clone()), &format!("v{set}")));
        let launcher = lab.launcher(&format!("{folder}/find-it"), &plan);
        let got = words(&run(&launcher, &[&given], &[("A", &there)]));
        let tail = if there.is_empty() { String::new() } else { format!("{separator}{there}") };
        prop_assert_eq!(&got[1..4], [argument, given, format!("A=v{set}{tail}")]);
    }
}

#[test]
fn a_batch_file_finds_sets_and_runs() {
    let mut plan = plan(vec![
        Try::Variable("OFFGRID_SERVER".into()),
        Try::Path("server".into()),
        Try::File(format!("{IMAGE}/libexec/100% server.exe")),
    ]);
    (plan.system, plan.up) = (Os::Windows, "..".into());
    plan.arguments = vec!["--config".into(), format!("{IMAGE}/etc/a b.toml"), AWKWARD.into()];
    plan.env = vec![
        change("A", How::Set, "100% & \"more\""),
        change("B", How::Default, "x & y"),
        change("PATH", How::Prefix(";".into()), &format!("{IMAGE}/lib/cuda;C:/x")),
        change("C", How::Suffix(";".into()), &moving::STATE.to_string()),
    ];
    let text = cmd::write(&plan).unwrap();
    assert!(text.split_inclusive('\n').all(|line| line.ends_with("\r\n")), "{text}");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/golden/launcher.cmd");
    let text = text.replace("\r\n", "\n");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(golden).unwrap());
}

#[test]
fn a_batch_file_holds_no_line_breaks_in_values() {
    let mut plan = plan(vec![Try::Path("x".into())]);
    plan.env.push(change("A", How::Set, "a\nb"));
    assert!(cmd::write(&plan).unwrap_err().contains("line break"));
}
