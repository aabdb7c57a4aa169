//! A real Docker engine, started for each test and ended with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use imgforge::oci::Digest;
use imgforge::oci::Platform;
use imgforge::progress::Progress;
use imgforge::progress::Silent;
use imgforge::progress::Task;
use imgforge::transport::Fate;
use imgforge::transport::Outgoing;
use imgforge::transport::Sink;
use imgforge::transport::archive::ArchiveSink;
use imgforge::transport::daemon::DaemonOptions;
use imgforge::transport::daemon::DaemonSink;
use imgforge::transport::daemon::export;
use imgforge::transport::error::Error;

use crate::rig::Bench;
use crate::rig::Sample;
use crate::rig::base_and_derived;
use crate::rig::has;
use crate::rig::layer_tar;
use crate::rig::run;
use crate::rig::sample;

struct Dockerd {
    child: Child,
    directory: tempfile::TempDir,
}

impl Dockerd {
    /// `None`, with a word about it, where no engine can be had.
    fn start() -> Option<Self> {
        if !has("dockerd") || !has("docker") {
            return None;
        }
        // Short: a socket's path has 108 bytes.
        let directory = tempfile::Builder::new().prefix("d").tempdir_in("/tmp").unwrap();
        let at = |name: &str| directory.path().join(name);
        let log = fs::File::create(at("log")).unwrap();
        let mut command = Command::new("/usr/sbin/dockerd");
        command
            .arg("--data-root")
            .arg(at("root"))
            .arg("--exec-root")
            .arg(at("exec"))
            .arg("-p")
            .arg(at("pid"))
            .arg("-H")
            .arg(format!("unix://{}", at("s").display()))
            .args(["--bridge=none", "--iptables=false"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command.spawn().unwrap();
        let started = Self { child, directory };
        for _ in 0..300 {
            let info = Command::new("docker").args(["-H", &started.host(), "version"]).output().unwrap();
            if info.status.success() {
                return Some(started);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let said = fs::read_to_string(started.directory.path().join("log")).unwrap_or_default();
        println!("SKIPPED: dockerd does not start here: {said}");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "dockerd does not start");
        None
    }

    fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join("s").display())
    }

    fn options(&self) -> DaemonOptions {
        DaemonOptions { host: Some(self.host()) }
    }

    fn sink(&self, name: &str) -> DaemonSink {
        DaemonSink::new(name, self.options())
    }

    fn docker(&self, arguments: &[&str]) -> String {
        run("docker", &[&["-H", &self.host()], arguments].concat())
    }

    /// Whether Docker itself says that the image is this sample.
    fn has(&self, name: &str, sample: &Sample) -> bool {
        let format = "{{.Id}} {{json .RootFS.Layers}}";
        let seen = self.docker(&["image", "inspect", "--format", format, name]);
        let ids: Vec<String> = sample.tars.iter().map(|tar| Digest::of(tar).to_string()).collect();
        let want = format!("{} {}", Digest::of(&sample.config), serde_json::to_string(&ids).unwrap());
        seen.trim() == want
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        // SIGTERM first, by the pid that was started here: containerd and mounts go with it.
        let pid = self.child.id().to_string();
        drop(Command::new("kill").arg(&pid).status());
        drop(self.child.wait());
    }
}

fn fates(blobs: &[(imgforge::oci::Descriptor, Fate)]) -> Vec<Fate> {
    blobs.iter().map(|(_, fate)| *fate).collect()
}

/// N11 and the way back: full load, load of the new layer alone, export.
#[test]
fn docker_gets_the_new_layers_only_when_it_has_the_base() {
    let Some(dockerd) = Dockerd::start() else { return };
    let (bench, (base, derived)) = (Bench::new(), base_and_derived("load"));
    let (from_base, from_derived) = (bench.layout("base", &base), bench.layout("derived", &derived));

    // The archive as a file, for people without imgforge at the other end.
    let file = bench.path("base.tar");
    let archive = ArchiveSink::oci(&file, Some("v1"), Some("from-file"));
    bench.publish(&from_base, &archive, 0).unwrap();
    dockerd.docker(&["load", "-i", file.to_str().unwrap()]);
    assert!(dockerd.has("from-file:v1", &base));
    dockerd.docker(&["rmi", "from-file:v1"]);

    // Base absent: all of it is sent, and arrives.
    let receipt = bench.publish(&from_base, &dockerd.sink("base:1"), 0).unwrap();
    assert_eq!(fates(&receipt.blobs), [Fate::Upload; 3]);
    assert!(dockerd.has("base:1", &base));

    // Base present: its blobs are not even asked for. They are gone from where they came from.
    let image = bench.load(&from_derived).unwrap();
    for layer in &image.manifest.layers[..2] {
        fs::remove_file(crate::rig::blob(&bench.path("derived"), &layer.digest)).unwrap();
    }
    let outgoing = Outgoing {
        image: &image,
        store: &bench.store,
        origin: &from_derived,
        base_layers: 2,
        others: BTreeMap::new(),
    };
    let sink = dockerd.sink("derived:1");
    let want = [Fate::Present, Fate::Present, Fate::Upload, Fate::Upload];
    assert_eq!(fates(&sink.plan(&outgoing).unwrap()), want);
    let receipt = sink.publish(&outgoing, &Silent).unwrap();
    assert_eq!(fates(&receipt.blobs), want);
    let small = image.manifest.layers[2].size + image.manifest.config.size;
    assert_eq!(receipt.bytes_sent(), small);
    assert!(dockerd.has("derived:1", &derived));

    // What Docker exports is the same image; its manifest is made, so only the configuration can be compared.
    let back = export("derived:1", &dockerd.options(), &bench.path(""), &Silent).unwrap();
    let exported = bench.load(&back).unwrap();
    assert_eq!(exported.config.bytes(), derived.config);
    for layer in &exported.manifest.layers {
        imgforge::transport::image::fetch_blob(&back, &bench.store, layer, &Silent).unwrap();
    }
    let missing = export("nothing:1", &dockerd.options(), &bench.path(""), &Silent).unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing:?}");
}

