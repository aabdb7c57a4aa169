//! From the command line to a client that can ask a served model, at an address or through a cluster.

use std::io;
use std::io::Write;

use crate::cli::args::ClusterArgs;
use crate::cli::args::Global;
use crate::cli::args::Reach;
use crate::cli::audit::is_recipe;
use crate::cli::deploy::place;
use crate::cli::exit::Failure;
use crate::cli::session::variable;
use crate::deploy::cluster::Asked;
use crate::deploy::cluster::Door;
use crate::deploy::cluster::Forward;
use crate::deploy::cluster::Whom;
use crate::endpoint::Client;
use crate::endpoint::Patience;
use crate::endpoint::Target;
use crate::report::human::escape;

/// A client, with the way that its questions take when that leads through a cluster: closed when this is dropped.
pub struct Reached {
    /// The client.
    pub client: Client,
    way: Option<Forward>,
    subject: String,
}

impl Reached {
    /// The server as results name it: its address, or what the user asked for with the pod that answered.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.way {
            None => self.client.address(),
            Some(Forward { door: Door { pod, port, namespace }, .. }) => {
                format!("{} (port {port} of pod {namespace}/{pod})", self.subject)
            }
        }
    }

    /// Says on standard error what the cluster had against a connection, which the answers cannot tell.
    pub fn tell(&self) {
        if let Some(reason) = self.way.as_ref().and_then(Forward::trouble) {
            // Said beside the result; it must not end it.
            drop(writeln!(
                io::stderr().lock(),
                "warning: on the way through the cluster: {}",
                escape(&reason)
            ));
        }
    }
}

/// The client that the words and options ask for.
///
/// # Errors
/// When an option cannot be used, or there is no way to what was named.
pub fn client(
    subject: &str,
    reach: &Reach,
    cluster: &ClusterArgs,
    global: &Global,
) -> Result<Reached, Failure> {
    let key = |name: &String| {
        let missing = || {
            let hint = "export it, or name the variable that holds the key";
            Failure::usage(format!("--api-key-env: the variable `{name}` is not set"), hint)
        };
        variable(name).ok_or_else(missing)
    };
    let key = reach.api_key_env.as_ref().map(key).transpose()?;
    let way = forward(subject, cluster)?;
    let target = Target {
        url: way.as_ref().map_or_else(|| subject.to_owned(), |way| format!("http://{}", way.address)),
        key,
        authorities: global.ca_cert.clone(),
        insecure: global.insecure.clone(),
    };
    let client = Client::new(&target, Patience::of(reach.timeout))?;
    Ok(Reached { client, way, subject: subject.to_owned() })
}

/// A way into the cluster, when that is what the subject names.
fn forward(subject: &str, args: &ClusterArgs) -> Result<Option<Forward>, Failure> {
    let (cluster, whom) = if is_recipe(subject) {
        let deploy = place::of_recipe(subject)?;
        let cluster = place::open(args, deploy.namespace.as_deref())?;
        (cluster, Whom { kind: Asked::Deployment, name: deploy.name, port: Some(deploy.frontend.port) })
    } else if let Some(whom) = Whom::parse(subject) {
        (place::open(args, None)?, whom)
    } else if Whom::is_meant(subject) {
        let message = format!("`{subject}` can be no name of something on a cluster");
        let hint = "write `deploy/NAME`, `svc/NAME` or `pod/NAME`: small letters, digits, `-` and `.`, then `:PORT` if need be";
        return Err(Failure::usage(message, hint));
    } else {
        let given = [
            ("--kubeconfig", args.kubeconfig.is_some()),
            ("--context", args.context.is_some()),
            ("--namespace", args.namespace.is_some()),
        ];
        return match given.iter().find(|(_, given)| *given) {
            Some((flag, _)) => {
                let message =
                    format!("{flag} is for what runs on a cluster, and `{subject}` is not named so");
                Err(Failure::usage(message, "write `deploy/NAME`, `svc/NAME` or `pod/NAME`"))
            }
            None => Ok(None),
        };
    };
    Ok(Some(cluster.forward(&whom)?))
}
