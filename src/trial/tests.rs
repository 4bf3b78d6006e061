//! The steps of a trial on a machine that is none.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use super::{command::Said, deb::Dpkg, machine::Machine, rpm::Rpm, watch::Snapshot, *};

/// Answers to commands that begin like this: exit code and output; the last one is repeated.
type Answers = Vec<(&'static str, VecDeque<(i32, String)>)>;

/// A machine that says what it is told to.
struct Fake {
    answers: RefCell<Answers>,
    snapshots: RefCell<VecDeque<Snapshot>>,
    health: Result<String, String>,
    /// How often nothing but time passed.
    pauses: Cell<usize>,
    services: bool,
}

const ACTIVE: &str = "ActiveState=active\nSubState=running\nResult=success\nNRestarts=0\nUser=app\nStateDirectory=app\nType=simple\n";

impl Fake {
    /// A machine on which all goes well with app 1, then 2.
    fn new() -> Self {
        let active = |pid: u32| format!("{ACTIVE}MainPID={pid}\n");
        let all = vec![
            ("sh -c test \"$(dpkg-query", ["1", "2"].map(str::to_owned).into()),
            ("rpm -q --qf", ["1", "2"].map(str::to_owned).into()),
            ("sh -c for f do ! grep", vec!["/usr/lib/systemd/system/app.service".to_owned()]),
            ("systemctl is-enabled", vec!["enabled".to_owned()]),
            // idle? active? alive? still? before and after the upgrade
            (
                "systemctl show",
                [7, 7, 7, 7, 8, 8, 8, 8]
                    .map(active)
                    .into_iter()
                    .chain(["ActiveState=inactive\n".into()])
                    .collect(),
            ),
            ("sh -c for f do if [ -f", vec!["d1  /etc/app.conf\n".to_owned()]),
            ("sh -c for f do [ ! -f", vec!["d1  /etc/app.conf\n".to_owned()]),
            ("sh -c for p in /proc", vec!["1 /usr/lib/systemd/systemd\n".to_owned()]),
            ("cut -d: -f1", ["root", "root\napp"].map(str::to_owned).into()),
        ];
        let answers = all
            .into_iter()
            .map(|(words, out)| (words, out.into_iter().map(|out| (0, out)).collect()))
            .collect();
        let clean = ["/etc/passwd"];
        let snapshots = [
            Snapshot::of(&clean),
            Snapshot::of(&["/etc/passwd", "/etc/app.conf"]),
            Snapshot::of(&clean),
        ];
        Self {
            answers: RefCell::new(answers),
            snapshots: RefCell::new(snapshots.into()),
            health: Ok("200".into()),
            pauses: Cell::default(),
            services: true,
        }
    }

    /// Says something else to commands that begin like this.
    fn says(self, words: &'static str, answers: &[(i32, &str)]) -> Self {
        let list = answers.iter().map(|(code, out)| (*code, (*out).to_owned())).collect();
        self.answers.borrow_mut().insert(0, (words, list));
        self
    }

    fn leaves(self, paths: &[&str]) -> Self {
        self.snapshots.borrow_mut()[2] = Snapshot::of(paths);
        self
    }
}

impl Machine for Fake {
    fn has_services(&self) -> bool {
        self.services
    }

    fn run(&self, words: &[&str]) -> Result<Said, Diagnostic> {
        let line = words.join(" ");
        let mut answers = self.answers.borrow_mut();
        let Some((_, list)) = answers.iter_mut().find(|(start, _)| line.starts_with(start)) else {
            return Ok(Said { code: Some(0), ..Said::default() });
        };
        let (code, out) =
            if list.len() > 1 { list.pop_front() } else { list.front().cloned() }.unwrap();
        Ok(Said { code: Some(code), out, err: String::new() })
    }

    fn snapshot(&self) -> Result<Snapshot, Diagnostic> {
        Ok(self.snapshots.borrow_mut().pop_front().unwrap())
    }

    fn ask(&self, _: &Probe) -> Result<String, String> {
        self.health.clone()
    }

    fn pause(&self, _: Duration) {
        self.pauses.set(self.pauses.get() + 1);
    }
}

fn subject(version: &str) -> Subject {
    let files = ["/etc/app.conf", "/usr/bin/app", "/usr/lib/systemd/system/app.service"];
    Subject {
        path: format!("app-{version}.deb").into(),
        format: "deb".into(),
        name: "app".into(),
        version: version.into(),
        arch: "all".into(),
        files: files.map(str::to_owned).into(),
        editable: vec!["/etc/app.conf".into()],
        config: vec!["/etc/app.conf".into()],
        ..Subject::default()
    }
}

fn shown(version: &str) -> Shown {
    Shown { subject: subject(version), at: format!("/srv/pkggen/{version}.deb") }
}

fn upgrade() -> Plan {
    let wish = Wish { expected: vec![expected(Upgrade::Restart)], ..Wish::default() };
    arrange(vec![shown("2")], &[shown("1")], &wish)
}

fn expected(upgrade: Upgrade) -> Expected {
    let health = Some(("http://127.0.0.1:1/".to_owned(), Duration::from_secs(2)));
    Expected { unit: "app.service".into(), health, upgrade, start: Some(true) }
}

fn live(machine: &Fake, manager: &dyn Manager, plan: &Plan) -> Vec<Check> {
    let mut tell = |_: &Event<'_>| ();
    let mut log = Log::new(&mut tell);
    life::live(machine, manager, plan, &mut log).unwrap();
    log.finish().into_iter().flat_map(|step| step.checks).collect()
}

/// Codes and texts of what failed.
fn failed(checks: &[Check]) -> Vec<String> {
    let failed = checks.iter().filter(|check| matches!(check.outcome, Outcome::Failed(_)));
    failed.map(|check| format!("{}: {}", check.code, check.text)).collect()
}

fn failures(machine: &Fake) -> Vec<String> {
    failed(&live(machine, &Dpkg, &upgrade()))
}

#[test]
fn a_package_without_faults_passes_every_check() {
    let checks = live(&Fake::new(), &Dpkg, &upgrade());
    assert_eq!(failed(&checks), [""; 0]);
    for code in [
        "installed",
        "service.active",
        "service.healthy",
        "files.match",
        "service.restarted",
        "config.kept",
        "state.kept",
        "remove.stopped",
        "remove.files",
        "purge.left",
        "purge.lost",
        "purge.changed",
    ] {
        assert!(checks.iter().any(|check| check.code == code), "{code}");
    }
    assert!(checks.iter().any(|check| check.text == "user app stays, as is usual"));
}

#[test]
fn a_service_that_dies_is_told_with_its_exit_code() {
    let dead =
        "ActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainStatus=3\n";
    let machine = Fake::new().says("systemctl show", &[(0, dead)]);
    let machine = Fake { health: Err("nobody listens".into()), ..machine };
    let found = failures(&machine);
    assert!(
        found.contains(
            &"service.active: app.service does not stay active: its program ended with 3".into()
        ),
        "{found:?}"
    );
    assert!(machine.pauses.get() < 5, "nobody waits for the dead");
}

#[test]
fn a_service_that_is_restarted_by_its_manager_is_not_well() {
    let machine = Fake::new().says(
        "systemctl show",
        &[(0, &format!("{ACTIVE}MainPID=7\n").replace("NRestarts=0", "NRestarts=2"))],
    );
    let found = failures(&machine);
    assert_eq!(found[0], "service.active: app.service needed 2 restarts to stay active");
}

#[test]
fn a_service_that_does_not_answer_in_time_is_not_well() {
    let machine = Fake { health: Err("the answer is 503".into()), ..Fake::new() };
    let same = format!("{ACTIVE}MainPID=7\n");
    let machine = machine.says("systemctl show", &[(0, &same)]);
    let found = failures(&machine);
    assert_eq!(
        found[0],
        "service.healthy: http://127.0.0.1:1/ does not answer (the answer is 503; it has 2 s)"
    );
    assert!(machine.pauses.get() > 10);
}

#[test]
fn an_upgrade_that_leaves_the_old_process_is_found() {
    let machine = Fake::new().says("systemctl show", &[(0, &format!("{ACTIVE}MainPID=7\n"))]);
    let found = failures(&machine);
    let want =
        "service.restarted: app.service was not restarted: it still runs what was there before";
    assert!(found.contains(&want.into()), "{found:?}");
}

#[test]
fn a_service_that_is_to_be_left_alone_must_be() {
    let plan = Plan { expected: vec![expected(Upgrade::Keep)], ..upgrade() };
    let found = failed(&live(&Fake::new(), &Dpkg, &plan));
    assert_eq!(
        found,
        ["service.kept: app.service was restarted, and `upgrade = \"keep\"` says not to"]
    );
}

#[test]
fn overwritten_configuration_is_found() {
    let machine = Fake::new().says("sh -c for f do [ ! -f", &[(0, "d2  /etc/app.conf\n"), (0, "")]);
    let checks = live(&machine, &Dpkg, &upgrade());
    let found = failed(&checks);
    let want = [
        "config.kept: the upgrade did not keep edited configuration",
        "config.kept: removing did not keep edited configuration",
    ];
    assert_eq!(found, want);
    let logs = checks.iter().filter_map(|check| match &check.outcome {
        Outcome::Failed(log) => Some(log.clone()),
        _ => None,
    });
    assert_eq!(
        logs.collect::<Vec<_>>(),
        [["/etc/app.conf is another one"], ["/etc/app.conf is not there"]]
    );
}

#[test]
fn what_is_left_lost_or_still_running_is_found() {
    let machine = Fake::new().leaves(&["/var/lib/app/x"]);
    let machine =
        machine.says("sh -c for p in /proc", &[(0, "1 /sbin/init\n9 /usr/bin/app (deleted)\n")]);
    let want = [
        "remove.stopped: something of it still runs",
        "purge.left: 1 path is left behind",
        "purge.lost: 1 path is gone, and not its own",
    ];
    assert_eq!(failures(&machine), want);
}

#[test]
fn after_a_failed_installation_the_rest_is_named_as_not_reached() {
    let machine = Fake::new().says("dpkg --force-unsafe-io", &[(1, "dpkg: error: no")]);
    let checks = live(&machine, &Dpkg, &upgrade());
    assert_eq!(failed(&checks), ["install: `dpkg -i` ended with 1"]);
    assert_eq!(checks.iter().filter(|check| check.outcome.word() == "skipped").count(), 3);
}

#[test]
fn without_services_what_they_do_is_skipped_by_name() {
    let checks = live(&Fake { services: false, ..Fake::new() }, &Dpkg, &upgrade());
    assert_eq!(failed(&checks), [""; 0]);
    let skipped: Vec<_> = checks.iter().filter(|check| check.outcome.word() == "skipped").collect();
    assert_eq!(skipped[0].text, "whether app.service is active and healthy");
}

#[test]
fn rpm_keeps_edited_configuration_and_state_when_it_removes() {
    let machine = Fake::new().says(
        "sh -c for f do [ ! -f",
        &[(0, "d1  /etc/app.conf\n"), (0, "d1  /etc/app.conf.rpmsave\n")],
    );
    machine.snapshots.borrow_mut()[1] = Snapshot::of(&["/etc/passwd"]);
    let machine = machine.leaves(&[
        "/etc/passwd",
        "/etc/app.conf.rpmsave",
        "/etc/app.conf.rpmnew",
        "/var/lib/app",
    ]);
    assert_eq!(failed(&live(&machine, &Rpm, &upgrade())), [""; 0]);
}

#[test]
fn only_the_model_package_is_upgraded_when_only_its_old_version_is_given() {
    let model = |version: &str| {
        let subject = Subject { name: "model".into(), ..subject(version) };
        Shown { subject, at: format!("/srv/pkggen/model-{version}.deb") }
    };
    let plan = arrange(vec![shown("1"), model("2")], &[model("1")], &Wish::default());
    assert_eq!(plan.first, [shown("1"), model("1")]);
    assert_eq!(plan.second, [model("2")]);
    assert_eq!((plan.again, plan.last), (false, vec![shown("1"), model("2")]));
}

#[test]
fn without_an_older_version_the_package_is_installed_over_itself() {
    let plan = arrange(vec![shown("1")], &[], &Wish::default());
    assert!(plan.again);
    assert_eq!((&plan.first, &plan.second), (&vec![shown("1")], &vec![shown("1")]));
}

#[test]
fn packages_that_do_not_belong_together_are_refused() {
    let sets = |new: Vec<Subject>, old: Vec<Subject>| {
        Sets { format: "deb".into(), new, old }.check().map_err(|error| error.message)
    };
    let other = || Subject { name: "other".into(), ..subject("1") };
    assert_eq!(sets(vec![subject("2"), other()], vec![subject("1")]), Ok(()));
    let text = sets(vec![subject("2")], vec![other()]).unwrap_err();
    assert_eq!(text, "`app-1.deb` is package `other`, and no newer one is given");
    let text = sets(vec![subject("2"), subject("3")], vec![]).unwrap_err();
    assert_eq!(text, "package `app` is given twice");
    let rpm = Subject { format: "rpm".into(), ..other() };
    assert_eq!(
        sets(vec![subject("2"), rpm], vec![]).unwrap_err(),
        "`app-1.deb` is a rpm, not a deb"
    );
    let bad = Subject { problems: vec!["a lie".into()], ..subject("2") };
    assert_eq!(sets(vec![bad], vec![]).unwrap_err(), "`app-2.deb` is damaged: a lie");
}

#[test]
fn the_best_place_is_taken_and_one_that_was_asked_for_must_be_possible() {
    let dir = tempfile::tempdir().unwrap();
    for tool in ["unshare", "nsenter", "setpriv", "mount", "chroot"] {
        std::fs::write(dir.path().join(tool), "").unwrap();
    }
    let around = |is_root| {
        let tools = Tools(vec![dir.path().to_owned()]);
        Surroundings { tools, is_root, ..Surroundings::default() }
    };
    assert_eq!(place(None, &around(true)).unwrap(), Ok(Place::Chroot));
    let error = place(Some(Place::Nspawn), &around(true)).unwrap_err();
    assert!(error.message.contains("systemd-container"), "{error}");
    assert!(place(None, &around(false)).unwrap().unwrap_err().contains("only root"));
    assert_eq!(place(Some(Place::Chroot), &around(false)).unwrap_err().class as u8, 3);
    assert!(place(Some(Place::Folder), &around(true)).unwrap().is_err());
    std::fs::write(dir.path().join("systemd-nspawn"), "").unwrap();
    assert_eq!(place(None, &around(true)).unwrap(), Ok(Place::Nspawn));
    assert_eq!(place(Some(Place::Chroot), &around(true)).unwrap(), Ok(Place::Chroot));
}

fn archive(machine: &Fake) -> Vec<Check> {
    let about = archive::Control {
        program: "/opt/pkggen-test/app-1/bin/app-service".into(),
        files: vec!["/opt/pkggen-test/app-1/bin/app".into()],
        expected: vec![expected(Upgrade::Restart)],
        probe: None,
    };
    let mut tell = |_: &Event<'_>| ();
    let mut log = Log::new(&mut tell);
    archive::live(machine, &about, &mut log).unwrap();
    log.finish().into_iter().flat_map(|step| step.checks).collect()
}

/// A machine on which an archive registers a service, and forgets it again.
fn archives() -> Fake {
    let clean = ["/etc/passwd"];
    let installed = ["/etc/passwd", "/etc/systemd/system/app.service"];
    let kept = ["/etc/passwd", "/var/lib/app", "/var/lib/app/x"];
    let snapshots = [&clean[..], &installed, &kept].map(Snapshot::of);
    // idle? twice: active? alive? still? and at last whether it still runs
    let active = format!("{ACTIVE}MainPID=7\n");
    let states = [&*active; 7].into_iter().chain(["ActiveState=inactive\n"]);
    let states = states.map(|text| (0, text)).collect::<Vec<_>>();
    let machine = Fake::new().says("systemctl show", &states);
    *machine.snapshots.borrow_mut() = snapshots.into();
    machine
}

#[test]
fn services_of_an_archive_may_leave_what_they_wrote() {
    let checks = archive(&archives());
    assert_eq!(failed(&checks), [""; 0]);
    assert_eq!(checks.iter().filter(|check| check.code == "service.healthy").count(), 2);
}

#[test]
fn an_archive_that_leaves_its_unit_behind_is_found() {
    let machine = archives().leaves(&["/etc/passwd", "/etc/systemd/system/app.service"]);
    let machine =
        machine.says("sh -c for p in /proc", &[(0, "7 /opt/pkggen-test/app-1/bin/app\n")]);
    let want =
        ["remove.stopped: something of it still runs", "purge.left: something is left behind"];
    assert_eq!(failed(&archive(&machine)), want);
}

#[test]
fn a_control_program_that_fails_is_told_with_its_words() {
    let machine = archives().says("/opt/pkggen-test/app-1/bin/app-service", &[(3, "no systemd")]);
    let checks = archive(&machine);
    assert_eq!(failed(&checks), ["control: `install` ended with 3"]);
    assert_eq!(checks[0].outcome, Outcome::Failed(vec!["no systemd".into()]));
}
