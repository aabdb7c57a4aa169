//! A directory of its own, and the program run in it.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

/// What the deployments run, as far as their variables are concerned: what reads them, and what is set.
const IMAGE: &str = r#"
env = ["PATH=/usr/bin", "NIXL_BACKEND=LIBFABRIC", "FI_PROVIDER=efa", "FI_EFA_USE_DEVICE_RDMA=1",
       "LD_LIBRARY_PATH=/opt/amazon/efa/lib:/opt/torch/lib"]
layer = Layer()
for name in ("libfabric.so.1", "libucp.so.0", "libnixl.so"):
    layer.file(f"/usr/lib/{name}", open(name, "rb").read(), mode=0o755)
names = ["NIXL_BACKEND", "TRTLLM_NIXL_KVCACHE_BACKEND", "DYN_ROUTER_MODE", "NIXL_SIDE_CHANNEL_HOST",
         "NIXL_SIDE_CHANNEL_PORT", "RDMAV_FORK_SAFE"]
layer.file("/opt/app/settings.py", "\n".join(["import os"] + [f"os.environ.get('{name}')" for name in names]).encode())
tagged["forged"] = Image([layer], config={"Env": env, "User": "dynamo"})
"#;

/// Libraries that make the names of their variables out of parts at run time.
const LIBRARIES: [(&str, &str); 3] = [
    (
        "libfabric.so.1",
        r#"const char *const parts[] = {"provider", "log_level", "efa", "use_device_rdma", "enable_shm_transfer",
           "hmem_disable_p2p", "mr_cache_max_count", "iface", "FI_%s_%s"};
           const char *fi_param_define(int n) { return parts[n]; }"#,
    ),
    (
        "libucp.so.0",
        r#"const char *const parts[] = {"TLS", "NET_DEVICES", "LOG_LEVEL", "IB_", "UCX_"};
           const char *ucs_config_field(int n) { return parts[n]; }"#,
    ),
    (
        "libnixl.so",
        r#"extern char *getenv(const char *); char *nixl(void) { return getenv("NIXL_PLUGIN_DIR"); }"#,
    ),
];

/// The top of the repository.
pub(crate) fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes the image that the deployments run: `oci:layout:forged`.
    pub(crate) fn image(&self) {
        for (name, source) in LIBRARIES {
            self.write("source.c", source);
            let mut compiler = Command::new("gcc");
            compiler.args(["-shared", "-fPIC", "-o", name, "source.c"]).current_dir(self.directory.path());
            assert!(compiler.status().unwrap().success(), "{name}");
        }
        let script =
            format!("from oci_layout import *\ntagged = {{}}\n{IMAGE}\nwrite_layout('layout', tagged)\n");
        let mut python = Command::new("python3");
        python.args(["-B", "-c", &script]).current_dir(self.directory.path());
        let done = python.env("PYTHONPATH", top().join("fixtures")).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Runs the program.
    pub(crate) fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_imgforge"));
        command.args(words).args(["--cache-dir", "cache", "--progress", "none"]);
        command.current_dir(self.directory.path()).output().unwrap()
    }
}

/// Standard output as text, after the exit code was found to be `code`.
#[track_caller]
pub(crate) fn said(output: &Output, code: i32) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{text}{error}");
    text
}
