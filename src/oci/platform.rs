//! Operating system and processor of an image (image-spec `image-index.md`, `platform`).

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

use crate::hint::Hint;

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Platform {
    /// Operating system, as `GOOS` names it.
    pub os: String,
    /// Processor, as `GOARCH` names it.
    pub architecture: String,
    /// Variant of the processor, such as `v8`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variant: Option<String>,
}

/// A text that is no platform.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a platform")]
pub struct PlatformError(String);

impl Hint for PlatformError {
    fn hint(&self) -> Option<String> {
        Some("write it as os/architecture[/variant], such as `linux/amd64`".to_owned())
    }
}

impl Platform {
    /// `linux/amd64`, the default of every recipe.
    #[must_use]
    pub fn linux_amd64() -> Self {
        Self { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None }
    }

    /// Whether an image for `offered` serves a request for this platform.
    ///
    /// A request without a variant takes any; `arm64` and `arm64/v8` are one.
    #[must_use]
    pub fn accepts(&self, offered: &Self) -> bool {
        let plain = |p: &Self| match (p.architecture.as_str(), p.variant.as_deref()) {
            ("arm64", Some("v8")) => None,
            (_, variant) => variant.map(str::to_owned),
        };
        self.os == offered.os
            && self.architecture == offered.architecture
            && plain(self).is_none_or(|wanted| plain(offered) == Some(wanted))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(PlatformError(text.to_owned()));
        }
        match parts.as_slice() {
            [os, arch] => Ok(Self { os: (*os).into(), architecture: (*arch).into(), variant: None }),
            [os, arch, variant] => {
                Ok(Self { os: (*os).into(), architecture: (*arch).into(), variant: Some((*variant).into()) })
            }
            _ => Err(PlatformError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_narrow_only_when_asked_for() {
        let parse = |text: &str| text.parse::<Platform>().unwrap();
        for (wanted, offered, yes) in [
            ("linux/amd64", "linux/amd64", true),
            ("linux/amd64", "linux/amd64/v3", true),
            ("linux/arm64", "linux/arm64/v8", true),
            ("linux/arm/v7", "linux/arm/v6", false),
            ("linux/amd64", "windows/amd64", false),
            ("linux/amd64", "unknown/unknown", false),
        ] {
            assert_eq!(parse(wanted).accepts(&parse(offered)), yes, "{wanted} {offered}");
        }
        assert!("linux".parse::<Platform>().is_err());
        assert!("linux//x".parse::<Platform>().is_err());
    }
}