/// Takes the base away from the engine at the last moment: when the first layer of the archive is written.
struct Thief<'a> {
    dockerd: &'a Dockerd,
    name: &'a str,
    calls: std::sync::Mutex<usize>,
}

impl Progress for Thief<'_> {
    fn begin(&self, _what: &str, _total: Option<u64>) -> Box<dyn Task> {
        let mut calls = self.calls.lock().unwrap();
        if *calls == 0 {
            self.dockerd.docker(&["rmi", self.name]);
        }
        *calls += 1;
        Box::new(Silent)
    }
}

#[test]
fn a_base_that_goes_away_in_between_means_a_full_load() {
    let Some(dockerd) = Dockerd::start() else { return };
    let (bench, (base, derived)) = (Bench::new(), base_and_derived("thief"));
    let (from_base, from_derived) = (bench.layout("base", &base), bench.layout("derived", &derived));
    bench.publish(&from_base, &dockerd.sink("base:1"), 0).unwrap();
    let image = bench.load(&from_derived).unwrap();
    let outgoing = Outgoing {
        image: &image,
        store: &bench.store,
        origin: &from_derived,
        base_layers: 2,
        others: BTreeMap::new(),
    };
    let thief = Thief { dockerd: &dockerd, name: "base:1", calls: std::sync::Mutex::new(0) };
    let receipt = dockerd.sink("derived:1").publish(&outgoing, &thief).unwrap();
    assert_eq!(fates(&receipt.blobs), [Fate::Upload; 4]);
    // One layer in the first attempt, three in the second: the first really was partial.
    assert_eq!(*thief.calls.lock().unwrap(), 4);
    assert!(dockerd.has("derived:1", &derived));
}

#[test]
fn what_docker_cannot_take_is_an_error_and_leaves_the_old_image_its_name() {
    let Some(dockerd) = Dockerd::start() else { return };
    let (bench, (base, derived)) = (Bench::new(), base_and_derived("bad"));
    bench.publish(&bench.layout("base", &base), &dockerd.sink("app:1"), 0).unwrap();

    // A layer that says it is another: Docker refuses it, in its own words.
    let mut liar = sample("amd64", &[layer_tar(&[("x", b"x")])]);
    let other = Digest::of(b"another").to_string();
    let honest = Digest::of(&liar.tars[0]).to_string();
    let config = String::from_utf8(liar.config.clone()).unwrap().replace(&honest, &other);
    let manifest = String::from_utf8(liar.manifest.clone())
        .unwrap()
        .replace(&Digest::of(&liar.config).to_string(), &Digest::of(config.as_bytes()).to_string());
    (liar.config, liar.manifest) = (config.into_bytes(), manifest.into_bytes());
    for bytes in [liar.config.clone(), liar.manifest.clone()] {
        liar.blobs.insert(Digest::of(&bytes), bytes);
    }
    let error = bench.publish(&bench.layout("liar", &liar), &dockerd.sink("app:1"), 0).unwrap_err();
    assert!(matches!(&error, Error::Refused { message, .. } if message.contains("diff")), "{error:?}");
    assert!(dockerd.has("app:1", &base));

    // A source that breaks off: its own error, and the engine keeps nothing of the half.
    let broken = bench.layout("broken", &derived);
    let layer = bench.load(&broken).unwrap().manifest.layers[2].clone();
    fs::write(crate::rig::blob(&bench.path("broken"), &layer.digest), b"short").unwrap();
    let error = bench.publish(&broken, &dockerd.sink("new:1"), 0).unwrap_err();
    assert!(matches!(error, Error::Broken { .. }), "{error:?}");
    assert!(!dockerd.docker(&["images"]).contains("new"));

    let nobody =
        DaemonOptions { host: Some(format!("unix://{}", PathBuf::from("/nonexistent/socket").display())) };
    let image = imgforge::transport::image::load_image(
        &bench.layout("base", &base),
        &Platform::linux_amd64(),
        &bench.store,
    );
    assert!(image.is_ok());
    let error = bench.publish(&bench.layout("base", &base), &DaemonSink::new("a:1", nobody), 0).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
}
