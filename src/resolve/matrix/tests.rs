use super::Matrix;
use crate::{
    diagnostic::Diagnostics,
    package::Target,
    resolve::{
        matrix,
        tests::{Bench, listing},
    },
};

fn of(bench: &Bench) -> Result<Matrix, Diagnostics> {
    matrix(&bench.manifest, &bench.settings, &bench.sources)
}

/// Errors that stop everything, and those that stop one format alone.
fn found(bench: &Bench) -> Diagnostics {
    let partial = |matrix: Matrix| Diagnostics { errors: matrix.errors, ..Diagnostics::default() };
    of(bench).map_or_else(|errors| errors, partial)
}

fn jobs(bench: &Bench) -> Vec<String> {
    let matrix = of(bench).unwrap_or_else(|errors| panic!("{}", listing(&errors)));
    matrix.jobs.iter().map(|job| format!("{} {}", job.target, job.spelling)).collect()
}

fn errors(bench: &Bench) -> Vec<String> {
    found(bench).errors.into_iter().map(|error| error.message).collect()
}

fn targets(text: &str) -> Bench {
    Bench::new(&format!("[targets]\n{text}\n[payload]\nfiles = []\n"), &[])
}

#[test]
fn the_matrix_is_every_target_in_every_format_in_the_manifests_order() {
    let bench = targets(
        "windows = { arch = [\"x86_64\"], formats = [\"zip\"] }\nlinux = { arch = [\"aarch64\", \"x86_64-musl\"], formats = [\"tar.zst\", \"deb\"] }",
    );
    assert_eq!(
        jobs(&bench),
        [
            "linux-aarch64 tar.zst",
            "linux-aarch64 deb",
            "linux-x86_64-musl tar.zst",
            "linux-x86_64-musl deb",
            "windows-x86_64 zip"
        ]
    );
}

#[test]
fn targets_and_formats_of_the_command_line_narrow_it() {
    let mut bench = targets(
        "linux = { arch = [\"x86_64\", \"aarch64\"], formats = [\"deb\", \"tar.gz\", \"tar.xz\"] }",
    );
    bench.settings.targets = vec![Target::parse("linux-aarch64").unwrap()];
    bench.settings.formats = vec!["tar".into()];
    assert_eq!(jobs(&bench), ["linux-aarch64 tar.gz", "linux-aarch64 tar.xz"]);
    bench.settings.formats = vec!["zip".into()];
    assert_eq!(jobs(&bench), ["linux-aarch64 zip"]);
    bench.settings.targets = vec![Target::parse("macos-aarch64").unwrap()];
    assert_eq!(errors(&bench), ["`macos-aarch64` is asked for, and [targets] does not list it"]);
}

#[test]
fn a_listed_format_that_is_not_made_yet_is_an_error_a_default_is_left_out() {
    let listed = targets("linux = { arch = [\"x86_64\"], formats = [\"deb\", \"rpm\"] }");
    let found = found(&listed);
    assert_eq!((found.exit_code(), found.errors[0].code), (3, "format.later"));
    assert!(found.errors[0].place.is_some());
    let default = targets("linux = { arch = [\"x86_64\"] }");
    assert_eq!(jobs(&default), ["linux-x86_64 deb", "linux-x86_64 tar.gz"]);
    let left: Vec<_> = of(&default).unwrap().left_out.into_iter().map(|row| row.what).collect();
    assert_eq!(left, ["rpm for linux-x86_64", "appimage for linux-x86_64"]);
}

#[test]
fn a_format_that_is_not_made_yet_does_not_stop_others_that_are_asked_for() {
    let mut bench = targets("linux = { arch = [\"x86_64\"], formats = [\"deb\", \"rpm\"] }");
    bench.settings.formats = vec!["deb".into()];
    assert_eq!(jobs(&bench), ["linux-x86_64 deb"]);
    bench.settings.formats = vec!["rpm".into()];
    assert_eq!(of(&bench).unwrap_err().exit_code(), 3);
}

