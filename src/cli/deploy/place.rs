//! Which cluster, and which deployment in it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::cli::args::ClusterArgs;
use crate::cli::audit::is_recipe;
use crate::cli::exit::Failure;
use crate::deploy::cluster::Cluster;
use crate::deploy::cluster::Place;
use crate::recipe;

/// Opens the cluster; `own` is the namespace that a recipe says.
pub(super) fn open(args: &ClusterArgs, own: Option<&str>) -> Result<Cluster, Failure> {
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
    let recipe = recipe::load(Path::new(text), &BTreeMap::new())?;
    let Some(deploy) = recipe.deploy else {
        let message = format!("recipe `{text}` has no `[deploy]`");
        return Err(Failure::usage(message, "write the deployment's name instead"));
    };
    Ok((open(args, deploy.namespace.as_deref())?, deploy.name))
}
