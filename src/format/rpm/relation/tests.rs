use proptest::prelude::*;

use super::*;
use crate::format::rpm::tags::sense;

fn tidy(text: &str) -> String {
    Relation::parse(text, Field::Requires).unwrap().to_string()
}

fn why(text: &str, field: Field) -> String {
    Relation::parse(text, field).unwrap_err().to_string()
}

#[test]
fn names_of_every_kind_are_taken_as_they_are() {
    for name in [
        "bash",
        "glibc(x86-64)",
        "libc.so.6(GLIBC_2.34)(64bit)",
        "rtld(GNU_HASH)",
        "/usr/bin/sh",
        "perl(Foo::Bar)",
        "font(:lang=en)",
        "npm(@babel/core)",
        "python3dist(foo[bar])",
        "mimehandler(x-scheme-handler/toy)",
        "_x",
        "389-ds",
    ] {
        let relation = Relation::parse(name, Field::Requires).unwrap();
        assert_eq!(relation, Relation::plain(name));
    }
}

#[test]
fn a_version_has_a_comparison_and_is_written_as_rpm_prints_it() {
    let relation = Relation::parse("  glibc   >=  1:2.34~rc1-2  ", Field::Requires).unwrap();
    let want = Relation::versioned("glibc", GREATER | EQUAL, "1:2.34~rc1-2");
    assert_eq!(relation, want);
    assert_eq!(relation.to_string(), "glibc >= 1:2.34~rc1-2");
    assert_eq!(tidy("a == 1"), "a = 1");
    assert_eq!(tidy("a => 1"), "a >= 1");
}

#[test]
fn rich_relations_are_nested_and_normalised() {
    assert_eq!(tidy("( a  or b>c )".replace("b>c", "b > 1").as_str()), "(a or b > 1)");
    assert_eq!(tidy("(a and b and (c or d >= 2))"), "(a and b and (c or d >= 2))");
    assert_eq!(tidy("(a if b else c)"), "(a if b else c)");
    assert_eq!(tidy("(a with b(x) >= 1 with c)"), "(a with b(x) >= 1 with c)");
    assert_eq!(tidy("(a without b)"), "(a without b)");
    assert_eq!(tidy("((a and b) if (c or d))"), "((a and b) if (c or d))");
    let conflict = Relation::parse("(a unless b)", Field::Conflicts).unwrap();
    assert_eq!(conflict.name, "(a unless b)");
}

#[test]
fn what_rpm_would_misread_is_refused_with_its_reason() {
    for (text, said) in [
        ("", "a name is missing"),
        ("a 1.2", "a comparison is missing"),
        ("a>=1", "stand blanks"),
        ("a >=", "a version is missing"),
        ("a ~> 1", "`~>` is no comparison"),
        ("a, b", "several items"),
        ("a | b", "`|` is no comparison"),
        ("a|b", "`(a or b)`"),
        ("(a or b", "is not closed"),
        ("a)", "has no `(`"),
        ("(a or b))", "has no `(`"),
        ("(a or b) c", "after the last `)`"),
        ("()", "nothing stands"),
        ("(a or )", "a name is missing"),
        ("(a xor b)", "`xor` is none of"),
        ("(a or b and c)", "parentheses of their own"),
        ("(a if b if c)", "stands once"),
        ("(a else b)", "after `if`"),
        ("(a or (b if c))", "use `and` instead"),
        ("(a unless b)", "use `or` instead"),
        ("(a with (b and c))", "`with` and `or` only"),
        ("-a", "does not start with"),
        ("/bin/sh = 1", "a path has no version"),
        ("a = x:1", "the epoch"),
        ("a = 1-2-3", "more than one `-`"),
        ("a = 1-", "empty"),
        ("a = 1/2", "`/` cannot be in it"),
        ("a >= ${version}", "`$` cannot be in it"),
        ("rpmlib(LargeFiles) <= 4.12.0-1", "features of rpm itself"),
    ] {
        let got = why(text, Field::Requires);
        assert!(got.contains(said), "{text}: {got}");
    }
}

#[test]
fn not_every_field_takes_every_form() {
    assert!(why("(a or b)", Field::Provides).contains("rich relations"));
    assert!(why("(a or b)", Field::Obsoletes).contains("rich relations"));
    assert!(why("lib.so.1()", Field::Obsoletes).contains("no name of a package"));
    assert!(why("a >= 1", Field::Provides).contains("`a = 1`"));
    assert!(why("(a if b)", Field::Conflicts).contains("use `and` instead"));
    assert!(Relation::parse("(a if b)", Field::Recommends).is_ok());
}

#[test]
fn nesting_has_an_end() {
    let deep = format!("{}a or b{}", "(".repeat(1000), ")".repeat(1000));
    assert!(why(&deep, Field::Requires).contains("deep"));
}

