//! Against Debian's docker-registry (distribution 2.8): a registry as it is, not as it is imagined.

use std::collections::BTreeMap;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use imgforge::oci::manifest::Document;
use imgforge::progress::Silent;
use imgforge::transport::Fate;
use imgforge::transport::Outgoing;
use imgforge::transport::Receipt;
use imgforge::transport::Sink;
use imgforge::transport::Source;
use imgforge::transport::error::Error;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;

use crate::auth::given;
use crate::auth::registry_with;
use crate::fake_registry::Answer;
use crate::fake_registry::Fake;
use crate::rig::chain;
use crate::rig::image;
use crate::rig::noise;
use crate::rig::options;
use crate::rig::publish;
use crate::rig::read;
use crate::rig::reference;
use crate::rig::registry;
use crate::rig::store;

/// A registry of our own on a free port, ended with its value.
pub(crate) struct Running {
    child: Child,
    pub(crate) host: String,
    directory: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether all programs are there. Where one is missing the test says so, and fails where nothing may be skipped.
pub(crate) fn present(programs: &[(&str, &str)]) -> bool {
    for (program, package) in programs {
        let found =
            std::env::var("PATH").unwrap().split(':').any(|place| Path::new(place).join(program).is_file());
        if !found {
            println!("SKIPPED: {package} is not installed");
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{package} must be there in CI");
            return false;
        }
    }
    true
}

/// Starts docker-registry; `http` and `more` are added to its configuration.
fn start(prepare: impl FnOnce(&Path) -> (String, String)) -> Running {
    let directory = tempfile::tempdir().unwrap();
    let (http, more) = prepare(directory.path());
    // The port is free a moment later too, most likely: the registry cannot choose one itself.
    let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage:\n  filesystem: {{rootdirectory: {}/data}}\n  delete: {{enabled: true}}\n\
         http:\n  addr: {host}\n{http}{more}",
        directory.path().display()
    );
    let path = directory.path().join("config.yml");
    std::fs::write(&path, config).unwrap();
    let child = Command::new("docker-registry")
        .arg("serve")
        .arg(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running { child, host, directory };
    let begun = Instant::now();
    while TcpStream::connect(&running.host).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "docker-registry does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    running
}

pub(crate) fn plain() -> Running {
    start(|_| (String::new(), String::new()))
}

/// Publishes to `target` an image that came from `base` in the same registry.
fn republish(registry: &Registry, host: &str, base: &str, target: &str, layers: &[&[u8]]) -> Receipt {
    let image = image(layers);
    let (_directory, store) = store(&image, &[]);
    let origin = registry.source(&reference(host, base));
    let outgoing = Outgoing {
        image: &image,
        store: &store,
        origin: &origin,
        base_layers: layers.len(),
        others: BTreeMap::new(),
    };
    registry.sink(&reference(host, target)).publish(&outgoing, &Silent).unwrap()
}

#[test]
fn what_is_pushed_is_pulled_and_mounted() {
    if !present(&[("docker-registry", "docker-registry")]) {
        return;
    }
    let running = plain();
    let (big, small) = (noise(5_000_000), noise(100));
    let layers = [&big[..], &small];
    let registry = registry();
    let receipt = publish(&registry, &running.host, &layers).unwrap();
    let source = registry.source(&reference(&running.host, &format!("r:t@{}", receipt.digest)));
    let (bytes, media_type) = source.root().unwrap();
    let Document::Manifest(manifest) = Document::parse(bytes, &media_type).unwrap() else {
        panic!("it is a manifest");
    };
    assert_eq!(manifest.digest(), image(&layers).manifest.digest());
    assert_eq!(read(&source, &manifest.layers[0], 0).unwrap(), big);
    assert_eq!(read(&source, &manifest.layers[0], 4_999_990).unwrap(), &big[4_999_990..]);
    assert_eq!(
        read(&source, &manifest.descriptor(), 0).unwrap(),
        manifest.bytes,
        "a document by its descriptor"
    );
    let fates = |receipt: &Receipt| receipt.blobs.iter().map(|(_, fate)| *fate).collect::<Vec<_>>();
    let again = publish(&registry, &running.host, &layers).unwrap();
    assert_eq!(fates(&again), [Fate::Present; 3]);
    let mounted = republish(&registry, &running.host, "r:t", "team/other:t", &layers);
    assert_eq!(fates(&mounted), [Fate::Mount, Fate::Mount, Fate::Upload]);
    // A base repository that does not have the blobs: 202 to the mount, and the origin has to give them.
    let missing = registry.source(&reference(&running.host, "r:none")).root().unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing:?}");
}

/// A proxy before the real registry that cuts the first two large PATCHes half-way.
#[test]
fn t34_t36_a_real_registry_behind_a_cutting_proxy() {
    if !present(&[("docker-registry", "docker-registry")]) {
        return;
    }
    let running = plain();
    let proxy = cutting_proxy(&running.host, 1_500_000, 3);
    let bytes = noise(4_000_000);
    publish(&registry(), &proxy, &[&bytes]).unwrap();
    let descriptor = crate::rig::layer(&bytes);
    let direct = registry().source(&reference(&running.host, "r:t"));
    assert_eq!(read(&direct, &descriptor, 0).unwrap(), bytes);
    let proxy = cutting_proxy(&running.host, 1_500_000, 3);
    let cut = registry().source(&reference(&proxy, "r:t"));
    assert_eq!(read(&cut, &descriptor, 0).unwrap(), bytes);
}

