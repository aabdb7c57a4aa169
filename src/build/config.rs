//! The base's configuration with the recipe's changes, as raw JSON: what imgforge does not know stays.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::oci::DiffId;
use crate::recipe::ConfigEdit;
use crate::recipe::Unset;

/// What is added to `history` for this build.
#[derive(Debug, Clone)]
pub struct HistoryEntry {
    /// RFC 3339 time; absent when the base has none.
    pub created: Option<String>,
    /// What made the layer.
    pub created_by: String,
}

/// Applies `edit` to the value of a configuration. An empty edit changes nothing.
pub fn edit_config(config: &mut Value, edit: &ConfigEdit) {
    if *edit == ConfigEdit::default() {
        return;
    }
    let section = object(config, "config");
    edit.unset.iter().for_each(|unset| unset_one(section, unset));
    edit_env(section, edit);
    for (name, value) in &edit.labels {
        object_in(section, "Labels").insert(name.clone(), json!(value));
    }
    if let Some(user) = &edit.user {
        section.insert("User".to_owned(), json!(user));
    }
    if let Some(workdir) = &edit.workdir {
        section.insert("WorkingDir".to_owned(), json!(workdir));
    }
    // Setting one never wipes the other (ggcr#2041): the recipe says what it wants of both.
    for (key, list) in [("Cmd", &edit.cmd), ("Entrypoint", &edit.entrypoint)] {
        if let Some(list) = list {
            section.insert(key.to_owned(), if list.is_empty() { Value::Null } else { json!(list) });
        }
    }
}

fn object<'a>(value: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => object_in(map, key),
        _ => unreachable!("made an object above"),
    }
}

fn object_in<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = map.entry(key).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(inner) => inner,
        _ => unreachable!("made an object above"),
    }
}

fn unset_one(section: &mut Map<String, Value>, unset: &Unset) {
    // shift_remove keeps the order of the other keys.
    match unset {
        Unset::Env(name) => {
            if let Some(list) = section.get_mut("Env").and_then(Value::as_array_mut) {
                list.retain(|entry| name_of(entry) != Some(name.as_str()));
            }
        }
        Unset::Label(name) => {
            if let Some(labels) = section.get_mut("Labels").and_then(Value::as_object_mut) {
                labels.shift_remove(name);
            }
        }
        Unset::Cmd => drop(section.shift_remove("Cmd")),
        Unset::Entrypoint => drop(section.shift_remove("Entrypoint")),
        Unset::User => drop(section.shift_remove("User")),
        Unset::Workdir => drop(section.shift_remove("WorkingDir")),
    }
}

fn name_of(entry: &Value) -> Option<&str> {
    entry.as_str().map(|text| text.split_once('=').map_or(text, |(name, _)| name))
}

fn edit_env(section: &mut Map<String, Value>, edit: &ConfigEdit) {
    if edit.env.is_empty() && edit.env_prepend.is_empty() && edit.env_append.is_empty() {
        return;
    }
    let slot = section.entry("Env").or_insert(Value::Null);
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    let Some(list) = slot.as_array_mut() else { return };
    for (name, value) in &edit.env {
        set(list, name, value.clone());
    }
    for (name, value) in &edit.env_prepend {
        let old = current(list, name);
        let new = join(value, &old);
        set(list, name, if old == *value || old.starts_with(&format!("{value}:")) { old } else { new });
    }
    for (name, value) in &edit.env_append {
        let old = current(list, name);
        let new = join(&old, value);
        set(list, name, if old == *value || old.ends_with(&format!(":{value}")) { old } else { new });
    }
}

/// Joins two parts of a path list; an empty part would mean the current directory to ld.so, so it is left out.
fn join(first: &str, second: &str) -> String {
    [first, second].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":")
}

fn current(list: &[Value], name: &str) -> String {
    let texts = list.iter().rev().filter(|entry| name_of(entry) == Some(name)).filter_map(Value::as_str);
    texts
        .filter_map(|text| text.split_once('='))
        .map(|(_, value)| value.to_owned())
        .next()
        .unwrap_or_default()
}

/// Sets a variable at the place of its first entry; later entries of the same name go.
fn set(list: &mut Vec<Value>, name: &str, value: String) {
    let text = json!(format!("{name}={value}"));
    let Some(place) = list.iter().position(|entry| name_of(entry) == Some(name)) else {
        list.push(text);
        return;
    };
    list[place] = text;
    let mut index = 0;
    list.retain(|entry| {
        index += 1;
        index - 1 == place || name_of(entry) != Some(name)
    });
}

