//! `pkggen model list|show|verify`: what the models of this machine are, and whether they are whole.

use std::{collections::BTreeSet, fs::File, io::Read as _, path::Path};

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{
    Outcome,
    args::Flags,
    session,
    ui::{Ui, count, size},
};
use crate::{
    diagnostic::{Diagnostic, Diagnostics},
    digest::Want,
    payload::{self, Bench, Blob},
    resolve::{
        Settings,
        catalogue::{self, Catalogue, Content, Listed},
        gguf::{self, Header},
    },
};

/// What is asked of models.
#[derive(Args, Clone, Debug)]
pub(crate) struct ModelArgs {
    /// What to do
    #[arg(value_name = "list|show|verify", hide_possible_values = true)]
    action: Action,
    /// A model of a store, `ollama:NAME[:TAG]`, `hf:ORG/REPO/FILE`, or a GGUF file
    #[arg(value_name = "NAME|FILE")]
    what: Option<String>,
}

/// What to do with models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Action {
    /// All models, one per line
    List,
    /// All that is known of one
    Show,
    /// Read every blob and compare it with its digest
    Verify,
}

/// Looks at one model, or at all.
pub(super) fn run(args: &ModelArgs, flags: &Flags, ui: &Ui) -> Outcome {
    let catalogue = Catalogue::new(&Settings {
        env: session::environment(),
        ollama_models: flags.ollama_models.clone(),
        offline: flags.offline,
        ..Settings::default()
    });
    let listed = match (&args.what, args.action) {
        (Some(what), _) => vec![catalogue.one(what)?],
        (None, Action::Show) => {
            let text = "`pkggen model show` shows one model: `pkggen model show NAME`";
            return Err(Diagnostic::usage("usage", text)
                .hint("`pkggen model list` has names")
                .into());
        }
        (None, _) => catalogue.all(),
    };
    match args.action {
        Action::List => Ok(list(&listed, ui)),
        Action::Show => show(listed, ui),
        Action::Verify => verify(&listed, flags, ui),
    }
}

/// Whether a file starts like a model.
pub(super) fn is_one(file: &Path) -> bool {
    let mut start = [0; 4];
    let read = File::open(file).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && gguf::recognises(&start)
}

/// Shows a model that is a file.
pub(super) fn file(file: &Path, ui: &Ui) -> Outcome {
    show(vec![Listed::of_file(file)], ui)
}

fn list(listed: &[Listed], ui: &Ui) -> u8 {
    let wide = listed.iter().map(|model| model.source.len()).max().unwrap_or(0);
    for Listed { source, place, content } in listed {
        let (id, len) = match content {
            Ok(content) => (id(content), size(content.len())),
            Err(errors) => (errors.first().map_or("", |error| error.code).to_owned(), "-".into()),
        };
        ui.result(&format!("{source:wide$}  {id:18}  {len:>8}  {}", place.display()));
    }
    if listed.is_empty() {
        ui.note("no models: `--ollama-models DIR` names a store, `pkggen model show FILE` a file");
    }
    ui.document(&json!({ "models": listed.iter().map(row).collect::<Vec<_>>() }));
    0
}

/// The first digits of a store's ID, as `ollama list` shows them.
fn id(content: &Content) -> String {
    let digest = content.manifest.as_ref().map(|(_, digest)| *digest);
    let digest = digest.or_else(|| content.files.first()?.sha256);
    digest.map_or_else(|| "-".into(), |digest| digest.to_string()[..12].to_owned())
}

fn row(listed: &Listed) -> serde_json::Value {
    let Listed { source, place, content } = listed;
    let place = place.display().to_string();
    let content = match content {
        Ok(content) => content,
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(error_row).collect();
            return json!({ "source": source, "place": place, "errors": errors });
        }
    };
    let file = |file: &catalogue::File| {
        json!({
            "kind": file.kind,
            "path": file.path.display().to_string(),
            "size": file.len,
            "sha256": file.sha256.map(|digest| digest.to_string()),
        })
    };
    json!({
        "source": source,
        "place": place,
        "id": content.manifest.as_ref().map(|(_, digest)| digest.to_string()),
        "size": content.len(),
        "requires": content.requires,
        "files": content.files.iter().map(file).collect::<Vec<_>>(),
        "gguf": content.header.as_ref().map(header_row),
        "errors": [],
    })
}

