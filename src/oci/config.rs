//! The image configuration (image-spec `config.md`): a typed view, and edits of its raw JSON.
//!
//! Fields that only Docker has (Healthcheck, OnBuild, Shell) and fields nobody knows yet survive an edit.

use serde_json::Value;

use crate::hint::Hint;
use crate::oci::digest::DiffId;
use crate::oci::digest::Digest;
use crate::oci::platform::Platform;

/// An image configuration, with the bytes its digest is of.
#[derive(Debug, Clone)]
pub struct Config {
    bytes: Vec<u8>,
    value: Value,
    diff_ids: Vec<DiffId>,
}

/// Why bytes are no image configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON.
    #[error("configuration `{digest}` is not valid JSON")]
    Json {
        /// The configuration.
        digest: Digest,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// A field is missing or of the wrong type.
    #[error("configuration `{digest}` has no usable `{field}`")]
    Field {
        /// The configuration.
        digest: Digest,
        /// The JSON path of the field.
        field: &'static str,
    },
}

impl Hint for ConfigError {
    fn hint(&self) -> Option<String> {
        Some("the image is broken where it is stored: build or push it again".to_owned())
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// When it is not a JSON object, or `rootfs` is not of type `layers` with sha256 diff_ids.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ConfigError> {
        let digest = Digest::of(&bytes);
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|source| ConfigError::Json { digest, source })?;
        let diff_ids = diff_ids(&value).ok_or(ConfigError::Field { digest, field: "rootfs.diff_ids" })?;
        Ok(Self { bytes, value, diff_ids })
    }

    /// Makes a configuration of an edited value: compact JSON in the order of the value's keys.
    ///
    /// # Errors
    /// As [`Config::parse`].
    pub fn from_value(value: &Value) -> Result<Self, ConfigError> {
        Self::parse(value.to_string().into_bytes())
    }

    /// The bytes, exactly as they came or as they were written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The raw JSON, for edits that keep what they do not know.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The digest of the bytes: what Docker calls the image id.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// The digests of the uncompressed layers, bottom first.
    #[must_use]
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.diff_ids
    }

    /// What the image runs on; missing fields read as empty.
    #[must_use]
    pub fn platform(&self) -> Platform {
        let text = |key: &str| self.value.get(key).and_then(Value::as_str).map(str::to_owned);
        Platform {
            os: text("os").unwrap_or_default(),
            architecture: text("architecture").unwrap_or_default(),
            variant: text("variant").filter(|variant| !variant.is_empty()),
        }
    }

    /// The environment, in order. An entry without `=` has an empty value.
    #[must_use]
    pub fn env(&self) -> Vec<(String, String)> {
        let list = self.value.pointer("/config/Env").and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts
            .map(|text| text.split_once('=').unwrap_or((text, "")))
            .map(|(k, v)| (k.into(), v.into()))
            .collect()
    }

    /// The value of one environment variable: the last one wins, as at run time.
    #[must_use]
    pub fn env_value(&self, name: &str) -> Option<String> {
        self.env().into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The number of history entries that stand for a layer (`empty_layer` not set).
    #[must_use]
    pub fn history_layers(&self) -> usize {
        let list = self.value.get("history").and_then(Value::as_array);
        let empty = |entry: &&Value| entry.get("empty_layer").and_then(Value::as_bool).unwrap_or(false);
        list.map_or(0, |list| list.iter().filter(|entry| !empty(entry)).count())
    }
}

fn diff_ids(value: &Value) -> Option<Vec<DiffId>> {
    let rootfs = value.get("rootfs")?;
    // image-spec config.md: an unknown rootfs type must be an error.
    if rootfs.get("type").and_then(Value::as_str) != Some("layers") {
        return None;
    }
    match rootfs.get("diff_ids") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(list) => list.as_array()?.iter().map(|id| id.as_str()?.parse().ok().map(DiffId)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_reads_and_the_bytes_stay() {
        let text = r#"{"os":"linux","architecture":"amd64","config":{"Env":["A=1","B","A=2"],"Shell":["/x"]},
            "rootfs":{"type":"layers","diff_ids":[]},"history":[{"empty_layer":true},{}],"new":1}"#;
        let config = Config::parse(text.as_bytes().to_vec()).unwrap();
        assert_eq!(config.bytes(), text.as_bytes());
        assert_eq!(config.env_value("A").as_deref(), Some("2"));
        assert_eq!(config.env_value("B").as_deref(), Some(""));
        assert_eq!(config.history_layers(), 1);
        assert_eq!(config.platform(), Platform::linux_amd64());
        let again = Config::from_value(config.value()).unwrap();
        assert!(String::from_utf8_lossy(again.bytes()).contains(r#""Shell":["/x"]"#));
    }

    #[test]
    fn a_root_file_system_of_another_type_is_refused() {
        for bad in
            ["[]", "{", "{}", r#"{"rootfs":{"type":"x"}}"#, r#"{"rootfs":{"type":"layers","diff_ids":[1]}}"#]
        {
            assert!(Config::parse(bad.as_bytes().to_vec()).is_err(), "{bad}");
        }
    }
}