#[test]
fn glibc_and_musl_debs_of_one_architecture_clash() {
    let bench =
        targets("linux = { arch = [\"x86_64\", \"x86_64-musl\"], formats = [\"deb\", \"zip\"] }");
    let want = "deb for linux-x86_64-musl and for linux-x86_64 have the same file name";
    assert_eq!(errors(&bench), [want]);
    let archives = targets("linux = { arch = [\"x86_64\", \"x86_64-musl\"], formats = [\"zip\"] }");
    assert_eq!(jobs(&archives), ["linux-x86_64 zip", "linux-x86_64-musl zip"]);
}

#[test]
fn without_a_list_targets_are_those_whose_programs_exist() {
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"out/{{ target }}/app{{ exe }}\", type = \"bin\" }]",
        &[
            ("out/linux-aarch64/app", "program:linux-aarch64"),
            ("out/windows-x86_64/app.exe", "program:windows-x86_64"),
            ("out/freebsd-x86_64/app", "program:freebsd-x86_64"),
        ],
    );
    assert_eq!(
        jobs(&bench),
        [
            "linux-aarch64 deb",
            "linux-aarch64 tar.gz",
            "windows-x86_64 zip",
            "freebsd-x86_64 tar.gz"
        ]
    );
}

#[test]
fn one_program_is_for_its_own_target_only() {
    let bench = Bench::new(
        "[payload]\nfiles = [{ source = \"app\", type = \"bin\" }]",
        &[("app", "program:linux-x86_64")],
    );
    assert_eq!(jobs(&bench), ["linux-x86_64 deb", "linux-x86_64 tar.gz"]);
}

#[test]
fn without_any_program_the_missing_one_is_named() {
    let bench =
        Bench::new("[payload]\nfiles = [{ source = \"out/{{ os }}/app\", type = \"bin\" }]", &[]);
    let found = of(&bench).unwrap_err();
    assert_eq!(found.errors[0].message, "payload `out/linux/app` does not exist");
    assert!(found.errors[0].hint.as_ref().unwrap().contains("[targets]"));
}

#[test]
fn a_format_no_target_can_have_is_an_error() {
    let mut bench = targets("macos = { arch = [\"aarch64\"], formats = [\"zip\"] }");
    bench.settings.formats = vec!["deb".into()];
    assert_eq!(errors(&bench), ["`deb` is asked for, and none of `macos-aarch64` can have one"]);
}

#[test]
fn formats_that_cannot_be_made_leave_the_others_as_they_are() {
    let mut bench = targets("linux = { arch = [\"x86_64\"], formats = [\"deb\"] }");
    bench.settings.formats = vec!["rpm".into(), "dmg".into(), "deb".into(), "zip".into()];
    assert_eq!(jobs(&bench), ["linux-x86_64 deb", "linux-x86_64 zip"]);
    let want = ["rpm", "dmg"].map(|word| format!("this version of pkggen makes no {word} yet"));
    assert_eq!(errors(&bench), want);
    assert_eq!(found(&bench).exit_code(), 3);
    bench.settings.formats.push("zipp".into());
    assert_eq!(of(&bench).unwrap_err().exit_code(), 2);
}

#[test]
fn a_format_that_is_not_made_yet_is_that_before_it_is_one_of_another_system() {
    let mut bench = targets("linux = { arch = [\"x86_64\"], formats = [\"deb\"] }");
    bench.settings.formats = vec!["dmg".into()];
    let error = of(&bench).unwrap_err().errors.remove(0);
    assert_eq!((error.class as u8, error.code), (3, "format.later"));
    assert_eq!(error.message, "this version of pkggen makes no dmg yet");
}

#[test]
fn an_unknown_format_or_variant_of_the_command_line_is_an_error() {
    let mut bench = targets("linux = { arch = [\"x86_64\"], formats = [\"deb\"] }");
    bench.settings.formats = vec!["zipp".into()];
    bench.settings.variants = vec!["cuda".into()];
    assert_eq!(errors(&bench), ["the manifest has no variant `cuda`", "there is no format `zipp`"]);
}