fn error_row(error: &Diagnostic) -> serde_json::Value {
    let Diagnostic { code, message, hint, causes, .. } = error;
    json!({ "code": code, "message": message, "hint": hint, "causes": causes })
}

fn header_row(header: &Header) -> serde_json::Value {
    json!({
        "version": header.version,
        "big_endian": header.big_endian,
        "architecture": header.architecture,
        "name": header.name,
        "size_label": header.size_label,
        "license": header.license,
        "file_type": header.file_type.map(gguf::quantisation),
        "quantization_version": header.quantization_version,
        "context_length": header.context_length,
        "tensors": header.tensors,
        "parameters": header.parameters,
        "shard": header.split.map(|split| json!({ "number": split.number + 1, "count": split.count })),
    })
}

fn show(listed: Vec<Listed>, ui: &Ui) -> Outcome {
    for model in listed {
        let document = row(&model);
        let content =
            model.content.map_err(|errors| Diagnostics { errors, ..Diagnostics::default() })?;
        for line in lines(&model.source, &content) {
            ui.result(&line);
        }
        ui.document(&document);
    }
    Ok(0)
}

fn lines(source: &str, content: &Content) -> Vec<String> {
    let mut lines = vec![source.to_owned()];
    let mut line = |name: &str, value: &str| lines.push(format!("  {name:13}{value}"));
    if let Some((path, digest)) = &content.manifest {
        line("id", &digest.to_string()[..12]);
        line("manifest", &path.display().to_string());
    }
    line("size", &format!("{} ({} bytes)", size(content.len()), content.len()));
    if let Some(header) = &content.header {
        line("model", &header.describe());
        for (name, value) in [("name", &header.name), ("license", &header.license)] {
            if let Some(value) = value {
                line(name, value);
            }
        }
        if header.end.is_none() {
            line("note", "a tensor is of a type that is not known here: its end was not checked");
        }
    }
    if let Some(oldest) = &content.requires {
        line("requires", &format!("Ollama {oldest} or later"));
    }
    for file in &content.files {
        line(&file.kind, &format!("{:>8}  {}", size(file.len), file.path.display()));
    }
    lines
}

fn verify(listed: &[Listed], flags: &Flags, ui: &Ui) -> Outcome {
    let (mut bench, mut found) =
        (session::bench(flags, Path::new("."), ui)?, Diagnostics::default());
    bench.fresh = true;
    let mut rows = Vec::new();
    for model in listed {
        let errors = match &model.content {
            Ok(content) => read(content, &bench),
            Err(errors) => errors.clone(),
        };
        let mut document = row(model);
        document["errors"] = errors.iter().map(error_row).collect();
        rows.push(document);
        if let (true, Ok(content)) = (errors.is_empty(), &model.content) {
            ui.result(&verdict(&model.source, content));
        } else {
            ui.result(&format!("bad  {}", model.source));
        }
        for error in errors {
            found.error(error);
        }
    }
    ui.problems(&found);
    ui.document(&json!({ "models": rows }));
    Ok(u8::from(!found.is_ok()))
}

fn verdict(source: &str, content: &Content) -> String {
    let (files, len) = (count(content.files.len(), "file"), size(content.len()));
    let checked = content.files.iter().all(|file| file.sha256.is_some());
    let how = if checked { "" } else { ", header only: nothing says which digest it must have" };
    format!("ok   {source}  {files}, {len}{how}")
}

/// Reads all files whose digest is known.
fn read(content: &Content, bench: &Bench) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let known: Vec<_> = content.files.iter().filter(|file| file.sha256.is_some()).collect();
    let mut blobs = Vec::new();
    for file in &known {
        match Blob::open(&file.path) {
            Ok(blob) => blobs.push(blob),
            Err(error) => errors.push(error.into()),
        }
    }
    if !errors.is_empty() {
        return errors;
    }
    if let Err(error) = payload::ingest(&blobs, &BTreeSet::new(), Want::Sha256, bench) {
        return vec![error.into()];
    }
    let digests = known.iter().zip(&blobs).map(|(file, blob)| file.check(blob.digests().sha256));
    digests.filter_map(Result::err).collect()
}
