//! Objects as text: the same bytes for the same objects.

use serde_json::Value;
use serde_saphyr::SerializerOptions;

/// Objects as documents of one YAML file.
///
/// # Errors
/// Never in practice: objects hold nothing that YAML does not have.
pub fn yaml(objects: &[Value]) -> Result<String, serde_saphyr::ser::Error> {
    let documents = objects.iter().map(document).collect::<Result<Vec<_>, _>>()?;
    Ok(documents.join("---\n"))
}

/// One object as one document; ends in a newline. Words that an older YAML takes for something else are quoted.
pub(super) fn document(object: &Value) -> Result<String, serde_saphyr::ser::Error> {
    let mut options = SerializerOptions::default();
    options.folded_wrap_chars = 1 << 20;
    let mut text = serde_saphyr::to_string_with_options(object, options)?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Objects as one JSON document: the object itself, or a `List` of several.
#[must_use]
pub fn json(objects: &[Value]) -> String {
    let whole = match objects {
        [one] => one.clone(),
        several => serde_json::json!({"apiVersion": "v1", "kind": "List", "items": several}),
    };
    format!("{whole:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::yaml;
    use proptest::prelude::*;

    fn back(object: &Value) -> Value {
        let text = document(object).unwrap();
        let read = yaml::read(&text).unwrap_or_else(|problem| panic!("{problem:?}\n{text}"));
        read.first().map_or(Value::Null, yaml::Node::json)
    }

    #[test]
    fn words_with_a_meaning_stay_texts() {
        for text in [
            "yes",
            "on",
            "n",
            "null",
            "~",
            "0755",
            "1e3",
            "0x1",
            "5600",
            "12:30",
            "",
            " a",
            "a: b",
            "# c",
            "- d",
            "é",
            "\t",
            "a\n\n  b\n",
        ] {
            let object = serde_json::json!({"a": [text, {text: text}]});
            assert_eq!(back(&object), object, "{text:?}\n{}", document(&object).unwrap());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(texts in prop::collection::vec("[ -~\n\t\u{e9}]{0,12}", 1..6)) {
            let object = serde_json::json!({"k": texts, "n": 3, "f": 0.5});
            prop_assert_eq!(back(&object), object);
        }
    }
}
