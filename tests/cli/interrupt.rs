//! Ctrl-C: no partial output, and what was fetched stays for the next run.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use crate::fixture;
use crate::shell;

/// A registry that accepts and never answers: the program is caught at work for certain.
#[test]
fn an_interrupted_build_leaves_nothing_behind() {
    let place = tempfile::tempdir().unwrap();
    fixture::write(place.path());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let recipe = std::fs::read_to_string(place.path().join("recipe.toml")).unwrap();
    let recipe = recipe.replace("oci:images:donor", &format!("127.0.0.1:{port}/donor:1"));
    std::fs::write(place.path().join("recipe.toml"), recipe).unwrap();

    let line = "exec imgforge build recipe.toml --output oci-archive:out.tar";
    let mut child = shell(line, place.path()).spawn().unwrap();
    let (mut caught, _) = silent.accept().unwrap();
    caught.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    caught.read_exact(&mut [0]).unwrap();
    let kill = shell(&format!("kill -INT {}", child.id()), place.path())
        .status()
        .unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(caught.write_all(b"late"));
    let left = std::fs::read_dir(place.path()).unwrap();
    let left: Vec<String> = left
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("out"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}
