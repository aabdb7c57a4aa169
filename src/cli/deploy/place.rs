//! Which cluster, and which deployment in it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::args::ClusterArgs;
use crate::cli::audit::is_recipe;
use crate::cli::exit::Failure;
use crate::deploy::cluster::Cluster;
use crate::deploy::cluster::Place;
use crate::recipe;
use crate::recipe::Deploy;

/// Opens the cluster; `own` is the namespace that a recipe says.
pub(in crate::cli) fn open(args: &ClusterArgs, own: Option<&str>) -> Result<Cluster, Failure> {
    let place = Place {
        kubeconfig: args.kubeconfig.as_deref(),
        context: args.context.as_deref(),
        namespace: args.namespace.as_deref().or(own),
    };
    Ok(Cluster::open(place)?)
}

/// The cluster with the name of the deployment, which is written as such or as the recipe's file.
pub(super) fn find(text: &str, args: &ClusterArgs) -> Result<(Cluster, String), Failure> {
    if !is_recipe(text) {
        return Ok((open(args, None)?, text.to_owned()));
    }
    let deploy = of_recipe(text)?;
    Ok((open(args, deploy.namespace.as_deref())?, deploy.name))
}

/// What a recipe says of its deployment.
pub(in crate::cli) fn of_recipe(text: &str) -> Result<Deploy, Failure> {
    recipe::load(Path::new(text), &BTreeMap::new())?.deploy.ok_or_else(|| {
        let message = format!("recipe `{text}` has no `[deploy]`");
        Failure::usage(message, "write the deployment's name instead")
    })
}
