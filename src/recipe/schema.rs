//! JSON Schemas (draft 2020-12) of the documents that people write, made from what serde reads.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::recipe::raw::RawRecipe;

/// The JSON Schema of recipes, indented, with a newline at its end. For editors and `imgforge schema`.
#[must_use]
pub fn schema() -> String {
    format!("{:#}\n", of::<RawRecipe>("imgforge recipe"))
}

/// The schema of `T`, with everything in place (no `$ref`) and without `null`, which TOML does not have.
#[must_use]
pub fn of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    without_null(&mut schema);
    // What says which document this is comes first.
    let mut root = serde_json::Map::new();
    root.insert("$schema".to_owned(), schema["$schema"].take());
    root.insert("title".to_owned(), Value::from(title));
    root.insert("description".to_owned(), schema["description"].take());
    for (key, value) in schema.as_object().into_iter().flatten() {
        root.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(root)
}

fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(object) => {
            object.remove("default");
            if let Some(Value::Array(kinds)) = object.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [one] = kinds.as_slice() {
                    let one = one.clone();
                    object.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                if let [Value::Object(one)] = choices.as_slice() {
                    let one = one.clone();
                    object.shift_remove("anyOf");
                    for (key, value) in one {
                        object.entry(key).or_insert(value);
                    }
                }
            }
            object.values_mut().for_each(without_null);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every schema in `schema`, with its path.
    fn all<'a>(schema: &'a Value, path: String, found: &mut Vec<(String, &'a Value)>) {
        found.push((path.clone(), schema));
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            all(inner, format!("{path}.{name}"), found);
        }
        for key in ["items", "additionalProperties"] {
            if schema[key].is_object() {
                all(&schema[key], format!("{path}.{key}"), found);
            }
        }
    }

    #[test]
    fn the_schema_is_strict_and_described() {
        let schema: Value = serde_json::from_str(&schema()).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let mut found = Vec::new();
        all(&schema, "recipe".to_owned(), &mut found);
        for (path, one) in &found {
            let kind = one["type"].as_str().unwrap_or_else(|| panic!("{path} has no type: {one}"));
            if kind == "object" {
                let open = &one["additionalProperties"];
                let free = path.ends_with(".engine") && open == &Value::Bool(true);
                assert!(free || open == &Value::Bool(false) || open["type"].is_string(), "{path}: {open}");
            }
            assert!(kind != "array" || one["items"].is_object(), "{path}");
            let item = path.ends_with(".items") || path.ends_with(".additionalProperties");
            assert!(item || one["description"].is_string(), "{path} has no description");
            assert!(one.get("$ref").is_none() && one.get("anyOf").is_none(), "{path}");
        }
        let step = &schema["properties"]["step"]["items"];
        assert_eq!((&step["minProperties"], &step["maxProperties"]), (&Value::from(1), &Value::from(1)));
        assert_eq!(
            step["properties"]["remove"]["properties"]["missing"]["enum"],
            serde_json::json!(["error", "ignore"])
        );
        assert_eq!(schema["required"], serde_json::json!(["schema", "name", "base"]));
        assert!(found.len() > 60, "{}", found.len());
    }
}
