//! Who may read: challenges, tokens, and the files that hold credentials.

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use imgforge::transport::Source;
use imgforge::transport::credentials::Credential;
use imgforge::transport::credentials::CredentialPlaces;
use imgforge::transport::credentials::Secret;
use imgforge::transport::error::Error;
use imgforge::transport::registry::Registry;
use imgforge::transport::registry::RegistryOptions;

use crate::fake_registry::Answer;
use crate::fake_registry::Call;
use crate::fake_registry::Fake;
use crate::fake_registry::Memory;
use crate::rig::MANIFEST;
use crate::rig::chain;
use crate::rig::options;
use crate::rig::reference;

/// The same name and password for every registry.
pub(crate) fn given(user: &str, password: &str) -> CredentialPlaces {
    CredentialPlaces {
        given: Some(Credential::Password {
            user: user.to_owned(),
            password: Secret::new(password.to_owned()),
        }),
        ..CredentialPlaces::default()
    }
}

pub(crate) fn registry_with(credentials: CredentialPlaces) -> Registry {
    Registry::new(RegistryOptions { credentials, ..options() }).unwrap()
}

/// A token server that gives out `t1`, `t2`, … and a gate that lets in those that have not run out.
#[derive(Clone, Default)]
pub(crate) struct Tokens {
    /// How many were given, and how many of them have run out.
    state: Arc<Mutex<(usize, usize)>>,
}

