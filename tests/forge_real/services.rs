//! Services of fixtures/services, ended with the value that stands for them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::stage::ran;
use crate::stage::repository;
use crate::stage::run;

/// A service that runs. Dropping it ends it, by the ids that its starter gave, on failure too.
pub(crate) struct Service {
    answers: BTreeMap<String, String>,
}

impl Service {
    fn start(starter: &str, arguments: &[&str]) -> Self {
        let script = repository("fixtures/services").join(starter);
        let text = ran(Command::new(script).args(arguments));
        let pair = |line: &str| {
            let (name, value) = line.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        };
        Self { answers: text.lines().filter_map(pair).collect() }
    }

    /// Debian's docker-registry, its state in `dir`.
    pub(crate) fn registry(dir: &Path, more: &[&str]) -> Self {
        Self::start("registry.sh", &[&["--dir", dir.to_str().unwrap()], more].concat())
    }

    /// A Docker engine, its state in `dir`.
    pub(crate) fn docker(dir: &Path) -> Self {
        Self::start("dockerd.sh", &["--dir", dir.to_str().unwrap()])
    }

    /// What the starter said about itself.
    pub(crate) fn get(&self, name: &str) -> &str {
        &self.answers[name]
    }

    /// Docker's own client, at this engine.
    pub(crate) fn client(&self, arguments: &[&str]) -> String {
        run("docker", &[&["--host", self.get("host")], arguments].concat())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let pids = self.get("pids").split_whitespace();
        drop(Command::new(repository("fixtures/services/stop.sh")).args(pids).status());
    }
}

/// A place for one story, short enough for sockets.
pub(crate) fn place() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("fr").tempdir().unwrap()
}
