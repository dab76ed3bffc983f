//! Builds the guests once, writes a manifest, serves it on a free port.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, OnceLock};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use image2model_host::edge::swap::fetch::Logins;
use image2model_host::edge::{Edge, EdgeError, EdgeOptions, KeyValue, NativeRoutes, NoRoutes, ServeOptions};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;

/// The file of a guest. Builds all of them first, with the cargo that runs the tests.
pub fn guest(name: &str) -> PathBuf {
    built("wasm32-wasip2", name)
}

/// The same as a core module, which is what most of Spin's templates made; of one that is built so as well.
pub fn module(name: &str) -> PathBuf {
    built("wasm32-wasip1", name)
}

fn built(target: &str, name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/conformance/guests/Cargo.toml");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        for (target, package) in [
            ("wasm32-wasip2", None),
            ("wasm32-wasip2", Some("conformance-provider")),
            ("wasm32-wasip2", Some("conformance-middleware")),
            ("wasm32-wasip1", Some("conformance-drafts")),
            ("wasm32-wasip1", Some("conformance-middleware")),
        ] {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--release", "--target", target, "--manifest-path"]);
            cargo.arg(&manifest).arg("--target-dir").arg(folder);
            cargo.args(package.iter().flat_map(|package| ["--package", package]));
            // They are built as anybody builds them, also where these tests are linted as they are built.
            cargo.env_remove("RUSTC_WORKSPACE_WRAPPER");
            assert!(cargo.status().unwrap().success(), "the conformance guests do not build for {target}");
        }
        folder.to_path_buf()
    });
    folder.join(target).join("release").join(format!("conformance_{name}.wasm"))
}

/// How many engines these tests may have at a time: each reserves a fifth of the address space for its pool, and is given
/// back a little after its test has ended.
static PLACES: (Mutex<usize>, Condvar) = (Mutex::new(2), Condvar::new());

/// Room for one engine, until it is dropped.
struct Place;

impl Place {
    /// Blocks: every test has a thread of its own.
    fn take() -> Self {
        let free = PLACES.0.lock().unwrap();
        *PLACES.1.wait_while(free, |free| *free == 0).unwrap() -= 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *PLACES.0.lock().unwrap() += 1;
        PLACES.1.notify_one();
    }
}

/// A manifest: its routes and components are added one by one.
pub struct App {
    text: String,
    folder: tempfile::TempDir,
    place: Place,
    pub variables: HashMap<String, String>,
    pub profile: Option<String>,
    pub cache: PathBuf,
    pub compiler: Option<PathBuf>,
    pub authorities: Option<PathBuf>,
    pub key_value: Option<KeyValue>,
    pub serve: ServeOptions,
}

impl App {
    pub fn new() -> Self {
        let text = "spin_manifest_version = 2\n[application]\nname = \"conformance\"\nversion = \"1.0.0\"\n".to_owned();
        let folder = tempfile::tempdir().unwrap();
        Self {
            text,
            folder,
            place: Place::take(),
            variables: HashMap::new(),
            profile: None,
            cache: Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance-cache"),
            compiler: None,
            authorities: None,
            key_value: None,
            serve: ServeOptions::default(),
        }
    }

    /// A component of the guest `name` with its route; `more` are keys of its table.
    pub fn route(mut self, route: &str, name: &str, more: &str) -> Self {
        self.text += &format!("[[trigger.http]]\nroute = {route:?}\ncomponent = {name:?}\n");
        self.component(name, name, more)
    }

    /// A component called `id` without a route.
    pub fn component(self, id: &str, name: &str, more: &str) -> Self {
        self.file(id, &guest(name), more)
    }

    /// The same of any file.
    pub fn file(mut self, id: &str, file: &Path, more: &str) -> Self {
        self.text += &format!("[component.{id}]\nsource = {file:?}\n{more}\n");
        self
    }

    pub fn more(mut self, text: &str) -> Self {
        self.text += text;
        self
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub async fn load(&self) -> Result<Edge, EdgeError> {
        let manifest_path = self.folder.path().join("spin.toml");
        std::fs::write(&manifest_path, &self.text).unwrap();
        let options = EdgeOptions {
            manifest_path,
            variables: self.variables.clone(),
            profile: self.profile.clone(),
            authorities: self.authorities.clone(),
            logins: Logins::default(),
            key_value: self.key_value.clone(),
            compiler: self.compiler.clone(),
            cache_dir: Some(self.cache.clone()),
            serve: self.serve.clone(),
        };
        // Another test's engine may still be on its way out, and with it its part of the address space.
        tokio::task::spawn_blocking(move || {
            for _ in 0..100 {
                match Edge::load(options.clone()) {
                    Err(EdgeError::Engine(why)) if why.contains("mmap failed to reserve") => {
                        std::thread::sleep(std::time::Duration::from_millis(100));
                    }
                    loaded => return loaded,
                }
            }
            Edge::load(options)
        })
        .await
        .unwrap()
    }

    pub async fn start(self) -> Host {
        self.start_with(Arc::new(NoRoutes)).await
    }

    pub async fn start_with(self, native: Arc<dyn NativeRoutes>) -> Host {
        let edge = Arc::new(self.load().await.unwrap_or_else(|error| panic!("{error}")));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let serving = edge.clone();
        let server = tokio::spawn(async move { serving.serve(listener, native, stop).await });
        let _ending = Ending(server.abort_handle(), shutdown.clone());
        Host { address, shutdown, server, edge, _ending, _folder: self.folder, _place: self.place }
    }
}

/// A served application.
pub struct Host {
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    pub server: JoinHandle<()>,
    pub edge: Arc<Edge>,
    _ending: Ending,
    _folder: tempfile::TempDir,
    _place: Place,
}

/// Ends a server with its host, whose engine then makes room for another.
struct Ending(AbortHandle, CancellationToken);

impl Drop for Ending {
    fn drop(&mut self) {
        self.1.cancel();
        self.0.abort();
    }
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The fields every problem has, checked; answers its code.
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["status_code"], self.status);
        assert_eq!(problem["error"], true);
        for field in ["type", "title", "detail", "instance", "request_id", "message"] {
            assert!(problem[field].is_string(), "{field} in {problem}");
        }
        problem["error_code"].as_str().unwrap().to_owned()
    }
}

impl Host {
    pub async fn get(&self, path: &str) -> Answer {
        self.send(http::Request::get(self.url(path)).body(Bytes::new()).unwrap()).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn send(&self, request: http::Request<Bytes>) -> Answer {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request.map(Full::new)).await.unwrap();
        let (head, body) = response.into_parts();
        Answer { status: head.status.as_u16(), headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
    }
}
