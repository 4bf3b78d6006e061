//! Triggers: scripts that run when other packages, or files of other packages, come and go.
//!
//! Format: docs/formats/rpm.md, "scriptlets"; rpm `docs/manual/triggers.md`, `file_triggers.md`. A
//! header holds one row per script, and one per condition with the number of its script.

use std::collections::BTreeMap;

use super::{
    options::{RpmFileTrigger, RpmFileTriggerWhen, RpmOptions, RpmTrigger, RpmTriggerWhen},
    relation::{Field, Relation},
    scriptlets::interpreter,
    tags::{self, sense},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    format::{linux::OnMachine, units},
    manifest::{Line, Path, Spanned},
    package::Package,
    template::{render, shell},
};

const FOLLOW: &str = include_str!("../../../templates/rpm/follow.sh");

/// The priority of a file trigger that names none: rpm's own default, whatever its manual says.
const PRIORITY: u32 = 1_000_000;

/// All triggers, a kind each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Triggers {
    /// On packages.
    pub package: Vec<Trigger>,
    /// On files, once per package.
    pub file: Vec<Trigger>,
    /// On files, once per transaction.
    pub transaction: Vec<Trigger>,
}

/// One script and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trigger {
    /// The program that runs it; triggers have no arguments.
    pub interpreter: String,
    pub body: String,
    /// Name or path prefix, with the kind of trigger in the flags.
    pub conditions: Vec<Relation>,
    /// Higher ones run first.
    pub priority: u32,
}

/// Tags of a kind of triggers.
pub(super) struct Tags {
    pub scripts: u32,
    pub interpreters: u32,
    pub names: u32,
    pub versions: u32,
    pub flags: u32,
    /// Number of the script, per condition.
    pub indexes: u32,
    pub priorities: Option<u32>,
}

#[rustfmt::skip]
const PACKAGE: Tags = Tags {
    scripts: tags::TRIGGERSCRIPTS, interpreters: tags::TRIGGERSCRIPTPROG,
    names: tags::TRIGGERNAME, versions: tags::TRIGGERVERSION, flags: tags::TRIGGERFLAGS,
    indexes: tags::TRIGGERINDEX, priorities: None,
};

#[rustfmt::skip]
const FILE: Tags = Tags {
    scripts: tags::FILETRIGGERSCRIPTS, interpreters: tags::FILETRIGGERSCRIPTPROG,
    names: tags::FILETRIGGERNAME, versions: tags::FILETRIGGERVERSION, flags: tags::FILETRIGGERFLAGS,
    indexes: tags::FILETRIGGERINDEX, priorities: Some(tags::FILETRIGGERPRIORITIES),
};

#[rustfmt::skip]
const TRANSACTION: Tags = Tags {
    scripts: tags::TRANSFILETRIGGERSCRIPTS, interpreters: tags::TRANSFILETRIGGERSCRIPTPROG,
    names: tags::TRANSFILETRIGGERNAME, versions: tags::TRANSFILETRIGGERVERSION,
    flags: tags::TRANSFILETRIGGERFLAGS, indexes: tags::TRANSFILETRIGGERINDEX,
    priorities: Some(tags::TRANSFILETRIGGERPRIORITIES),
};

impl Triggers {
    /// From the `[rpm]` table. All mistakes at once.
    pub(super) fn of(
        package: &Package,
        options: &RpmOptions,
        machine: &OnMachine,
    ) -> Result<Self, Diagnostics> {
        let (mut all, mut found) = (Self::default(), Diagnostics::default());
        all.transaction = following(package, machine);
        for table in &options.triggers {
            match package_trigger(package, table) {
                Ok(trigger) => all.package.push(trigger),
                Err(error) => found.error(error),
            }
        }
        for table in &options.file_triggers {
            let list = if table.transaction { &mut all.transaction } else { &mut all.file };
            match file_trigger(package, table) {
                Ok(trigger) => list.push(trigger),
                Err(error) => found.error(error),
            }
        }
        if found.is_ok() { Ok(all) } else { Err(found) }
    }

