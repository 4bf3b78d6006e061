//! Manifests that are right, every mistake with its message, and what is generated from the
//! declarations: the JSON Schema and docs/manifest.md. `UPDATE=1` rewrites what is compared.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use pkggen::{
    diagnostic::{Diagnostics, SourceText},
    format,
    manifest::{self, Manifest, Node, Selection, Selector, Shape, Spanned, Value},
    package::Target,
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn manifests(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}", dir.display());
    files
}

fn good() -> Vec<PathBuf> {
    let apps = fs::read_dir(root().join("fixtures/apps")).unwrap();
    let apps = apps.map(|app| app.unwrap().path().join("pkggen.toml")).filter(|path| path.exists());
    manifests(&root().join("fixtures/manifests/good")).into_iter().chain(apps).collect()
}

fn parse(path: &Path) -> Result<Manifest, Diagnostics> {
    manifest::parse("pkggen.toml", fs::read(path).unwrap(), format::TABLES)
}

/// Compares with a file; `UPDATE=1` writes it.
fn compare(path: &Path, got: &str) {
    if env::var_os("UPDATE").is_some() {
        fs::write(path, got).unwrap();
        return;
    }
    let want = fs::read_to_string(path).unwrap_or_default();
    assert!(want == got, "{} is not\n{got}\n(UPDATE=1 rewrites it)", path.display());
}

#[test]
fn good_manifests_have_no_errors() {
    for path in good() {
        if let Err(found) = parse(&path) {
            panic!("{}:\n{}", path.display(), listed(&found));
        }
    }
}

fn listed(found: &Diagnostics) -> String {
    let errors: Vec<_> = found.errors.iter().map(|error| format!("{error}\n")).collect();
    errors.join("\n")
}

#[test]
fn every_mistake_has_its_message() {
    for path in manifests(&root().join("fixtures/manifests/bad")) {
        match parse(&path) {
            Ok(_) => panic!("{} has no errors", path.display()),
            Err(found) => compare(&path.with_extension("txt"), &listed(&found)),
        }
    }
}

#[test]
fn every_message_belongs_to_a_mistake() {
    for entry in fs::read_dir(root().join("fixtures/manifests/bad")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("toml").exists(), "{} is left over", path.display());
    }
}

#[test]
fn the_reference_is_generated() {
    compare(&root().join("docs/manifest.md"), &manifest::reference(format::TABLES));
}

#[test]
fn good_manifests_fit_the_schema() {
    let schema = manifest::schema(format::TABLES);
    for path in good() {
        let text = fs::read_to_string(&path).unwrap();
        let source = Arc::new(SourceText { name: path.display().to_string(), text });
        let tree = json(&Node::parse(&source).unwrap());
        let mut problems = Vec::new();
        validate(&schema, &schema, &tree, "", &mut problems);
        assert!(problems.is_empty(), "{}: {problems:#?}", path.display());
    }
}

#[test]
fn the_schema_refuses_what_is_no_manifest() {
    let schema = manifest::schema(format::TABLES);
    for bad in [
        json!({}),
        json!({ "package": { "name": "x" } }),
        json!({ "package": 1 }),
        json!({ "pakage": {} }),
    ] {
        let mut problems = Vec::new();
        validate(&schema, &schema, &bad, "", &mut problems);
        assert!(!problems.is_empty(), "{bad}");
    }
}

fn json(node: &Node) -> Json {
    match &node.value {
        Value::String(text) | Value::Datetime(text) => json!(text),
        Value::Integer(number) => json!(number),
        Value::Float(number) => json!(number),
        Value::Bool(truth) => json!(truth),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(rows) => {
            Json::Object(rows.iter().map(|(key, node)| (key.name.clone(), json(node))).collect())
        }
    }
}

