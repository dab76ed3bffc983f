//! The product under test: `image2model up` on a free port, with a data folder of its own.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use parking_lot::Mutex;

use crate::client::Client;
use crate::process::{Process, program};
use crate::sim::Sim;

/// How to start the product.
#[derive(Default)]
pub struct Setup {
    pub(crate) environment: Vec<(String, String)>,
}

impl Setup {
    /// Sets an environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Sends generations to a simulator that lives outside the product, so that it survives the product's end.
    #[must_use]
    pub fn with_sim(self, sim: &Sim) -> Self {
        let base = sim.base_url();
        self.with("FAL_KEY", sim.key())
            .with("FAL_QUEUE_URL", format!("{base}/queue"))
            .with("FAL_REST_URL", format!("{base}/rest"))
            .with("FAL_API_URL", format!("{base}/api"))
            .with("FAL_RESULT_HOSTS", "127.0.0.1")
    }

    /// Every variable that was set.
    #[must_use]
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Starts it with a fresh data folder.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(self) -> anyhow::Result<Product> {
        self.start_at("127.0.0.1:0")
    }

    /// The same at an address that others know before.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_at(self, address: &str) -> anyhow::Result<Product> {
        let data = tempfile::tempdir()?;
        let (process, url) = launch("up", &self.environment, data.path(), address)?;
        Ok(Product { process, url, data, environment: self.environment })
    }

    /// Starts a worker and nothing else, on a data folder that others may share.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_worker(&self, data: &Path) -> anyhow::Result<Process> {
        Ok(launch("worker", &self.environment, data, "127.0.0.1:0")?.0)
    }
}

/// A running product.
pub struct Product {
    process: Process,
    url: String,
    data: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Product {
    /// With everything as it comes: simulator, private Redis, no key; limits so high that tests do not meet them.
    #[must_use]
    pub fn setup() -> Setup {
        Setup::default()
            .with("RATE_LIMIT_PER_MINUTE", "100000")
            .with("RATE_LIMIT_PER_HOUR", "1000000")
            .with("RATE_LIMIT_UPLOADS_PER_MINUTE", "10000")
            .with("FAL_SIM_SPEED", "20")
            // Shared by all tests: compiling the components anew for each would take longer than the tests.
            .with("COMPILE_CACHE_DIR", crate::process::root().join("target/compiled-components").display().to_string())
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client without a key.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::new(&self.url, None)
    }

    /// A client with a key.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn client_with_key(&self, key: &str) -> anyhow::Result<Client> {
        Client::new(&self.url, Some(key))
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it with SIGTERM and waits for the drain.
    ///
    /// # Errors
    /// When it does not end, or not well.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.process.stop(Duration::from_secs(40))
    }

    /// Starts it again on the same data and address, after it has ended however it did.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let address = self.url.trim_start_matches("http://").to_owned();
        (self.process, self.url) = launch("up", &self.environment, self.data.path(), &address)?;
        Ok(())
    }

    /// Resident memory of the process, in bytes.
    ///
    /// # Errors
    /// Where there is no `/proc`.
    pub fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.process.resident_bytes()
    }
}

/// The `image2model` program, with nothing of the caller's own configuration.
///
/// # Errors
/// When it has not been built.
pub fn image2model() -> anyhow::Result<Command> {
    let mut command = Command::new(program("image2model")?);
    command.current_dir(crate::process::root());
    for (name, _) in std::env::vars().filter(|(name, _)| is_configuration(name)) {
        command.env_remove(name);
    }
    Ok(command)
}

fn is_configuration(name: &str) -> bool {
    let prefixes = [
        "FAL_",
        "LOG_",
        "REDIS_",
        "BLOB_",
        "RATE_LIMIT_",
        "MAX_STREAMS",
        "SPIN_VARIABLE_",
        "WEBHOOK_",
        "TLS_",
        "OTEL_",
        "COMPONENT_",
    ];
    let names = [
        "API_KEY",
        "ADMIN_API_KEY",
        "ENVIRONMENT",
        "ALLOWED_ORIGINS",
        "ACCESS_LOG",
        "UPLOAD_DIR",
        "MIN_FREE_DISK",
        "SWEEP_INTERVAL_SECONDS",
        "ORPHAN_AGE_SECONDS",
        "RESULTS_DIR",
        "MAX_UPLOAD_SIZE",
        "JOB_ACCESS",
        "TOKEN_SECRET",
        "TRUSTED_PROXIES",
        "IMAGE2MODEL_URL",
    ];
    prefixes.iter().any(|p| name.starts_with(p)) || names.contains(&name)
}

/// Starts a part of the program and answers with where it is ready.
pub(crate) fn launch(
    part: &str,
    environment: &[(String, String)],
    data: &Path,
    address: &str,
) -> anyhow::Result<(Process, String)> {
    static COMPILED: Mutex<bool> = Mutex::new(false);
    // The first of them compiles the components; all that start at once would do the same.
    let mut compiled = COMPILED.lock();
    let others_wait = if *compiled { None } else { Some(&mut compiled) };
    let mut process = start(part, environment, data, address)?;
    if let Some(compiled) = others_wait {
        let url = process.wait_for("ready: ")?;
        **compiled = true;
        return Ok((process, url));
    }
    drop(compiled);
    let url = process.wait_for("ready: ")?;
    Ok((process, url))
}

/// Starts a part of the program and does not wait.
pub(crate) fn start(
    part: &str,
    environment: &[(String, String)],
    data: &Path,
    address: &str,
) -> anyhow::Result<Process> {
    let mut command = image2model()?;
    command.args([part, "--listen", address, "--data-dir"]).arg(data).envs(environment.iter().cloned());
    Process::start(&mut command)
}
