//! The JSON Schema of the manifest, made from the declarations of its tables.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::{Field, FormatTable, Shape, TableShape, root_shape};

/// The keys that an override or a variant cannot change.
pub(super) const FIXED: [&str; 3] = ["targets", "variant", "override"];

/// The JSON Schema (2020-12) of a manifest with these formats' tables.
pub fn schema(tables: &[FormatTable]) -> Json {
    let mut made = Definitions::default();
    let Shape::Table(root) = root_shape(tables) else { unreachable!("the root is a table") };
    let layer = Field::layer_of(&root);
    let layer = made.object(layer.iter(), "Tables that are merged where the selector fits.", true);
    made.all.insert("Layer".to_owned(), layer.clone());
    made.layer = layer;
    let mut schema = made.object(root.fields.iter(), root.doc, false);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("pkggen.toml");
    schema["$defs"] = json!(made.all);
    schema
}

impl Field {
    /// The tables that a layer may hold.
    pub(super) fn layer_of(root: &TableShape) -> Vec<Self> {
        let fits = |field: &&Self| !FIXED.contains(&field.key.as_str());
        root.fields.iter().filter(fits).cloned().collect()
    }
}

/// Tables that were described already, by name.
#[derive(Default)]
struct Definitions {
    all: BTreeMap<String, Json>,
    layer: Json,
}

impl Definitions {
    /// A table; in a layer nothing is required, since the rest is below it.
    fn object<'a>(
        &mut self,
        fields: impl Iterator<Item = &'a Field>,
        doc: &str,
        in_layer: bool,
    ) -> Json {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in fields {
            let mut value = self.value(&field.shape, in_layer);
            if let Json::Object(value) = &mut value {
                let doc = match field.default {
                    Some(default) => format!("{} Default: {default}.", one_line(field.doc)),
                    None => one_line(field.doc),
                };
                value.insert("description".to_owned(), json!(doc));
            }
            properties.insert(field.key.clone(), value);
            if field.required && !in_layer {
                required.push(field.key.clone());
            }
        }
        let mut object = json!({
            "type": "object",
            "description": one_line(doc),
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        object
    }

    fn value(&mut self, shape: &Shape, in_layer: bool) -> Json {
        match shape {
            Shape::Text(_) | Shape::Date => json!({ "type": "string" }),
            Shape::Integer(min, max) => match (*min, *max) {
                (i64::MIN, i64::MAX) => json!({ "type": "integer" }),
                (min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            },
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Only(truth) => json!({ "const": truth }),
            Shape::Words(words) => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                json!({ "anyOf": [{ "enum": words }, template()] })
            }
            Shape::Codec(codecs) => {
                let words: Vec<_> = codecs.iter().map(|(word, ..)| *word).collect();
                let levels = format!("^({}):([0-9]+|max)$", words.join("|"));
                let levels = json!({ "type": "string", "pattern": levels });
                json!({ "anyOf": [{ "enum": words }, levels, template()] })
            }
            // Items are whole in a layer too: they are added, not merged.
            Shape::List(item) => json!({ "type": "array", "items": self.value(item, false) }),
            Shape::Pair => json!({
                "type": "array", "items": { "type": "integer", "minimum": 0 },
                "minItems": 2, "maxItems": 2,
            }),
            Shape::Map(_, value) => {
                json!({ "type": "object", "additionalProperties": self.value(value, in_layer) })
            }
            Shape::Record(_, rows) => self.record(rows),
            Shape::Table(table) => self.table(table, in_layer),
            Shape::Either(shapes) => {
                let shapes: Vec<_> = shapes.iter().map(|one| self.value(one, in_layer)).collect();
                json!({ "anyOf": shapes })
            }
            Shape::Layer => json!({ "$ref": "#/$defs/Layer" }),
            Shape::Any => json!({}),
        }
    }

    fn record(&mut self, rows: &[(&'static str, Shape, bool)]) -> Json {
        let values =
            rows.iter().map(|(key, shape, _)| ((*key).to_owned(), self.value(shape, false)));
        let properties: Map<_, _> = values.collect();
        let required: Vec<_> = rows.iter().filter(|row| row.2).map(|row| row.0).collect();
        json!({
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false,
        })
    }

    fn table(&mut self, table: &TableShape, in_layer: bool) -> Json {
        let name = if in_layer { format!("{}Part", table.name) } else { table.name.to_owned() };
        if !self.all.contains_key(&name) {
            let mut object = self.object(table.fields.iter(), table.doc, in_layer);
            if table.layer {
                let own = object["properties"].as_object().cloned().unwrap_or_default();
                let mut all = self.layer["properties"].as_object().cloned().unwrap_or_default();
                all.extend(own);
                object["properties"] = Json::Object(all);
            }
            self.all.insert(name.clone(), object);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }
}

/// Any string with a `{{ name }}` in it.
fn template() -> Json {
    json!({ "type": "string", "pattern": "\\{\\{" })
}

/// A doc comment as one line.
fn one_line(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}