/// As much of JSON Schema as ours uses.
fn validate(root: &Json, schema: &Json, value: &Json, at: &str, problems: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").unwrap();
        let target = &root["$defs"][name];
        assert!(target.is_object(), "{name} is not defined");
        validate(root, target, value, at, problems);
    }
    let kind = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(number) if number.is_i64() => "integer",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    if schema["type"].as_str().is_some_and(|wanted| wanted != kind) {
        problems.push(format!("{at} is {kind}, not {}", schema["type"]));
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema["enum"].as_array().is_some_and(|words| !words.contains(value))
    {
        problems.push(format!("{at} cannot be {value}"));
    }
    let above = |number| schema["maximum"].as_i64().is_some_and(|max| number > max);
    let below = |number| schema["minimum"].as_i64().is_some_and(|min| number < min);
    if value.as_i64().is_some_and(|number| above(number) || below(number)) {
        problems.push(format!("{at} is out of range"));
    }
    if let Some(shapes) = schema["anyOf"].as_array() {
        let fits = |shape: &Json| {
            let mut found = Vec::new();
            validate(root, shape, value, at, &mut found);
            found.is_empty()
        };
        if !shapes.iter().any(fits) {
            problems.push(format!("{at} fits nothing of {}", schema["anyOf"]));
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema["items"].is_object() {
            validate(root, &schema["items"], item, &format!("{at}[{index}]"), problems);
        }
    }
    let Some(rows) = value.as_object() else { return };
    for key in schema["required"].as_array().into_iter().flatten() {
        if !rows.contains_key(key.as_str().unwrap()) {
            problems.push(format!("{at} has no {key}"));
        }
    }
    for (key, item) in rows {
        let below = format!("{at}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(shape), _) | (None, shape @ Json::Object(_)) => {
                validate(root, shape, item, &below, problems);
            }
            (None, Json::Bool(false)) => problems.push(format!("{below} is not known")),
            _ => {}
        }
    }
}

#[test]
fn all_keys_has_every_key() {
    let text = fs::read_to_string(root().join("fixtures/manifests/good/all-keys.toml")).unwrap();
    let source = Arc::new(SourceText { name: "all-keys.toml".into(), text });
    let mut missing = Vec::new();
    absent(
        &manifest::root_shape(format::TABLES),
        &[&Node::parse(&source).unwrap()],
        "",
        &mut missing,
    );
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Keys that none of the nodes has.
fn absent(shape: &Shape, nodes: &[&Node], at: &str, missing: &mut Vec<String>) {
    match shape {
        Shape::Table(table) => {
            for field in &table.fields {
                let below: Vec<_> = nodes.iter().filter_map(|node| node.get(&field.key)).collect();
                let at = format!("{at}.{}", field.key);
                if below.is_empty() {
                    missing.push(at);
                } else {
                    absent(&field.shape, &below, &at, missing);
                }
            }
        }
        Shape::List(item) => {
            let items: Vec<_> = nodes.iter().flat_map(|node| node.as_array().unwrap()).collect();
            absent(item, &items, at, missing);
        }
        Shape::Map(_, value) => {
            let values: Vec<_> =
                nodes.iter().flat_map(|node| node.rows()).map(|(_, node)| node).collect();
            absent(value, &values, at, missing);
        }
        Shape::Either(shapes) => {
            if let Some(table) = shapes.iter().find(|shape| matches!(shape, Shape::Table(_))) {
                absent(table, nodes, at, missing);
            }
        }
        _ => {}
    }
}

const LAYERED: &str = r#"
[package]
name = "hi"
version = "1.0.0"
summary = "base"
license = "MIT"
[payload]
files = [{ source = "base", type = "bin" }]
[variant.cpu]
default = true
[variant.cuda]
package.summary = "cuda"
deb.depends = ["cuda"]
[override.linux]
package.summary = "linux"
package.release = 2
deb.depends = ["linux"]
[override.linux-x86_64]
package.summary = "target"
[override.deb]
package.summary = "deb"
deb.depends = ["deb"]
[override.tar]
package.summary = "tar"
[override."tar.gz"]
package.summary = "tar.gz"
[override.macos]
dmg.window = [1, 2]
sign.gpg.key = { file = "macos" }
[dmg]
window = [660, 400]
[sign.gpg]
key = { env = "KEY" }
"#;

fn selection<'a>(
    target: &str,
    format: &'a str,
    spelling: &'a str,
    variant: Option<&'a str>,
) -> Selection<'a> {
    Selection { target: Target::parse(target).unwrap(), format, spelling, variant }
}