impl Tokens {
    /// The token server's answer.
    pub(crate) fn give(&self) -> Answer {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        Answer::new(200).body(format!(r#"{{"token":"t{}","expires_in":300}}"#, state.0))
    }

    /// All that were given have run out.
    pub(crate) fn expire(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 = state.0;
    }

    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().0
    }

    /// The answer to a call without a valid token, in a registry whose token server is itself.
    pub(crate) fn gate(&self, call: &Call) -> Option<Answer> {
        if call.path == "/token" {
            return Some(self.give());
        }
        let (given, expired) = *self.state.lock().unwrap();
        let token = call.header("authorization").strip_prefix("Bearer t");
        let good = token.is_some_and(|number| (expired + 1..=given).contains(&number.parse().unwrap()));
        let realm = format!("http://{}/token?x=1", call.header("host"));
        let challenge = format!(r#"Bearer realm="{realm}",service="test registry""#);
        (!good).then(|| Answer::new(401).with("WWW-Authenticate", challenge))
    }
}

fn with_document() -> Memory {
    let mut memory = Memory::default();
    memory.put_manifest("team/app", "t", MANIFEST, b"{}");
    memory
}

#[test]
fn a_token_is_fetched_once_for_a_scope_and_again_when_it_is_refused() {
    let tokens = Tokens::default();
    let (gate, mut memory) = (tokens.clone(), with_document());
    let fake = Fake::start(move |call| gate.gate(call).unwrap_or_else(|| memory.answer(call)));
    let registry = registry_with(given("alice", "s3cret"));
    let source = registry.source(&reference(&fake.host, "team/app:t"));
    source.root().unwrap();
    source.root().unwrap();
    assert_eq!(tokens.count(), 1);
    tokens.expire();
    source.root().unwrap();
    assert_eq!(tokens.count(), 2);
    let asked = &fake.seen("GET", "/token")[0];
    assert_eq!(asked.query, "x=1&service=test+registry&scope=repository%3Ateam%2Fapp%3Apull");
    let basic = format!("Basic {}", STANDARD.encode("alice:s3cret"));
    assert_eq!(asked.header("authorization"), basic);
}

/// Docker Hub, GHCR, ECR Public: everyone gets a token for what is public, without a name.
#[test]
fn t41_a_token_without_credentials() {
    let tokens = Tokens::default();
    let (gate, mut memory) = (tokens, with_document());
    let fake = Fake::start(move |call| gate.gate(call).unwrap_or_else(|| memory.answer(call)));
    let source = registry_with(CredentialPlaces::default()).source(&reference(&fake.host, "team/app:t"));
    source.root().unwrap();
    assert_eq!(fake.seen("GET", "/token")[0].header("authorization"), "");
}

/// ACR and `docker login` with an identity provider: the secret is exchanged by POST, never shown to the registry.
#[test]
fn t41_an_identity_token_is_exchanged_by_post() {
    let tokens = Tokens::default();
    let (gate, mut memory) = (tokens, with_document());
    let fake = Fake::start(move |call| gate.gate(call).unwrap_or_else(|| memory.answer(call)));
    let credentials = CredentialPlaces {
        given: Some(Credential::Identity(Secret::new("refresh me".to_owned()))),
        ..CredentialPlaces::default()
    };
    registry_with(credentials).source(&reference(&fake.host, "team/app:t")).root().unwrap();
    let asked = &fake.seen("POST", "/token")[0];
    let form = String::from_utf8(asked.body.clone()).unwrap();
    assert_eq!(
        form,
        "grant_type=refresh_token&refresh_token=refresh+me&client_id=imgforge&service=test+registry\
         &scope=repository%3Ateam%2Fapp%3Apull"
    );
    assert_eq!(asked.query, "x=1", "nothing secret in the address");
}

/// ggcr #1711: the token server is a server too.
#[test]
fn t25_a_large_token_answer_is_refused() {
    for status in [200, 400] {
        let fake = Fake::start(move |call| match call.path.as_str() {
            "/token" => Answer { padding: 100 << 20, ..Answer::new(status) },
            _ => Tokens::default().gate(call).unwrap(),
        });
        let source = registry_with(CredentialPlaces::default()).source(&reference(&fake.host, "r:t"));
        let error = source.root().unwrap_err().to_string();
        assert!(error.contains("1 MiB"), "{error}");
    }
}

#[test]
fn t32_the_token_server_may_ask_for_patience() {
    let tokens = Tokens::default();
    let (gate, mut memory, mut first) = (tokens, with_document(), true);
    let fake = Fake::start(move |call| {
        if call.path == "/token" && std::mem::take(&mut first) {
            return Answer::new(429).with("Retry-After", "0");
        }
        gate.gate(call).unwrap_or_else(|| memory.answer(call))
    });
    registry_with(given("a", "b")).source(&reference(&fake.host, "team/app:t")).root().unwrap();
    assert_eq!(fake.seen("GET", "/token").len(), 2);
    assert!(fake.seen("GET", "/token").iter().all(|call| !call.header("authorization").is_empty()));
}

/// ggcr #2243, #2292: a realm is an address that the registry makes us ask, with the password.
#[test]
fn t37_a_token_server_must_be_on_the_web() {
    for realm in ["file:///etc/passwd", "ftp://8.8.8.8/token", ""] {
        let fake = Fake::start(move |_| {
            Answer::new(401).with("WWW-Authenticate", format!(r#"Bearer realm="{realm}""#))
        });
        let source = registry_with(given("a", "b")).source(&reference(&fake.host, "r:t"));
        assert!(matches!(source.root(), Err(Error::Broken { .. })), "{realm}");
    }
}

/// Basic: what `htpasswd` registries ask for. Wrong or missing credentials say so, and where they were looked for.
#[test]
fn t41_basic_credentials_and_their_absence() {
    let want = format!("Basic {}", STANDARD.encode("$oauthtoken:key"));
    let mut memory = with_document();
    let fake = Fake::start(move |call| {
        if call.header("authorization") == want {
            return memory.answer(call);
        }
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
        Answer::new(401).with("WWW-Authenticate", "Basic realm=\"Registry Realm\"").body(body)
    });
    let name = reference(&fake.host, "team/app:t");
    registry_with(given("$oauthtoken", "key")).source(&name).root().unwrap();
    let error = registry_with(given("alice", "s3cret")).source(&name).root().unwrap_err();
    let text = format!("{} {error:?}", chain(&error));
    assert!(matches!(error, Error::Denied { .. }), "{text}");
    assert!(text.contains("authentication required") && !text.contains("s3cret"), "{text}");
    let before = fake.lines().len();
    let error = registry_with(CredentialPlaces::default()).source(&name).root().unwrap_err();
    assert!(error.to_string().contains("no credentials were found"), "{error}");
    assert!(fake.lines().len() - before <= 2, "a refusal is not repeated");
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// regclient 2024-05-11, ggcr #1852: a configuration that cannot be read. Docker goes on; so do we, and say it
/// when it mattered.
#[test]
fn t41_a_damaged_file_is_passed_over_and_named_when_access_is_denied() {
    let directory = tempfile::tempdir().unwrap();
    let want = format!("Basic {}", STANDARD.encode("alice:s3cret"));
    let mut memory = with_document();
    let fake = Fake::start(move |call| {
        if call.header("authorization") == want {
            return memory.answer(call);
        }
        Answer::new(401).with("WWW-Authenticate", "Basic realm=\"x\"")
    });
    let good = format!(r#"{{"auths":{{"{}":{{"auth":"YWxpY2U6czNjcmV0"}}}}}}"#, fake.host);
    let files = [
        directory.path().join("absent.json"),
        directory.path().to_owned(),
        write(directory.path(), "corrupt.json", r#"{"auths": {"h": {"auth": "YWxpY2U6czNjcmV0"#),
        write(directory.path(), "good.json", &good),
    ];
    let with = |files: &[PathBuf]| {
        registry_with(CredentialPlaces { files: files.to_vec(), ..CredentialPlaces::default() })
    };
    let name = reference(&fake.host, "team/app:t");
    with(&files).source(&name).root().unwrap();
    let error = with(&files[..3]).source(&name).root().unwrap_err().to_string();
    assert!(error.contains("corrupt.json") && error.contains("line 1"), "{error}");
    assert!(!error.contains("YWxpY2U6") && !error.contains("absent.json"), "{error}");
}

/// `credHelpers` and `credsStore`: programs on the PATH, which this test brings by its own child process.
#[test]
fn t41_credential_helpers_are_asked() {
    if let Some(config) = std::env::var_os("IMGFORGE_TEST_HELPER_CONFIG") {
        return ask_helpers(Path::new(&config));
    }
    let directory = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\nread server\ncase \"$1 $server\" in\n\
        'get store.io') echo '{\"ServerURL\":\"store.io\",\"Username\":\"<token>\",\"Secret\":\"refresh\"}';;\n\
        'get own.io') echo '{\"Username\":\"u\",\"Secret\":\"p\"}';;\n\
        'get https://index.docker.io/v1/') echo '{\"Username\":\"hub\",\"Secret\":\"p\"}';;\n\
        'get broken.io') echo 'keychain locked'; exit 1;;\n\
        *) echo 'credentials not found in native keychain'; exit 1;;\nesac\n";
    let helper = write(directory.path(), "docker-credential-test", script);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(helper, mode).unwrap();
    let config = write(
        directory.path(),
        "config.json",
        r#"{"auths":{"store.io":{}, "entry.io":{"auth":"YTpi"}}, "credHelpers":{"own.io":"test"}, "credsStore":"test"}"#,
    );
    let path = format!("{}:{}", directory.path().display(), std::env::var("PATH").unwrap());
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "auth::t41_credential_helpers_are_asked", "--nocapture"])
        .env("PATH", path)
        .env("IMGFORGE_TEST_HELPER_CONFIG", config)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn ask_helpers(config: &Path) {
    let places = CredentialPlaces { files: vec![config.to_owned()], ..CredentialPlaces::default() };
    let password = |user: &str, password: &str| {
        Some(Credential::Password { user: user.to_owned(), password: Secret::new(password.to_owned()) })
    };
    for (host, want) in [
        ("store.io", Some(Credential::Identity(Secret::new("refresh".to_owned())))),
        ("own.io", password("u", "p")),
        ("entry.io", password("a", "b")),
        ("docker.io", password("hub", "p")),
        ("unknown.io", None),
    ] {
        let found = places.find(host, "r");
        assert_eq!(found.credential, want, "{host}");
        assert_eq!(found.problems, Vec::<String>::new(), "{host}");
    }
    let found = places.find("broken.io", "r");
    assert!(
        found.credential.is_none() && found.problems[0].contains("keychain locked"),
        "{:?}",
        found.problems
    );
}
