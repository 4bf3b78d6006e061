//! Every option of a service as systemd reads it.

use std::process::Command;

use super::*;
use crate::package::{StateDirs, sample_service};

/// The name every renderer has to survive.
const AWKWARD: &str = r#"O'Brien & "Söhne" 100% $HOME \n"#;

fn site() -> Site {
    Site {
        name: "offgrid".into(),
        homepage: Some("https://offgrid-llm.io".into()),
        state: "/var/lib/offgrid".into(),
        log: "/var/log/offgrid".into(),
        cache: "/var/cache/offgrid".into(),
        config: "/etc/offgrid".into(),
        capabilities: BTreeMap::new(),
    }
}

fn service() -> Service {
    Service {
        summary: "OffGrid LLM server".into(),
        exec: vec!["/usr/bin/offgrid".into(), "serve".into()],
        dirs: StateDirs { state: Some(("offgrid".into(), 0o750)), ..StateDirs::default() },
        ..sample_service("offgrid")
    }
}

fn raw(rows: &[(&str, &str)]) -> BTreeMap<String, Vec<(String, String)>> {
    let rows = rows.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    BTreeMap::from([("Service".to_owned(), rows.collect())])
}

/// Without the hardening block, which has a test of its own.
fn short(service: &Service) -> String {
    let text = unit(service, &site()).unwrap();
    let block: Vec<_> = HARDENING.lines().chain(NO_DEVICES.lines()).chain(GPU.lines()).collect();
    text.lines().filter(|line| !block.contains(line)).map(|line| line.to_owned() + "\n").collect()
}

fn value<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

#[test]
fn a_server_with_a_gpu_is_rendered() {
    let mut service = service();
    service.exec.extend(["--config".into(), "/etc/offgrid/offgrid.toml".into()]);
    service.groups = vec!["render".into(), "video".into()];
    service.gpu = true;
    service.env.insert("OFFGRID_MODELS".into(), "/usr/share/offgrid/models".into());
    service.after = vec![Dependency::NetworkOnline];
    let want = "\
[Unit]
Description=OffGrid LLM server
Documentation=https://offgrid-llm.io
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/bin/offgrid serve --config /etc/offgrid/offgrid.toml
User=offgrid
SupplementaryGroups=render video
Environment=HOME=%S/offgrid
Environment=\"OFFGRID_MODELS=/usr/share/offgrid/models\"
EnvironmentFile=-/etc/offgrid/offgrid.env
StateDirectory=offgrid
StateDirectoryMode=0750
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
";
    assert_eq!(short(&service), want);
    let text = unit(&service, &site()).unwrap();
    assert!(text.contains(HARDENING) && text.contains(GPU) && !text.contains(NO_DEVICES));
}

#[test]
fn a_service_without_a_gpu_sees_no_devices() {
    let text = unit(&service(), &site()).unwrap();
    assert!(text.contains(HARDENING) && text.contains(NO_DEVICES) && !text.contains(GPU));
}

#[test]
fn a_unit_of_users_has_no_user_and_no_hardening() {
    let service = Service { scope: Scope::User, user: None, ..service() };
    let service = Service { dirs: StateDirs::default(), ..service };
    let service = Service { after: vec![Dependency::NetworkOnline], ..service };
    let want = "\
[Unit]
Description=OffGrid LLM server
Documentation=https://offgrid-llm.io

[Service]
ExecStart=/usr/bin/offgrid serve
Restart=on-failure
RestartSec=5

[Install]
WantedBy=default.target
";
    assert_eq!(unit(&service, &site()).unwrap(), want);
}

