//! What is known of a subject besides its findings: enough to say which bytes they are about.

use std::collections::BTreeMap;

use crate::build::Gate;

/// What a reader needs to see the same findings again. Everything may be empty: a report then says less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    /// The level that decides which findings fail.
    pub gate: Gate,
    /// The command and its arguments, as they were typed.
    pub command: Vec<String>,
    /// The images that the findings are about, the one under test first.
    pub images: Vec<ImageIdentity>,
    /// Variables of the environment that the loader was modelled with.
    pub environment: BTreeMap<String, String>,
    /// ELF files of the tree that findings name, by path as findings write it.
    pub files: BTreeMap<String, FileIdentity>,
}

/// Which image, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIdentity {
    /// What it is to the subject: `image`, `base`, `donor NAME`.
    pub role: String,
    /// The reference as the user wrote it.
    pub reference: String,
    /// Digest of its manifest; `None` for an unpacked tree.
    pub digest: Option<String>,
    /// The platform, such as `linux/amd64`.
    pub platform: String,
}

/// Which file, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileIdentity {
    /// Digest of its bytes.
    pub digest: String,
    /// Length in bytes.
    pub size: u64,
    /// The GNU build-id, lower-case hexadecimal.
    pub build_id: Option<String>,
    /// `DT_SONAME`.
    pub soname: Option<String>,
}

impl Default for Background {
    fn default() -> Self {
        Self {
            gate: Gate::Error,
            command: Vec::new(),
            images: Vec::new(),
            environment: BTreeMap::new(),
            files: BTreeMap::new(),
        }
    }
}

impl Background {
    /// The command as one line that a POSIX shell reads as it was typed.
    #[must_use]
    pub fn command_line(&self) -> String {
        self.command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
    }
}

/// One word of a shell command.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_can_be_pasted() {
        let words = ["imgforge", "audit", "dir:a b", "it's", "", "--env=X=$(id)", "oci:x@sha256:1"];
        let background = Background { command: words.map(str::to_owned).to_vec(), ..Background::default() };
        let want = r"imgforge audit 'dir:a b' 'it'\''s' '' '--env=X=$(id)' oci:x@sha256:1";
        assert_eq!(background.command_line(), want);
    }
}