/// Passes bytes both ways; ends the first `cuts` connections in which more than `limit` bytes went one way.
fn cutting_proxy(target: &str, limit: usize, cuts: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let target = target.to_owned();
    let left = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(cuts));
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = TcpStream::connect(&target).unwrap();
            for (from, to) in [(&near, &far), (&far, &near)] {
                let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                let left = left.clone();
                std::thread::spawn(move || pass(&from, &to, limit, &left));
            }
        }
    });
    host
}

fn pass(mut from: &TcpStream, mut to: &TcpStream, limit: usize, left: &std::sync::atomic::AtomicUsize) {
    use std::sync::atomic::Ordering;
    let mut buffer = [0; 16384];
    let mut passed = 0;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        passed += count;
        let cut = passed > limit
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if cut || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[test]
fn basic_credentials_are_asked_for_and_taken() {
    if !present(&[("docker-registry", "docker-registry"), ("htpasswd", "apache2-utils")]) {
        return;
    }
    let running = start(|directory| {
        let file = directory.join("htpasswd");
        let made =
            Command::new("htpasswd").args(["-cBb"]).arg(&file).args(["alice", "s3cret"]).output().unwrap();
        assert!(made.status.success());
        let auth = format!("auth:\n  htpasswd: {{realm: test, path: {}}}\n", file.display());
        (String::new(), auth)
    });
    let bytes = noise(100_000);
    let error = publish(&registry(), &running.host, &[&bytes]).unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    let error = publish(&registry_with(given("alice", "wrong")), &running.host, &[&bytes]).unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    let registry = registry_with(given("alice", "s3cret"));
    publish(&registry, &running.host, &[&bytes]).unwrap();
    let source = registry.source(&reference(&running.host, "r:t"));
    assert_eq!(read(&source, &crate::rig::layer(&bytes), 0).unwrap(), bytes);
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority and a certificate for 127.0.0.1 that it vouches for.
fn certificates(directory: &Path) -> (String, String) {
    std::fs::write(directory.join("san"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(
        directory,
        &format!("req -x509 {ec} -keyout ca.key -out ca.crt -days 2 -subj /CN=test-authority"),
    );
    openssl(directory, &format!("req {ec} -keyout own.key -out own.csr -subj /CN=test-registry"));
    openssl(
        directory,
        "x509 -req -in own.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out own.crt -days 2 -extfile san",
    );
    let path = directory.display();
    let tls = format!("  tls: {{certificate: {path}/own.crt, key: {path}/own.key}}\n");
    (tls, String::new())
}

/// ggcr #211, open since 2018: an authority of one's own, from a file and from `certs.d`.
#[test]
fn tls_with_an_authority_of_ones_own() {
    if !present(&[("docker-registry", "docker-registry"), ("openssl", "openssl")]) {
        return;
    }
    let running = start(certificates);
    let bytes = noise(3_000_000);
    let begun = Instant::now();
    let error = publish(&registry(), &running.host, &[&bytes]).unwrap_err();
    assert!(chain(&error).contains("certificate"), "{}", chain(&error));
    assert!(begun.elapsed() < Duration::from_secs(5), "a certificate does not get better by waiting");
    let directory = running.directory.path();
    let certs_d = directory.join("certs.d").join(&running.host);
    std::fs::create_dir_all(&certs_d).unwrap();
    std::fs::copy(directory.join("ca.crt"), certs_d.join("ca.crt")).unwrap();
    let trusting = [
        RegistryOptions { ca_certificates: vec![directory.join("ca.crt")], ..options() },
        RegistryOptions {
            cert_dirs: vec![directory.join("nowhere"), directory.join("certs.d")],
            ..options()
        },
        RegistryOptions { insecure: vec![running.host.clone()], ..options() },
    ];
    for options in trusting {
        let registry = Registry::new(options).unwrap();
        publish(&registry, &running.host, &[&bytes]).unwrap();
        let source = registry.source(&reference(&running.host, "r:t"));
        assert_eq!(read(&source, &crate::rig::layer(&bytes), 0).unwrap(), bytes);
    }
    let unreadable =
        Registry::new(RegistryOptions { ca_certificates: vec![directory.join("own.csr")], ..options() });
    assert!(matches!(unreadable.unwrap_err(), Error::Io { action: "read", .. }));
}

/// The storage middleware of distribution redirects to wherever it is told, as S3 and GCS setups do.
#[test]
fn t36_a_real_redirect_keeps_the_password_at_home() {
    if !present(&[("docker-registry", "docker-registry"), ("htpasswd", "apache2-utils")]) {
        return;
    }
    let bytes = noise(50_000);
    let served = bytes.clone();
    let storage = Fake::start(move |_| Answer::new(200).body(served.clone()));
    let target = format!("http://{}", storage.host);
    let running = start(|directory| {
        let file = directory.join("htpasswd");
        Command::new("htpasswd").args(["-cBb"]).arg(&file).args(["alice", "s3cret"]).output().unwrap();
        let more = format!(
            "auth:\n  htpasswd: {{realm: test, path: {}}}\n\
             middleware:\n  storage:\n    - name: redirect\n      options: {{baseurl: {target}}}\n",
            file.display()
        );
        (String::new(), more)
    });
    let registry = registry_with(given("alice", "s3cret"));
    publish(&registry, &running.host, &[&bytes]).unwrap();
    let source = registry.source(&reference(&running.host, "r:t"));
    assert_eq!(read(&source, &crate::rig::layer(&bytes), 0).unwrap(), bytes);
    let calls = storage.calls.lock().unwrap();
    assert!(!calls.is_empty() && calls.iter().all(|call| call.header("authorization").is_empty()));
}