#[test]
fn relations_sort_by_name_version_and_flags() {
    let mut all = [
        Relation::versioned("a", EQUAL, "2"),
        Relation::with_flags("a", sense::SCRIPT_POST),
        Relation::plain("a"),
        Relation::versioned("a", LESS, "1"),
        Relation::plain("(b or c)"),
    ];
    all.sort();
    let words = all.map(|relation| format!("{relation} {:x}", relation.flags));
    assert_eq!(words, ["(b or c) 0", "a 0", "a 400", "a < 1 2", "a = 2 8"]);
}

fn atom() -> impl Strategy<Value = String> {
    let name = "[a-zA-Z0-9_/][a-zA-Z0-9.+_-]{0,6}(\\([a-zA-Z0-9_.:=-]{0,5}\\)){0,2}";
    let version = "([0-9]:)?[0-9][0-9a-z.+~^_]{0,4}(-[0-9a-z.]{1,3})?";
    (name, proptest::option::of((0_usize..5, version))).prop_map(|(name, version)| match version {
        Some((at, version)) if !name.starts_with('/') => {
            format!("{name} {} {version}", COMPARISONS[at].0)
        }
        _ => name,
    })
}

/// Rich relations that are allowed everywhere: chains of `and` and `or`.
fn chain() -> impl Strategy<Value = String> {
    atom().prop_recursive(4, 24, 4, |inner| {
        let parts = proptest::collection::vec(inner, 2..4);
        (parts, prop_oneof![Just(" and "), Just(" or ")])
            .prop_map(|(parts, word)| format!("({})", parts.join(word)))
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_parsed_to_the_same(text in chain()) {
        let relation = Relation::parse(&text, Field::Requires).unwrap();
        prop_assert_eq!(relation.to_string(), text.clone());
        prop_assert_eq!(Relation::parse(&relation.to_string(), Field::Requires).unwrap(), relation);
    }

    #[test]
    fn blanks_between_words_do_not_matter(text in chain(), blanks in "[ \t]{1,3}") {
        let wide = text.replace(' ', &blanks);
        let narrow = Relation::parse(&text, Field::Requires);
        prop_assert_eq!(Relation::parse(&wide, Field::Requires), narrow);
    }

    #[test]
    fn no_text_makes_the_parser_panic(
        text in "[()a-c <>=:/~^.-]{0,30}( (and|or|if|else|unless|with|without) [()a-c ]{0,8}){0,4}"
    ) {
        for field in [Field::Requires, Field::Provides, Field::Conflicts, Field::Obsoletes] {
            let _ = Relation::parse(&text, field);
        }
    }
}

/// Rich relations of every word, allowed or not.
fn any_rich() -> impl Strategy<Value = String> {
    let atom =
        prop_oneof![Just("a".to_owned()), Just("b >= 1".to_owned()), Just("c(x)".to_owned())];
    atom.prop_recursive(3, 12, 3, |inner| {
        let chain = prop_oneof![Just(" and "), Just(" or "), Just(" with ")];
        let once = prop_oneof![Just(" if "), Just(" unless "), Just(" without ")];
        let branch = prop_oneof![Just(" if "), Just(" unless ")];
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 2..4), chain)
                .prop_map(|(parts, word)| format!("({})", parts.join(word))),
            (inner.clone(), once, inner.clone()).prop_map(|(a, word, b)| format!("({a}{word}{b})")),
            (inner.clone(), branch, inner.clone(), inner)
                .prop_map(|(a, word, b, c)| format!("({a}{word}{b} else {c})")),
        ]
    })
}

/// What rpm's own parser makes of a relation: its name, or nothing when it is refused. An error
/// when there is no rpm.
fn rpmspec(field: &str, tag: &str, text: &str) -> std::io::Result<Option<String>> {
    let dir = tempfile::tempdir().unwrap();
    let spec = dir.path().join("x.spec");
    let lines = format!(
        "Name: x\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\n{field}: {text}\n%description\nx\n"
    );
    std::fs::write(&spec, lines).unwrap();
    let mut command = std::process::Command::new("rpmspec");
    command.args(["-q", "--qf", &format!("[%{{{tag}}}\n]")]).arg(&spec);
    let done = command.output()?;
    let names = String::from_utf8_lossy(&done.stdout).into_owned();
    Ok(done.status.success().then(|| names.lines().last().unwrap_or_default().to_owned()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn rpm_takes_and_refuses_the_same_rich_relations(text in any_rich()) {
        let fields =
            [("Requires", "REQUIRENAME", Field::Requires), ("Conflicts", "CONFLICTNAME", Field::Conflicts)];
        for (word, tag, field) in fields.into_iter().filter(|_| text.starts_with('(')) {
            // without rpm there is nothing to compare with; the tests above remain
            let Ok(theirs) = rpmspec(word, tag, &text) else { continue };
            let ours = Relation::parse(&text, field).ok().map(|relation| relation.name);
            prop_assert_eq!(ours, theirs, "{}: {}", word, text);
        }
    }
}