fn selected(selection: &Selection<'_>, sets: &[(&str, &str)]) -> Result<Node, Vec<String>> {
    let manifest = manifest::parse("pkggen.toml", LAYERED, format::TABLES).unwrap();
    let sets: Vec<_> = sets.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let node = manifest.select(selection, &sets);
    node.map_err(|found| found.errors.iter().map(ToString::to_string).collect())
}

fn summary(node: &Node) -> &str {
    node.find(&["package", "summary"]).unwrap().as_str().unwrap()
}

#[test]
fn the_strongest_layer_wins() {
    for (target, format, spelling, variant, want) in [
        ("freebsd-x86_64", "zip", "zip", None, "base"),
        ("linux-aarch64", "zip", "zip", None, "linux"),
        ("linux-x86_64", "zip", "zip", None, "target"),
        ("linux-x86_64", "deb", "deb", Some("cpu"), "deb"),
        ("linux-x86_64", "tar", "tar.xz", None, "tar"),
        ("linux-x86_64", "tar", "tar.gz", None, "tar.gz"),
        ("linux-x86_64", "deb", "deb", Some("cuda"), "cuda"),
    ] {
        let node = selected(&selection(target, format, spelling, variant), &[]).unwrap();
        assert_eq!(summary(&node), want, "{target} {spelling}");
    }
    let sets = [("package.summary", "set"), ("package.release", "7")];
    let node = selected(&selection("linux-x86_64", "deb", "deb", Some("cuda")), &sets).unwrap();
    assert_eq!(summary(&node), "set");
    assert_eq!(node.find(&["package", "release"]).unwrap().as_integer(), Some(7));
}

#[test]
fn lists_append_from_weak_to_strong() {
    let node = selected(&selection("linux-x86_64", "deb", "deb", Some("cuda")), &[]).unwrap();
    let list = node.find(&["deb", "depends"]).unwrap().as_array().unwrap();
    assert_eq!(
        list.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>(),
        ["linux", "deb", "cuda"]
    );
}

#[test]
fn one_value_in_several_parts_is_replaced() {
    let node = selected(&selection("macos-aarch64", "dmg", "dmg", None), &[]).unwrap();
    let window = node.find(&["dmg", "window"]).unwrap().as_array().unwrap();
    assert_eq!(window.iter().map(|n| n.as_integer().unwrap()).collect::<Vec<_>>(), [1, 2]);
    let key = node.find(&["sign", "gpg", "key"]).unwrap();
    assert_eq!(key.rows().map(|(key, _)| key.name.as_str()).collect::<Vec<_>>(), ["file"]);
}

#[test]
fn set_takes_single_values_of_keys_that_exist() {
    let at = selection("linux-x86_64", "deb", "deb", None);
    for (key, value, want) in [
        (
            "package.relase",
            "2",
            "error: `package` has no key `relase`\n --> --set:1:9\n  |\n1 | package.relase=2\n  |         ^^^^^^\nhint: did you mean `release`?",
        ),
        (
            "pakage.release",
            "2",
            "error: the manifest has no key `pakage`\n --> --set:1:1\n  |\n1 | pakage.release=2\n  | ^^^^^^\nhint: did you mean `package`?",
        ),
        (
            "deb.depends",
            "x",
            "error: `deb.depends` is a list of strings, and --set takes single values only\n --> --set:1:13\n  |\n1 | deb.depends=x\n  |             ^\nhint: write it in the manifest, or in an [override] of its own",
        ),
        (
            "deb",
            "x",
            "error: `deb` is a table, and --set takes single values only\n --> --set:1:5\n  |\n1 | deb=x\n  |     ^\nhint: write it in the manifest, or in an [override] of its own",
        ),
        (
            "a\nb",
            "x",
            "error: `a\\nb` is no key\nhint: keys are written as in the manifest: `package.release`",
        ),
        (
            "",
            "x",
            "error: `` is no key\nhint: keys are written as in the manifest: `package.release`",
        ),
    ] {
        assert_eq!(selected(&at, &[(key, value)]).unwrap_err(), [want], "{key}");
    }
}

