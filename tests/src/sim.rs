//! A FAL.AI beside the product: the `fal-sim` program, and what it says was submitted to it.

use std::process::Command;

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
        let mut command = Command::new(program("fal-sim")?);
        command.args(["--listen", "127.0.0.1:0", "--key", KEY, "--speed", speed]);
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
        let url = format!("{}/sim/faults", self.url);
        crate::client::http()?.post(url).json(fault).send().await?.error_for_status()?;
        Ok(())
    }

    /// Every submit it accepted, oldest first: what would have been paid for.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn submits(&self) -> anyhow::Result<Vec<Value>> {
        let answer: Value = crate::client::http()?
            .get(format!("{}/sim/requests", self.url))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let list = answer.get("requests").unwrap_or(&answer);
        Ok(list.as_array().cloned().unwrap_or_default())
    }
}