#[test]
fn the_awkward_name_is_quoted_for_each_place() {
    let mut service = service();
    service.summary = AWKWARD.into();
    service.exec.push(AWKWARD.into());
    service.env.insert("NAME".into(), AWKWARD.into());
    let text = unit(&service, &site()).unwrap();
    assert_eq!(value(&text, "Description"), [r#"O'Brien & "Söhne" 100%% $HOME \n"#]);
    let exec = r#"/usr/bin/offgrid serve "O'Brien & \"Söhne\" 100%% $$HOME \\n""#;
    assert_eq!(value(&text, "ExecStart"), [exec]);
    let env = r#""NAME=O'Brien & \"Söhne\" 100%% $HOME \\n""#;
    assert_eq!(value(&text, "Environment")[1], env);
    let users = sysusers(&[service], &site()).unwrap();
    let want = r#"u offgrid - "O'Brien & \"Söhne\" 100%% $HOME \\n" /var/lib/offgrid"#;
    assert_eq!(users.trim_end(), want);
}

#[test]
fn empty_and_odd_arguments_are_quoted() {
    for (word, want) in [
        ("", "\"\""),
        (";", "\";\""),
        ("a b", "\"a b\""),
        ("it's", "\"it's\""),
        ("a\tb\n", "\"a\\tb\\n\""),
        ("${X}", "$${X}"),
        ("ü", "ü"),
    ] {
        let exec = vec!["/x".into(), word.to_owned()];
        let text = unit(&Service { exec, ..service() }, &site()).unwrap();
        assert_eq!(value(&text, "ExecStart"), [format!("/x {want}")]);
    }
}

#[test]
fn programs_that_systemd_would_misread_are_refused() {
    for program in ["-/usr/bin/x", "!x", "bin/x"] {
        let service = Service { exec: vec![program.into()], ..service() };
        assert_eq!(unit(&service, &site()).unwrap_err().code, "service.exec");
    }
    let env = BTreeMap::from([("A B".to_owned(), String::new())]);
    assert!(unit(&Service { env, ..service() }, &site()).is_err());
}

#[test]
fn raw_keys_win_and_lists_grow() {
    let rows = [
        ("PrivateTmp", "no"),
        ("MemoryMax", "80%"),
        ("Environment", "A=1"),
        ("DeviceAllow", "/dev/dri rw"),
        ("DeviceAllow", "/dev/nvidia0 rw"),
    ];
    let mut service = Service { systemd: raw(&rows), ..service() };
    service.groups = vec!["render".into()];
    service.systemd.insert("X-Own".into(), vec![("Key".into(), "value".into())]);
    let text = unit(&service, &site()).unwrap();
    assert_eq!(value(&text, "PrivateTmp"), ["no"]);
    assert_eq!(value(&text, "MemoryMax"), ["80%"]);
    assert_eq!(value(&text, "Environment"), ["HOME=%S/offgrid", "A=1"]);
    assert_eq!(value(&text, "DeviceAllow"), ["/dev/dri rw", "/dev/nvidia0 rw"]);
    assert!(text.ends_with("\n[X-Own]\nKey=value\n"), "{text}");
}

#[test]
fn a_raw_key_is_one_line() {
    let service = Service { systemd: raw(&[("A", "b\nExecStart=/bin/evil")]), ..service() };
    assert_eq!(unit(&service, &site()).unwrap_err().code, "service.systemd");
}

#[test]
fn home_exists_without_a_state_directory_of_its_own() {
    let text = unit(&Service { dirs: StateDirs::default(), ..service() }, &site()).unwrap();
    assert_eq!(value(&text, "StateDirectory"), ["offgrid"]);
    assert_eq!(value(&text, "StateDirectoryMode"), ["0750"]);
}

#[test]
fn directories_outside_var_lib_are_made_by_tmpfiles() {
    let site = Site { state: "/var/opt/offgrid".into(), ..site() };
    let text = unit(&service(), &site).unwrap();
    assert!(value(&text, "StateDirectory").is_empty());
    assert_eq!(value(&text, "ReadWritePaths"), ["/var/opt/offgrid"]);
    assert_eq!(value(&text, "Environment"), ["HOME=/var/opt/offgrid"]);
    let lines = tmpfiles(&unmanaged(&service(), &site)).unwrap();
    assert_eq!(lines, "d /var/opt/offgrid 0750 offgrid offgrid -\n");
}

#[test]
fn log_and_cache_have_their_modes() {
    let dirs = StateDirs {
        log: Some(("offgrid".into(), 0o755)),
        cache: Some(("offgrid/x".into(), 0o700)),
        ..StateDirs::default()
    };
    let service = Service { dirs, ..service() };
    let text = unit(&service, &site()).unwrap();
    assert_eq!(value(&text, "LogsDirectoryMode"), ["0755"]);
    assert_eq!(value(&text, "CacheDirectory"), ["offgrid/x"]);
    let made = managed_dirs(&service, &site());
    assert_eq!(made, ["/var/lib/offgrid", "/var/log/offgrid", "/var/cache/offgrid/x"]);
}

#[test]
fn groups_are_made_and_memberships_are_not() {
    let mut service = service();
    service.groups = vec!["video".into(), "render".into(), "offgrid".into()];
    let want = "u offgrid - \"OffGrid LLM server\" /var/lib/offgrid\ng render -\ng video -\n";
    assert_eq!(sysusers(&[service], &site()).unwrap(), want);
}

#[test]
fn root_and_dynamic_users_are_not_created() {
    let root = Service { user: Some("root".into()), ..service() };
    let dynamic = Service { systemd: raw(&[("DynamicUser", "yes")]), ..service() };
    assert_eq!(sysusers(&[root, dynamic], &site()), None);
}

#[test]
fn a_capability_of_the_program_reaches_the_service() {
    let capable = BTreeMap::from([(
        "/usr/bin/offgrid".to_owned(),
        "cap_net_bind_service,cap_net_raw=ep".to_owned(),
    )]);
    let text = unit(&service(), &Site { capabilities: capable, ..site() }).unwrap();
    let names = ["CAP_NET_BIND_SERVICE CAP_NET_RAW"];
    assert_eq!(value(&text, "CapabilityBoundingSet"), names);
    assert_eq!(value(&text, "AmbientCapabilities"), names);
}

#[test]
fn systemd_has_no_complaint() {
    let mut service = service();
    service.summary = format!("{AWKWARD} and \\");
    service.exec = vec!["/bin/true".into(), AWKWARD.into(), ";".into(), String::new()];
    service.env.insert("NAME".into(), AWKWARD.into());
    service.groups = vec!["video".into()];
    service.after = vec![Dependency::NetworkOnline, Dependency::Unit("basic.target".into())];
    for (flag, scope) in [("--system", Scope::System), ("--user", Scope::User)] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("offgrid.service");
        let service = Service { scope, ..service.clone() };
        std::fs::write(&file, unit(&service, &site()).unwrap()).unwrap();
        let mut verify = Command::new("systemd-analyze");
        verify.args(["verify", "--man=no", flag]).arg(&file).env("XDG_RUNTIME_DIR", dir.path());
        let run = verify.output();
        let Ok(run) = run else {
            eprintln!("skipped: no systemd-analyze");
            return;
        };
        let said = String::from_utf8_lossy(&run.stderr);
        let ours = said.lines().filter(|line| line.contains("offgrid")).collect::<Vec<_>>();
        assert!(run.status.success() && ours.is_empty(), "{said}");
    }
}

#[test]
fn a_service_exposes_little_with_and_without_a_gpu() {
    for gpu in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("offgrid.service");
        let service = Service { gpu, exec: vec!["/bin/true".into()], ..service() };
        std::fs::write(&file, unit(&service, &site()).unwrap()).unwrap();
        let mut security = Command::new("systemd-analyze");
        // the threshold is ten times the exposure
        security.args(["security", "--offline=yes", "--threshold=30", "--no-pager"]).arg(&file);
        let Ok(run) = security.output() else {
            assert!(std::env::var_os("CI").is_none(), "systemd-analyze is missing");
            return;
        };
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "{gpu}: {said}{}", String::from_utf8_lossy(&run.stderr));
    }
}

