//! A port of this machine that leads into a pod: one way through the API server for each connection.
//!
//! What the pod's side says when it cannot be reached is kept, for who asks why a connection was closed.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::Portforwarder;
use tokio::io;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Cluster;
use super::Door;
use super::Error;
use super::Whom;

/// The most connections at once; more wait.
const MOST: usize = 1024;
/// How long a way may take to open.
const OPEN: Duration = Duration::from_secs(20);
/// How long the pod's side has to say that nothing listens there.
const WORD: Duration = Duration::from_millis(500);

/// How often it is looked whether it has said so.
const LOOK: Duration = Duration::from_millis(20);

/// What the pod's side has said, and how many connections may still hear of something.
#[derive(Clone, Default)]
struct Trouble {
    said: Arc<Mutex<Option<String>>>,
    carried: Arc<AtomicUsize>,
}

/// The port, until it is dropped: then every connection through it is closed.
pub struct Forward {
    /// Where to connect to.
    pub address: SocketAddr,
    /// Where it leads.
    pub door: Door,
    trouble: Trouble,
    open: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Opens a port on loopback that leads to who is asked for. It has led there once when this returns.
    ///
    /// # Errors
    /// When there is no such thing, no pod of it is ready, or nothing listens there.
    pub fn forward(self, whom: &Whom) -> Result<Forward, Error> {
        let (door, way, listener) = self.runtime.block_on(async {
            let door = self.door(whom).await?;
            let api = Api::namespaced(self.client.clone(), &door.namespace);
            let way = Way { api, door: door.clone(), trouble: Trouble::default() };
            way.knock().await?;
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Runtime)?;
            Ok::<_, Error>((door, way, listener))
        })?;
        let address = listener.local_addr().map_err(Error::Runtime)?;
        let trouble = way.trouble.clone();
        let (open, closed) = oneshot::channel();
        let carry = move || {
            self.runtime.spawn(serve(listener, way));
            // Ends when the sender is dropped; the runtime goes then, with all that runs on it.
            drop(self.runtime.block_on(closed));
        };
        let thread =
            thread::Builder::new().name("forward".to_owned()).spawn(carry).map_err(Error::Runtime)?;
        Ok(Forward { address, door, trouble, open: Some(open), thread: Some(thread) })
    }
}

impl Forward {
    /// Why a connection came to nothing, in the cluster's words: the last that did. The word may come after the end of
    /// the connection, so that while some are still carried this waits up to two seconds for it.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let said = || self.trouble.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let begun = Instant::now();
        while self.trouble.carried.load(Ordering::Acquire) > 0 && begun.elapsed() < 4 * WORD {
            if let Some(reason) = said() {
                return Some(reason);
            }
            thread::sleep(LOOK);
        }
        said()
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        drop(self.open.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to give back.
            drop(thread.join());
        }
    }
}

#[derive(Clone)]
struct Way {
    api: Api<Pod>,
    door: Door,
    trouble: Trouble,
}

async fn serve(listener: TcpListener, way: Way) {
    let room = Arc::new(Semaphore::new(MOST));
    while let Ok(place) = room.clone().acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, or a client that has gone: neither lasts.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let way = way.clone();
        way.trouble.carried.fetch_add(1, Ordering::AcqRel);
        tokio::spawn(async move {
            if let Err(error) = way.carry(stream).await {
                way.note(error.to_string());
            }
            way.trouble.carried.fetch_sub(1, Ordering::AcqRel);
            drop(place);
        });
    }
}

impl Way {
    /// Goes there once, to know that it can be done.
    async fn knock(&self) -> Result<(), Error> {
        let mut way = self.open().await?;
        let said = word(&mut way, self.door.port).await;
        way.abort();
        said.map_or(Ok(()), |reason| Err(self.none(reason)))
    }

    async fn open(&self) -> Result<Portforwarder, Error> {
        let Door { pod, port, .. } = &self.door;
        let opened = timeout(OPEN, self.api.portforward(pod, &[*port])).await;
        match opened.map_err(|_| self.none(format!("it is not open after {} s", OPEN.as_secs())))? {
            Ok(way) => Ok(way),
            Err(kube::Error::Api(status)) if !matches!(status.code, 401 | 403) => {
                Err(self.none(status.message.clone()))
            }
            Err(kube::Error::UpgradeConnection(error)) => Err(self.none(error.to_string())),
            Err(error) => Err(Error::of(&format!("port {port} of pod `{pod}`"), error)),
        }
    }

    fn none(&self, reason: String) -> Error {
        Error::NoWay { pod: self.door.pod.clone(), port: self.door.port, reason }
    }

    /// Carries a connection to its end, and hears what the pod's side has to say against it.
    async fn carry(&self, mut stream: TcpStream) -> Result<(), Error> {
        let port = self.door.port;
        let mut way = self.open().await?;
        let said = way.take_error(port);
        if let Some(mut inside) = way.take_stream(port) {
            // Small pieces of an answer are what is measured.
            let _ = stream.set_nodelay(true);
            // However it ends, the client hears of it.
            let copied = io::copy_bidirectional(&mut stream, &mut inside).await;
            if copied.map_or(0, |(_, received)| received) == 0 {
                self.note_why(said).await;
            }
        }
        way.abort();
        Ok(())
    }

    /// Notes why nothing came. The client library loses the word where the way is closed while something is written to
    /// it: then it is asked for once more, with nothing written.
    async fn note_why(&self, said: Option<impl Future<Output = Option<String>>>) {
        let heard = match said {
            Some(said) => timeout(WORD, said).await.ok().flatten(),
            None => None,
        };
        match heard {
            Some(reason) => self.note(reason),
            None => {
                if let Err(Error::NoWay { reason, .. }) = self.knock().await {
                    self.note(reason);
                }
            }
        }
    }

    fn note(&self, reason: String) {
        *self.trouble.said.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }
}

/// What the pod's side has to say against it, if it says so soon.
async fn word(way: &mut Portforwarder, port: u16) -> Option<String> {
    timeout(WORD, way.take_error(port)?).await.ok().flatten()
}
