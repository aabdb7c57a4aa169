//! `[deploy]`: from what was written to what is meant.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use toml::Spanned;

use super::Cache;
use super::Deploy;
use super::Frontend;
use super::Resources;
use super::SideChannel;
use super::Worker;
use super::fault::DeployFault;
use super::raw::RawDeploy;
use super::raw::RawFrontend;
use super::raw::RawSideChannel;
use super::raw::RawWorker;
use super::rules;
use crate::recipe::fault::Fault;
use crate::recipe::resolve::Reader;

/// Text as written, when there is one, and whether it is good.
type Text = Option<Spanned<String>>;

/// Reads the table; `recipe` is the recipe's name.
pub(in crate::recipe) fn deploy(
    reader: &mut Reader<'_>,
    raw: &RawDeploy,
    recipe: &Spanned<String>,
) -> Deploy {
    reader.filled(&raw.model, "the model");
    let name = raw.name.as_ref().unwrap_or(recipe);
    let mut checked = |text: &Text, good: fn(&str) -> bool, fault: fn(String) -> DeployFault| {
        text.as_ref().map(|text| checked(reader, text, good, fault))
    };
    let namespace = checked(&raw.namespace, rules::is_label, DeployFault::Name);
    let secret = checked(&raw.secret, rules::is_subdomain, DeployFault::Name);
    let runtime_version = checked(&raw.runtime_version, rules::is_version, DeployFault::Version);
    let instance = checked(&raw.instance, rules::is_label_value, DeployFault::Instance);
    let plain = |text: &Text| text.as_ref().map(|text| text.get_ref().clone());
    Deploy {
        image: self::checked(reader, &raw.image, rules::is_repository, DeployFault::Repository),
        name: self::checked(reader, name, rules::is_label, DeployFault::Name),
        namespace,
        model: raw.model.get_ref().clone(),
        served_name: plain(&raw.served_name),
        runtime_version,
        python: plain(&raw.python).unwrap_or_else(|| "python3".to_owned()),
        instance,
        secret,
        side_channel: raw.side_channel.as_ref().map(|raw| side_channel(reader, raw)),
        cache: raw.cache.as_ref().map(|raw| Cache {
            claim: self::checked(reader, &raw.claim, rules::is_subdomain, DeployFault::Name),
            path: self::checked(reader, &raw.path, |text| text.starts_with('/'), DeployFault::Path),
        }),
        frontend: frontend(reader, &raw.frontend),
        prefill: worker(reader, &raw.prefill),
        decode: worker(reader, &raw.decode),
        spot: reader.spot(&raw.image.span()),
    }
}

fn checked(
    reader: &mut Reader<'_>,
    text: &Spanned<String>,
    good: fn(&str) -> bool,
    fault: fn(String) -> DeployFault,
) -> String {
    if !good(text.get_ref()) {
        reader.fail(fault(text.get_ref().clone()), text.span());
    }
    text.get_ref().clone()
}

fn number(reader: &mut Reader<'_>, raw: &Spanned<i64>, least: i64, most: i64) -> u32 {
    let found = *raw.get_ref();
    if !(least..=most).contains(&found) {
        reader.fail(DeployFault::Range { found, least, most }, raw.span());
    }
    u32::try_from(found).unwrap_or_default()
}

fn count(reader: &mut Reader<'_>, raw: Option<&Spanned<i64>>, default: u32) -> u32 {
    raw.map_or(default, |raw| number(reader, raw, 0, 1024))
}

fn port(reader: &mut Reader<'_>, raw: &Spanned<i64>) -> u16 {
    u16::try_from(number(reader, raw, 1, 65535)).unwrap_or_default()
}

fn quantity(reader: &mut Reader<'_>, text: &Spanned<String>) -> String {
    checked(reader, text, rules::is_quantity, DeployFault::Quantity)
}

fn side_channel(reader: &mut Reader<'_>, raw: &RawSideChannel) -> SideChannel {
    let mut variable = |text: &Text, default: &str| {
        if let Some(text) = text.as_ref().filter(|text| !rules::is_variable(text.get_ref())) {
            reader.fail(Fault::EnvName(text.get_ref().clone()), text.span());
        }
        text.as_ref().map_or_else(|| default.to_owned(), |text| text.get_ref().clone())
    };
    let host_variable = variable(&raw.host_variable, "NIXL_SIDE_CHANNEL_HOST");
    let port_variable = variable(&raw.port_variable, "NIXL_SIDE_CHANNEL_PORT");
    SideChannel { port: port(reader, &raw.port), host_variable, port_variable }
}

fn frontend(reader: &mut Reader<'_>, raw: &RawFrontend) -> Frontend {
    let mut amount = |text: &Text, default: &str| {
        text.as_ref().map_or_else(|| default.to_owned(), |text| quantity(reader, text))
    };
    let (cpu, memory) = (amount(&raw.cpu, "2"), amount(&raw.memory, "4Gi"));
    Frontend {
        replicas: count(reader, raw.replicas.as_ref(), 1),
        port: raw.port.as_ref().map_or(8000, |raw| port(reader, raw)),
        args: raw.args.clone(),
        resources: Resources { cpu, memory, hugepages: None, shared_memory: None },
    }
}

fn worker(reader: &mut Reader<'_>, raw: &RawWorker) -> Worker {
    Worker {
        replicas: count(reader, raw.replicas.as_ref(), 1),
        gpus: number(reader, &raw.gpus, 1, 64),
        efa: count(reader, raw.efa.as_ref(), 0),
        args: raw.args.clone(),
        resources: Resources {
            cpu: quantity(reader, &raw.cpu),
            memory: quantity(reader, &raw.memory),
            hugepages: raw.hugepages.as_ref().map(|text| quantity(reader, text)),
            shared_memory: raw.shared_memory.as_ref().map(|text| quantity(reader, text)),
        },
        engine: engine(reader, &raw.engine),
    }
}

fn engine(
    reader: &mut Reader<'_>,
    raw: &BTreeMap<Spanned<String>, Spanned<toml::Value>>,
) -> Map<String, Value> {
    let mut made = Map::new();
    for (name, value) in raw {
        match rules::json(value.get_ref()) {
            Some(json) => drop(made.insert(name.get_ref().clone(), json)),
            None => reader.fail(DeployFault::Date(name.get_ref().clone()), value.span()),
        }
    }
    made
}
