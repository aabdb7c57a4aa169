//! Two halves of one deployment told different backends.

use crate::audit::Case;
use crate::audit::Check;
use crate::audit::Findings;
use crate::finding::Finding;
use crate::finding::Severity;
use crate::loader::ObjectError;

pub(super) static CHECK: Check = Check {
    id: "nixl-backend-split",
    summary: "the two settings of the NIXL backend do not say the same",
    severity: Severity::Warning,
    explain: "\
Dynamo's connector and TensorRT-LLM's KV cache transfer choose their NIXL backend each for itself. The patched \
nixl_connect reads NIXL_BACKEND; libtensorrt_llm_nixl_wrapper.so reads TRTLLM_NIXL_KVCACHE_BACKEND and takes UCX \
without it. An image that sets only the first moves its KV cache over UCX, whatever its name says, and nothing \
fails: it is only slow.

To fix it, set both to the same value.",
    example: include_str!("../../../fixtures/checks/nixl-backend-split/expected.txt"),
    run,
};

const CONNECTOR: &str = "NIXL_BACKEND";
const CACHE: &str = "TRTLLM_NIXL_KVCACHE_BACKEND";
const WRAPPER: &str = "libtensorrt_llm_nixl_wrapper.so";
/// What TensorRT-LLM takes when nothing is said.
const DEFAULT: &str = "UCX";

fn run(case: &Case<'_>, findings: &mut Findings) -> Result<(), ObjectError> {
    let env = case.loader.view.env;
    let wrappers = case.loader.catalogue.named(WRAPPER);
    let (Some(connector), Some(wrapper)) = (env.get(CONNECTOR), wrappers.first()) else {
        return Ok(());
    };
    let cache = env.get(CACHE);
    if cache.map_or(DEFAULT, String::as_str).eq_ignore_ascii_case(connector) {
        return Ok(());
    }
    let taken = cache.map_or(DEFAULT, String::as_str);
    let told = match cache {
        Some(_) => "says so",
        None => "is not set",
    };
    let message =
        format!("moves the KV cache over `{taken}`: `{CACHE}` {told}, though `{CONNECTOR}` is `{connector}`");
    let mut finding = Finding::new(CHECK.id, CHECK.severity, wrapper.to_string(), message);
    finding.symbol = Some(CONNECTOR.to_owned());
    finding.evidence.insert("backend".to_owned(), taken.to_owned());
    finding.evidence.insert("connector".to_owned(), format!("{CONNECTOR}={connector}"));
    finding.help = Some(format!("set `{CACHE}` to `{connector}` too"));
    let settings = &case.options.settings;
    finding.recipe = settings.get(CONNECTOR).or_else(|| settings.get(CACHE)).cloned();
    findings.add(finding, Vec::new());
    Ok(())
}
