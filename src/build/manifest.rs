//! The base's manifest with a new configuration and new layers, as raw JSON: what imgforge does not know stays.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::oci::Descriptor;
use crate::oci::Manifest;
use crate::oci::manifest::Document;
use crate::oci::manifest::ManifestError;

/// Makes the manifest of the result. Annotations are put in only where the family has them (OCI).
///
/// # Errors
/// When the base's manifest is no JSON object of the expected shape.
pub fn edit_manifest(
    base: &Manifest,
    config: &Descriptor,
    added: &[&Descriptor],
    annotations: &BTreeMap<String, String>,
) -> Result<Manifest, ManifestError> {
    let digest = base.digest();
    let mut value: Value =
        serde_json::from_slice(&base.bytes).map_err(|source| ManifestError::Json { digest, source })?;
    if let Some(root) = value.as_object_mut() {
        let old = root.get("config").and_then(Value::as_object).cloned().unwrap_or_default();
        root.insert("config".to_owned(), describe(config, old));
        let annotated = base.family == crate::oci::Family::Oci;
        if let Some(layers) = root.get_mut("layers").and_then(Value::as_array_mut) {
            layers.extend(added.iter().map(|layer| describe(layer, annotations_of(layer, annotated))));
        }
        if annotated && !annotations.is_empty() {
            let slot = root.entry("annotations").or_insert_with(|| json!({}));
            if !slot.is_object() {
                *slot = json!({});
            }
            let pairs = annotations.iter().map(|(key, text)| (key.clone(), json!(text)));
            slot.as_object_mut().into_iter().for_each(|map| map.extend(pairs.clone()));
        }
    }
    match Document::parse(value.to_string().into_bytes(), &base.media_type)? {
        Document::Manifest(manifest) => Ok(manifest),
        Document::Index(index) => {
            let digest = crate::oci::Digest::of(&index.bytes);
            Err(ManifestError::Unsupported { digest, media_type: index.media_type })
        }
    }
}

/// The fields that a new layer has besides its name: a lazy puller finds its table of contents by annotations.
fn annotations_of(layer: &Descriptor, annotated: bool) -> Map<String, Value> {
    let kept = (annotated && !layer.annotations.is_empty()).then(|| json!(layer.annotations));
    kept.into_iter().map(|kept| ("annotations".to_owned(), kept)).collect()
}

/// A descriptor's fields, over what the old one had. `data` would be of the old content, so it goes.
fn describe(descriptor: &Descriptor, mut fields: Map<String, Value>) -> Value {
    fields.shift_remove("data");
    fields.insert("mediaType".to_owned(), json!(descriptor.media_type));
    fields.insert("digest".to_owned(), json!(descriptor.digest.to_string()));
    fields.insert("size".to_owned(), json!(descriptor.size));
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Family;
    use crate::oci::media_type;

    #[test]
    fn unknown_fields_survive_and_the_layer_is_last() {
        for (family, media_type) in
            [(Family::Oci, media_type::OCI_MANIFEST), (Family::Docker, media_type::DOCKER_MANIFEST)]
        {
            let config = Descriptor::of(family.config(), b"{}");
            let text = json!({"schemaVersion": 2, "mediaType": media_type, "x-new": [1], "layers": [],
                "config": {"mediaType": family.config(), "digest": config.digest.to_string(), "size": 2, "data": "e30="}});
            let Ok(Document::Manifest(base)) = Document::parse(text.to_string().into_bytes(), "") else {
                panic!("not a manifest")
            };
            let layer = Descriptor::of(family.layer(crate::oci::Compression::Gzip).unwrap(), b"layer");
            let toc = BTreeMap::from([("toc.digest".to_owned(), "x".to_owned())]);
            let whole = Descriptor { annotations: toc, ..layer.clone() };
            let notes = BTreeMap::from([("io.imgforge.recipe".to_owned(), "r".to_owned())]);
            let made = edit_manifest(&base, &config, &[&whole, &layer], &notes).unwrap();
            let value: Value = serde_json::from_slice(&made.bytes).unwrap();
            assert_eq!(value["x-new"], json!([1]));
            assert_eq!(value["config"].get("data"), None);
            let first = if family == Family::Oci { whole } else { layer.clone() };
            assert_eq!(made.layers, [first, layer]);
            assert_eq!(value.get("annotations").is_some(), family == Family::Oci);
        }
    }
}