#[test]
fn set_values_get_the_type_of_their_key() {
    let at = selection("linux-x86_64", "deb", "deb", None);
    let sets = [
        ("package.version", "2.0.0"),
        ("desktop", "false"),
        ("deb.epoch", "3"),
        ("vars.n", "5"),
        ("archive.compression", "9"),
        ("service.\"a b\".enable", "true"),
        ("windows.path", "maybe"),
    ];
    let node = selected(&at, &sets).unwrap();
    let value = |path: &[&str]| node.find(path).unwrap().value.clone();
    assert_eq!(value(&["package", "version"]), Value::from("2.0.0"));
    assert_eq!(value(&["desktop"]), Value::from(false));
    assert_eq!(value(&["deb", "epoch"]), Value::from(3));
    assert_eq!(value(&["vars", "n"]), Value::from("5"));
    assert_eq!(value(&["archive", "compression"]), Value::from(9));
    assert_eq!(value(&["service", "a b", "enable"]), Value::from(true));
    let found = manifest::decode_key::<manifest::Windows>(&node, "windows").unwrap_err();
    assert_eq!(
        found.errors[0].to_string(),
        "error: `windows.path` is the string \"maybe\", and a boolean is wanted\n --> --set:1:14\n  \
         |\n1 | windows.path=maybe\n  |              ^^^^^"
    );
}

#[test]
fn layers_are_listed_from_weak_to_strong() {
    let manifest = manifest::parse("pkggen.toml", LAYERED, format::TABLES).unwrap();
    let names = |selection| {
        let layers = manifest.layers("package.summary", selection, &[]).unwrap();
        layers.into_iter().map(|layer| layer.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(None),
        [
            "base",
            "override.linux",
            "override.linux-x86_64",
            "override.deb",
            "override.tar",
            "override.tar.gz",
            "variant.cuda",
        ]
    );
    let at = selection("linux-x86_64", "tar", "tar.gz", None);
    assert_eq!(
        names(Some(&at)),
        ["base", "override.linux", "override.linux-x86_64", "override.tar", "override.tar.gz",]
    );
    let error = manifest.layers("package.sumary", None, &[]).unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("did you mean `summary`?"));
}

#[test]
fn only_and_except_are_judged_for_one_artifact() {
    let at = selection("linux-x86_64", "tar", "tar.gz", Some("cuda"));
    let words = |words: &[&str]| -> Vec<_> {
        let one = |word: &&str| Spanned { value: Selector((*word).to_owned()), place: None };
        words.iter().map(one).collect()
    };
    for (only, except, want) in [
        (&[][..], &[][..], true),
        (&["linux"], &[], true),
        (&["macos", "tar"], &[], true),
        (&["macos"], &[], false),
        (&["tar.xz"], &[], false),
        (&["linux"], &["cuda"], false),
        (&[], &["linux-x86_64"], false),
        (&[], &["linux-x86_64-musl"], true),
    ] {
        assert_eq!(at.uses(&words(only), &words(except)), want, "{only:?} {except:?}");
    }
}

/// Everything that can be done with a text, for the sake of not panicking.
fn exercise(text: &[u8]) {
    match manifest::parse("pkggen.toml", text, format::TABLES) {
        Ok(manifest) => {
            let at = selection("linux-x86_64", "deb", "deb", Some("cuda"));
            let node = manifest.select(&at, &[]).unwrap();
            if let Ok(node) = manifest::expand(&node, &manifest::Names::default()) {
                let _ = manifest.root(&node);
            }
        }
        Err(found) => found.errors.iter().for_each(|error| drop(error.to_string())),
    }
}

/// TOML that is often wrong in meaning and seldom in syntax.
fn any_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("true".to_owned()),
        Just("2026-01-31".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1.5".to_owned()),
        "[a-z{}|% ./:ö\"\\\\]{0,12}".prop_map(|text| format!("{text:?}")),
        Just("\"{{ name }}\"".to_owned()),
        Just("\"linux\"".to_owned()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(", "))),
            prop::collection::btree_map(key(), inner, 0..4).prop_map(|rows| {
                let rows: Vec<_> = rows.iter().map(|(key, v)| format!("{key} = {v}")).collect();
                format!("{{ {} }}", rows.join(", "))
            }),
        ]
    })
}