/// Adds a layer, or the record of a change of settings only, to `rootfs` and `history`.
pub fn append(config: &mut Value, layer: Option<DiffId>, entry: &HistoryEntry) {
    let layers_before = config.pointer("/rootfs/diff_ids").and_then(Value::as_array).map_or(0, Vec::len);
    if let (Some(diff_id), Some(root)) = (layer, config.as_object_mut()) {
        let rootfs = object_in(root, "rootfs");
        let ids = rootfs.entry("diff_ids").or_insert_with(|| json!([]));
        if let Some(ids) = ids.as_array_mut() {
            ids.push(json!(diff_id.to_string()));
        }
    }
    let Some(root) = config.as_object_mut() else {
        return;
    };
    let history = root.entry("history").or_insert_with(|| json!([]));
    if !history.is_array() {
        *history = json!([]);
    }
    let Some(history) = history.as_array_mut() else {
        return;
    };
    pad(history, layers_before);
    let mut record = Map::new();
    if let Some(created) = &entry.created {
        record.insert("created".to_owned(), json!(created));
    }
    record.insert("created_by".to_owned(), json!(entry.created_by));
    if layer.is_none() {
        record.insert("empty_layer".to_owned(), json!(true));
    }
    history.push(Value::Object(record));
}

/// A base whose history is shorter than its layers gets entries for the rest: tools pair them by position
/// (ggcr#1520, ggcr#1715). A longer one is left: nobody can say which entry is too many.
fn pad(history: &mut Vec<Value>, layers: usize) {
    let empty = |entry: &&Value| entry.get("empty_layer").and_then(Value::as_bool).unwrap_or(false);
    let recorded = history.iter().filter(|entry| !empty(entry)).count();
    history.extend(
        (recorded..layers).map(|_| json!({"created_by": "unknown: the base has no history of this layer"})),
    );
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::oci::Digest;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn settings_change_and_the_rest_stays() {
        let mut value = json!({"config": {"Env": ["A=1", "PATH=/bin", "A=2"], "Cmd": ["x"], "Healthcheck": {"Test": []}}});
        let edit = ConfigEdit {
            env: map(&[("A", "3"), ("B", "4")]),
            env_prepend: map(&[("PATH", "/opt/bin"), ("LD_LIBRARY_PATH", "/l")]),
            env_append: map(&[("PATH", "/last")]),
            labels: map(&[("k", "")]),
            user: Some("dynamo".into()),
            entrypoint: Some(vec!["/e".into()]),
            ..ConfigEdit::default()
        };
        edit_config(&mut value, &edit);
        let once = value.clone();
        edit_config(&mut value, &edit);
        assert_eq!(value, once, "an edit applied twice is the edit");
        assert_eq!(
            value["config"],
            json!({"Env": ["A=3", "PATH=/opt/bin:/bin:/last", "B=4", "LD_LIBRARY_PATH=/l"], "Cmd": ["x"],
                "Healthcheck": {"Test": []}, "Labels": {"k": ""}, "User": "dynamo", "Entrypoint": ["/e"]})
        );
    }

    #[test]
    fn unset_takes_away_and_only_that() {
        let mut value = json!({"config": {"Env": ["A=1", "AB=2"], "Cmd": ["x"], "User": "u", "Labels": {"a": "1", "b": "2"}}});
        let unset = vec![Unset::Env("A".into()), Unset::Label("a".into()), Unset::Cmd, Unset::User];
        edit_config(&mut value, &ConfigEdit { unset, ..ConfigEdit::default() });
        assert_eq!(value, json!({"config": {"Env": ["AB=2"], "Labels": {"b": "2"}}}));
    }

    /// T19: history and layers stay in step whatever the base's history is like (ggcr#1520, #1715, #2304).
    #[test]
    fn t19_history_counts_what_the_image_has() {
        let id = DiffId(Digest::of(b"x"));
        let entry = HistoryEntry { created: None, created_by: "imgforge".into() };
        let cases = [
            (json!({"rootfs": {"diff_ids": ["a", "b"]}}), 3),
            (json!({"rootfs": {"diff_ids": ["a", "b"]}, "history": null}), 3),
            (json!({"rootfs": {"diff_ids": ["a", "b"]}, "history": [{}]}), 3),
            (json!({"rootfs": {"diff_ids": ["a"]}, "history": [{"empty_layer": true}, {}]}), 2),
            (json!({"rootfs": {}}), 1),
        ];
        for (mut value, layers) in cases {
            append(&mut value, Some(id), &entry);
            let history = value["history"].as_array().unwrap();
            let full = history.iter().filter(|entry| entry["empty_layer"] != json!(true)).count();
            assert_eq!(full, layers, "{value}");
            assert_eq!(value["rootfs"]["diff_ids"].as_array().unwrap().len(), layers);
        }
        let mut value = json!({"rootfs": {"diff_ids": []}});
        append(&mut value, None, &entry);
        assert_eq!(value["history"][0]["empty_layer"], json!(true));
    }
}
