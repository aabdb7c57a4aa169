//! `[config]` and `[audit]`.

use std::collections::BTreeMap;

use toml::Spanned;

use crate::oci::ImagePath;
use crate::oci::path::PathError;
use crate::recipe::Allow;
use crate::recipe::AuditOptions;
use crate::recipe::ConfigEdit;
use crate::recipe::EntryContext;
use crate::recipe::Level;
use crate::recipe::LevelChoice;
use crate::recipe::PolicyChoice;
use crate::recipe::Scope;
use crate::recipe::Unset;
use crate::recipe::fault::Fault;
use crate::recipe::raw::RawAllow;
use crate::recipe::raw::RawAudit;
use crate::recipe::raw::RawConfig;
use crate::recipe::raw::RawContext;
use crate::recipe::raw::RawLevel;
use crate::recipe::resolve::Reader;

/// Changes of the image configuration.
pub(super) fn config(reader: &mut Reader<'_>, raw: &RawConfig) -> ConfigEdit {
    if let Some(text) = &raw.workdir {
        reader.keep(ImagePath::absolute(text.get_ref()), text.span());
    }
    ConfigEdit {
        env: environment(reader, &raw.env),
        env_prepend: environment(reader, &raw.env_prepend),
        env_append: environment(reader, &raw.env_append),
        labels: raw.labels.clone(),
        user: raw.user.clone(),
        workdir: raw.workdir.as_ref().map(|text| text.get_ref().clone()),
        cmd: raw.cmd.clone(),
        entrypoint: raw.entrypoint.clone(),
        unset: raw.unset.iter().filter_map(|text| unset(reader, text)).collect(),
    }
}

fn environment(reader: &mut Reader<'_>, raw: &BTreeMap<Spanned<String>, String>) -> BTreeMap<String, String> {
    for name in raw.keys() {
        if !is_env_name(name.get_ref()) {
            reader.fail(Fault::EnvName(name.get_ref().clone()), name.span());
        }
    }
    raw.iter().map(|(name, value)| (name.get_ref().clone(), value.clone())).collect()
}

fn is_env_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0']) && !name.contains(char::is_whitespace)
}

fn unset(reader: &mut Reader<'_>, text: &Spanned<String>) -> Option<Unset> {
    let parsed = match text.get_ref().as_str() {
        "cmd" => Some(Unset::Cmd),
        "entrypoint" => Some(Unset::Entrypoint),
        "user" => Some(Unset::User),
        "workdir" => Some(Unset::Workdir),
        other => match other.split_once(':') {
            Some(("env", name)) if is_env_name(name) => Some(Unset::Env(name.to_owned())),
            Some(("label", name)) if !name.is_empty() => Some(Unset::Label(name.to_owned())),
            _ => None,
        },
    };
    if parsed.is_none() {
        reader.fail(Fault::Unset(text.get_ref().clone()), text.span());
    }
    parsed
}

/// What the audit should know.
pub(super) fn audit(reader: &mut Reader<'_>, raw: &RawAudit, config: &RawConfig) -> AuditOptions {
    for name in &raw.host_libraries {
        reader.filled(name, "the library's name");
    }
    for name in raw.gpu.iter().filter(|name| !is_gpu(name.get_ref())) {
        reader.fail(Fault::Gpu(name.get_ref().clone()), name.span());
    }
    let plain = |all: &[Spanned<String>]| all.iter().map(|one| one.get_ref().clone()).collect();
    AuditOptions {
        host_libraries: plain(&raw.host_libraries),
        gpu: plain(&raw.gpu),
        settings: [&config.env, &config.env_prepend, &config.env_append]
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(|name| (name.get_ref().clone(), reader.spot(&name.span())))
            .collect(),
        policy: raw.policy.as_ref().and_then(|text| policy(reader, text)),
        baseline: raw.baseline.as_ref().and_then(|text| reader.host_file(text)),
        levels: raw.levels.iter().map(|(id, level)| choice(reader, id, *level)).collect(),
        contexts: raw.context.iter().filter_map(|one| context(reader, one)).collect(),
        scope: Scope::Image,
        allow: raw.allow.iter().map(|one| allow(reader, one)).collect(),
    }
}

fn context(reader: &mut Reader<'_>, raw: &Spanned<RawContext>) -> Option<EntryContext> {
    let inner = raw.get_ref();
    let subject = reader.glob(&inner.subject);
    if subject.as_ref().is_some_and(|subject| !subject.starts_with(['/', '*', '{', '['])) {
        let relative = PathError::Relative(inner.subject.get_ref().clone());
        reader.fail(relative, inner.subject.span());
    }
    if inner.executable.is_none() && inner.preload.is_empty() && inner.preload_global.is_empty() {
        reader.fail(Fault::EmptyContext, raw.span());
    }
    let mut paths = |all: &[Spanned<String>]| all.iter().filter_map(|one| reader.path(one)).collect();
    let (preload, preload_global) = (paths(&inner.preload), paths(&inner.preload_global));
    let executable = inner.executable.as_ref().and_then(|text| reader.path(text));
    Some(EntryContext {
        subject: subject?,
        executable,
        preload,
        preload_global,
        spot: Some(reader.spot(&inner.subject.span())),
    })
}

fn policy(reader: &mut Reader<'_>, text: &Spanned<String>) -> Option<PolicyChoice> {
    reader.filled(text, "the policy");
    let spot = Some(reader.spot(&text.span()));
    if PolicyChoice::is_file(text.get_ref()) {
        return Some(PolicyChoice { name: reader.host_file(text)?.display().to_string(), spot });
    }
    Some(PolicyChoice { name: text.get_ref().clone(), spot })
}

fn choice(reader: &mut Reader<'_>, id: &Spanned<String>, level: RawLevel) -> (String, LevelChoice) {
    reader.filled(id, "the check's id");
    let level = match level {
        RawLevel::Error => Level::Error,
        RawLevel::Warning => Level::Warning,
        RawLevel::Note => Level::Note,
        RawLevel::Off => Level::Off,
    };
    (id.get_ref().clone(), LevelChoice { level, spot: Some(reader.spot(&id.span())) })
}

/// `sm_90`, `sm_90a`, `sm_100f`: nvcc's own spelling.
fn is_gpu(name: &str) -> bool {
    let Some(number) = name.strip_prefix("sm_") else {
        return false;
    };
    let digits = number.strip_suffix(['a', 'f']).unwrap_or(number);
    (2..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn allow(reader: &mut Reader<'_>, raw: &Spanned<RawAllow>) -> Allow {
    let inner = raw.get_ref();
    reader.filled(&inner.check, "the check's id");
    reader.filled(&inner.reason, "the reason");
    Allow {
        check: inner.check.get_ref().clone(),
        path: inner.path.as_ref().and_then(|text| reader.glob(text)),
        symbol: inner.symbol.as_ref().and_then(|text| reader.glob(text)),
        reason: inner.reason.get_ref().clone(),
        spot: reader.spot(&raw.span()),
    }
}