/// A key of some table.
fn key() -> impl Strategy<Value = String> {
    fn keys(shape: &Shape, all: &mut BTreeSet<String>) {
        match shape {
            Shape::Table(table) => {
                for field in &table.fields {
                    all.insert(field.key.clone());
                    keys(&field.shape, all);
                }
            }
            Shape::List(inner) | Shape::Map(_, inner) => keys(inner, all),
            Shape::Either(shapes) => shapes.iter().for_each(|shape| keys(shape, all)),
            Shape::Record(_, rows) => all.extend(rows.iter().map(|row| row.0.to_owned())),
            _ => {}
        }
    }
    let mut all: BTreeSet<_> = ["linux", "cuda", "NAME", "x"].map(str::to_owned).into();
    keys(&manifest::root_shape(format::TABLES), &mut all);
    prop::sample::select(all.into_iter().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<Vec<u8>>()) {
        exercise(&text);
    }

    #[test]
    fn no_string_panics(text in "\\PC{0,200}") {
        exercise(text.as_bytes());
    }

    #[test]
    fn no_manifest_panics(
        rows in prop::collection::vec((prop::collection::vec(key(), 1..4), any_value()), 0..6),
        good in any::<bool>(),
    ) {
        let rows = rows.iter().map(|(path, value)| format!("{} = {value}\n", path.join(".")));
        let mut text: String = rows.collect();
        if good {
            text += LAYERED;
        }
        exercise(text.as_bytes());
    }

    #[test]
    fn a_manifest_cut_anywhere_does_not_panic(at in 0..LAYERED.len()) {
        exercise(&LAYERED.as_bytes()[..at]);
    }

    #[test]
    fn later_scalars_win_and_lists_append(
        base in prop::collection::vec("[a-z]{2,5}", 0..4),
        more in prop::collection::vec("[a-z]{2,5}", 0..4),
        sections in ("[a-z]{1,5}", "[a-z]{1,5}"),
    ) {
        let text = format!(
            "[package]\nname = \"hi\"\nversion = \"1.0.0\"\nsummary = \"x\"\nlicense = \"MIT\"\n\
             [deb]\ndepends = {base:?}\nsection = {:?}\n\
             [override.linux.deb]\ndepends = {more:?}\nsection = {:?}\n",
            sections.0, sections.1,
        );
        let manifest = manifest::parse("pkggen.toml", &text, format::TABLES).unwrap();
        let read = |target: &str| {
            let node = manifest.select(&selection(target, "deb", "deb", None), &[]).unwrap();
            let list = node.find(&["deb", "depends"]).unwrap().as_array().unwrap().to_vec();
            let list = list.iter().map(|item| item.as_str().unwrap().to_owned()).collect();
            (list, node.find(&["deb", "section"]).unwrap().as_str().unwrap().to_owned())
        };
        prop_assert_eq!(read("macos-aarch64"), (base.clone(), sections.0));
        prop_assert_eq!(read("linux-x86_64"), ([base, more].concat(), sections.1));
    }

    #[test]
    fn without_layers_a_selection_is_the_base(rows in prop::collection::btree_map("[a-z]{1,6}", "[a-z ]{0,9}", 0..5)) {
        let rows: Vec<_> = rows.iter().map(|(k, v)| format!("v{k} = {v:?}\n")).collect();
        let text = format!(
            "[package]\nname = \"hi\"\nversion = \"1.0.0\"\nsummary = \"x\"\nlicense = \"MIT\"\n[vars]\n{}",
            rows.concat()
        );
        let manifest = manifest::parse("pkggen.toml", &text, format::TABLES).unwrap();
        let node = manifest.select(&selection("linux-x86_64", "deb", "deb", None), &[]).unwrap();
        prop_assert_eq!(node, manifest.tree);
    }
}
