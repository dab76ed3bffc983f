//! A FAL.AI beside the product: the `fal-sim` program, and what it says was submitted to it.

use std::process::Command;

use anyhow::Context;
use reqwest::Method;
use serde_json::Value;

use crate::process::{Process, program};

const KEY: &str = "sim-key:sim-secret";

/// A running simulator.
pub struct Sim {
    process: Process,
    url: String,
}

impl Sim {
    /// Starts one on a free port. `speed` shortens how long models take.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(speed: &str) -> anyhow::Result<Self> {
        Self::start_with(&["--speed", speed])
    }

    /// Starts one with these flags.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start_with(flags: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(program("fal-sim")?);
        command.args(["--listen", "127.0.0.1:0", "--key", KEY]).args(flags).env("FAL_SIM_LOG", "warn");
        let mut process = Process::start(&mut command)?;
        let url = process.wait_for("fal-sim ready: ")?;
        Ok(Self { process, url })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.url
    }

    /// The key it takes.
    #[must_use]
    pub fn key(&self) -> &'static str {
        KEY
    }

    /// The running process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Arms a fault, as `fal-sim/README.md` describes them.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn arm(&self, fault: &Value) -> anyhow::Result<()> {
        self.tell(Method::POST, "faults", fault).await
    }

    /// Lets chaos loose.
    ///
    /// # Errors
    /// When it is not taken.
    pub async fn let_loose(&self, chaos: &Value) -> anyhow::Result<()> {
        self.tell(Method::PUT, "chaos", chaos).await
    }

    /// Changes its settings.
    ///
    /// # Errors
    /// When they are not taken.
    pub async fn change(&self, settings: &Value) -> anyhow::Result<()> {
        self.tell(Method::PATCH, "settings", settings).await
    }

    /// Disarms all faults, chaos too.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn disarm(&self) -> anyhow::Result<()> {
        self.tell(Method::DELETE, "faults", &Value::Null).await
    }

    /// The faults that are still armed.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn armed(&self) -> anyhow::Result<Vec<Value>> {
        self.list("faults").await
    }

    /// Every submit it accepted, oldest first: what would have been paid for.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn submits(&self) -> anyhow::Result<Vec<Value>> {
        self.list("requests").await
    }

    /// What it billed, image by image.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn bills(&self) -> anyhow::Result<Vec<Value>> {
        self.list("bills").await
    }

    async fn tell(&self, method: Method, what: &str, body: &Value) -> anyhow::Result<()> {
        let url = format!("{}/sim/{what}", self.url);
        crate::client::http()?.request(method, url).json(body).send().await?.error_for_status()?;
        Ok(())
    }

    async fn list(&self, what: &str) -> anyhow::Result<Vec<Value>> {
        let answer = crate::client::http()?.get(format!("{}/sim/{what}", self.url)).send().await?;
        let answer: Value = answer.error_for_status()?.json().await?;
        let list = answer.get(what).and_then(Value::as_array);
        Ok(list.with_context(|| format!("no {what} in {answer}"))?.clone())
    }
}