    /// Each kind with its tags.
    pub(super) fn kinds(&self) -> [(&'static Tags, &[Trigger]); 3] {
        [(&PACKAGE, &self.package), (&FILE, &self.file), (&TRANSACTION, &self.transaction)]
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Trigger> {
        self.kinds().into_iter().flat_map(|(_, list)| list)
    }
}

/// Services that have to notice when models of other packages come and go.
fn following(package: &Package, machine: &OnMachine) -> Vec<Trigger> {
    let Some(dir) = &machine.followed else { return Vec::new() };
    let follows = package.services.iter().filter(|service| units::follows(service, package));
    let names: Vec<_> = follows.map(|service| shell(&service.unit())).collect();
    let body = render(FOLLOW, &BTreeMap::from([("units", names.join(" "))]));
    let trigger = |when| Trigger {
        interpreter: "/bin/sh".into(),
        body: body.trim_end().to_owned(),
        conditions: vec![Relation::with_flags(dir, when)],
        priority: PRIORITY,
    };
    [sense::TRIGGERIN, sense::TRIGGERPOSTUN].map(trigger).into()
}

fn package_trigger(package: &Package, table: &RpmTrigger) -> Result<Trigger, Diagnostic> {
    let when = match table.when {
        RpmTriggerWhen::PreIn => sense::TRIGGERPREIN,
        RpmTriggerWhen::In => sense::TRIGGERIN,
        RpmTriggerWhen::Un => sense::TRIGGERUN,
        RpmTriggerWhen::PostUn => sense::TRIGGERPOSTUN,
    };
    let condition = |item: &Spanned<Line>| {
        let relation = Relation::parse(&item.value.0, Field::Order).map_err(|error| {
            Diagnostic::usage("rpm.relation", error.to_string()).at(item.place.clone())
        })?;
        Ok(Relation { flags: relation.flags | when, ..relation })
    };
    let conditions = table.on.iter().map(condition).collect::<Result<_, Diagnostic>>()?;
    trigger(package, &table.script, conditions, PRIORITY)
}

fn file_trigger(package: &Package, table: &RpmFileTrigger) -> Result<Trigger, Diagnostic> {
    let when = match table.when {
        RpmFileTriggerWhen::In => sense::TRIGGERIN,
        RpmFileTriggerWhen::Un => sense::TRIGGERUN,
        RpmFileTriggerWhen::PostUn => sense::TRIGGERPOSTUN,
    };
    let paths = table.on.iter().map(|item| Relation::with_flags(&*item.value.0, when));
    trigger(package, &table.script, paths.collect(), table.priority.unwrap_or(PRIORITY))
}

fn trigger(
    package: &Package,
    path: &Spanned<Path>,
    conditions: Vec<Relation>,
    priority: u32,
) -> Result<Trigger, Diagnostic> {
    let wrong = |why: String| Diagnostic::usage("rpm.trigger", why).at(path.place.clone());
    let path = &*path.value.0;
    let script = package.trigger_scripts.get(path);
    let script = script.ok_or_else(|| wrong(format!("the script `{path}` was not read")))?;
    let (words, body) = interpreter(script);
    let [program] = words.as_slice() else {
        return Err(wrong(format!(
            "the interpreter of `{path}` has arguments, and triggers take none"
        )));
    };
    if !program.starts_with(['/', '<']) {
        return Err(wrong(format!("the interpreter `{program}` of `{path}` is no path")));
    }
    let (interpreter, body) = (program.clone(), body.trim_end().to_owned());
    Ok(Trigger { interpreter, body, conditions, priority })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::rpm::options,
        package::{Calling, Script, Seed, SeedMode, Service, sample, sample_service},
    };

    fn package(path: &str, text: &str) -> Package {
        let extension = path.rsplit('.').next().unwrap_or_default().to_owned();
        let script = Script { text: text.into(), calling: Calling::Native, extension, place: None };
        Package { trigger_scripts: [(path.to_owned(), script)].into(), ..sample() }
    }

    #[test]
    fn triggers_are_sorted_into_their_kinds() {
        let options = options::sample(
            "triggers = [{ on = [\"bash >= 5\", \"zsh\"], when = \"postun\", script = \"t.sh\" }]\n\
             file-triggers = [\n\
               { on = [\"/usr/share/models\"], script = \"t.sh\", transaction = true },\n\
               { on = [\"/usr/lib\", \"/lib\"], when = \"un\", script = \"t.sh\", priority = 9000 },\n\
             ]\n",
        );
        let all = Triggers::of(
            &package("t.sh", "#!/bin/bash\necho hi\n\n"),
            &options,
            &OnMachine::default(),
        )
        .unwrap();
        let shown = |trigger: &Trigger| {
            let conditions = trigger.conditions.iter().map(|c| format!("{c} {:x}", c.flags));
            let conditions = conditions.collect::<Vec<_>>().join(", ");
            format!("{} {:?} {} {conditions}", trigger.interpreter, trigger.body, trigger.priority)
        };
        let shown: Vec<_> = all.iter().map(shown).collect();
        assert_eq!(
            shown,
            [
                "/bin/bash \"echo hi\" 1000000 bash >= 5 4000c, zsh 40000",
                "/bin/bash \"echo hi\" 9000 /usr/lib 20000, /lib 20000",
                "/bin/bash \"echo hi\" 1000000 /usr/share/models 10000",
            ]
        );
        assert_eq!((all.package.len(), all.file.len(), all.transaction.len()), (1, 1, 1));
    }

    #[test]
    fn a_service_with_a_store_of_its_own_notices_models_that_come_and_go() {
        let seed = Seed {
            from: "/usr/share/sample/models".into(),
            to: "/var/lib/sample/models".into(),
            mode: SeedMode::Link,
            program: "/usr/libexec/sample/seed-models".into(),
        };
        let service = Service { seed: Some(seed), ..sample_service("sample") };
        let package = Package { services: vec![service], ..sample() };
        let machine = OnMachine::of(&package, &crate::layout::FEDORA);
        let all = Triggers::of(&package, &options::sample(""), &machine).unwrap().transaction;
        let when: Vec<_> = all.iter().map(|trigger| trigger.conditions[0].flags).collect();
        assert_eq!(when, [sense::TRIGGERIN, sense::TRIGGERPOSTUN]);
        assert_eq!(all[0].conditions[0].to_string(), "/usr/share/sample/models");
        assert!(all[1].body.contains("systemctl try-restart sample.service || :"));
    }

    #[test]
    fn a_lua_trigger_runs_inside_rpm() {
        let options = options::sample("triggers = [{ on = [\"bash\"], script = \"t.lua\" }]");
        let all = Triggers::of(&package("t.lua", "print('hi')"), &options, &OnMachine::default())
            .unwrap();
        assert_eq!(all.package[0].interpreter, "<lua>");
    }

    #[test]
    fn an_interpreter_with_arguments_is_refused() {
        let options = options::sample("triggers = [{ on = [\"bash\"], script = \"t.sh\" }]");
        let found =
            Triggers::of(&package("t.sh", "#!/bin/sh -e\n"), &options, &OnMachine::default())
                .unwrap_err();
        assert!(found.errors[0].message.contains("triggers take none"));
    }
}