#[test]
fn a_store_is_filled_before_every_start() {
    let seed = Seed {
        from: "/usr/share/offgrid/models".into(),
        to: "/var/lib/offgrid/my models".into(),
        mode: crate::package::SeedMode::Reflink,
        program: "/usr/libexec/offgrid/seed-models".into(),
    };
    let mut service = Service { seed: Some(seed), ..service() };
    let text = unit(&service, &site()).unwrap();
    let want = "/usr/libexec/offgrid/seed-models /usr/share/offgrid/models \
                \"/var/lib/offgrid/my models\" \"/var/lib/offgrid/my models.seeded\" reflink";
    assert_eq!(value(&text, "ExecStartPre"), [want]);
    // a user's service has the state directory of that user
    (service.scope, service.user, service.dirs) = (Scope::User, None, StateDirs::default());
    service.env.insert("OLLAMA_MODELS".into(), "/var/lib/offgrid/my models".into());
    let text = unit(&service, &site()).unwrap();
    assert!(value(&text, "ExecStartPre")[0].contains(" \"%S/offgrid/my models\" "), "{text}");
    assert_eq!(value(&text, "Environment"), ["\"OLLAMA_MODELS=%S/offgrid/my models\""]);
    assert_eq!(value(&text, "StateDirectory"), ["offgrid"]);
}
