//! From the command line to a client that can ask a served model.

use crate::cli::args::Global;
use crate::cli::args::Reach;
use crate::cli::exit::Failure;
use crate::cli::session::variable;
use crate::endpoint::Client;
use crate::endpoint::Patience;
use crate::endpoint::Target;

/// The client that the options ask for.
///
/// # Errors
/// When an option cannot be used.
pub fn client(url: &str, reach: &Reach, global: &Global) -> Result<Client, Failure> {
    let key = |name: &String| {
        let missing = || {
            let hint = "export it, or name the variable that holds the key";
            Failure::usage(format!("--api-key-env: the variable `{name}` is not set"), hint)
        };
        variable(name).ok_or_else(missing)
    };
    let target = Target {
        url: url.to_owned(),
        key: reach.api_key_env.as_ref().map(key).transpose()?,
        authorities: global.ca_cert.clone(),
        insecure: global.insecure.clone(),
    };
    Ok(Client::new(&target, Patience::of(reach.timeout))?)
}
