//! Manifests that are right, every mistake with its message, and what is generated from the
//! declarations: the JSON Schema and docs/manifest.md. `UPDATE=1` rewrites what is compared.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use pkggen::{
    diagnostic::{Diagnostics, SourceText},
    format,
    manifest::{self, Manifest, Node, Value},
};
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
    if let (Some(number), Some(min)) = (value.as_i64(), schema["minimum"].as_i64()) {
        if number < min || schema["maximum"].as_i64().is_some_and(|max| number > max) {
            problems.push(format!("{at} is out of range"));
        }
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
            (Some(shape), _) => validate(root, shape, item, &below, problems),
            (None, Json::Bool(false)) => problems.push(format!("{below} is not known")),
            (None, shape @ Json::Object(_)) => validate(root, shape, item, &below, problems),
            _ => {}
        }
    }
}
