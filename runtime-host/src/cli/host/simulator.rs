//! FAL.AI, real or simulated: without a key the simulator runs in this process, and says so.

use std::path::PathBuf;

use anyhow::Context;
use fal_sim::{Config as SimConfig, Running, Simulator};
use image2model_host::config::{Config, FalSettings};
use image2model_host::fal::{FalClient, FalConfig, Relay};
use secrecy::SecretString;

use super::secrets;

/// Where models are made.
pub struct Fal {
    pub client: FalConfig,
    simulator: Option<Simulated>,
}

struct Simulated {
    running: Running,
    /// Its files, which mean nothing to the next run.
    folder: PathBuf,
}

impl Fal {
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let settings = &config.fal;
        if let Some(key) = &settings.key {
            return Ok(Self { client: real(settings, key.clone()), simulator: None });
        }
        let key = format!("simulator:{}", secrets::random());
        let folder = config.data_dir.join("simulator");
        remove(&folder);
        let sim = SimConfig { speed: settings.sim_speed, data_dir: Some(folder.clone()), ..SimConfig::with_key(&key)? };
        let running = Simulator::start(sim).await.context("cannot start the simulated FAL.AI")?;
        tracing::warn!(url = %running.base_url(), "FAL_KEY is not set: models come from a simulated FAL.AI, nothing is paid");
        let client = FalConfig::simulator(&running.base_url(), SecretString::from(key));
        Ok(Self { client, simulator: Some(Simulated { running, folder }) })
    }

    /// Whether models cost nothing and their requests are forgotten with this process.
    pub fn is_simulated(&self) -> bool {
        self.simulator.is_some()
    }

    /// As operators read it.
    pub fn mode(&self) -> &'static str {
        if self.simulator.is_some() { "simulator" } else { "live" }
    }

    /// Hosts of the results, beside the configured ones.
    pub fn result_hosts(&self) -> Vec<String> {
        self.simulator.iter().map(|simulated| simulated.running.addr().to_string()).collect()
    }

    /// How many times faster than the real platform it is.
    pub fn pace(&self, config: &Config) -> f64 {
        if self.simulator.is_some() { config.fal.sim_speed } else { 1.0 }
    }

    pub async fn stop(self) {
        if let Some(Simulated { running, folder }) = self.simulator {
            running.shutdown().await;
            remove(&folder);
        }
    }
}

/// What opens the results of `fal`; in a process that makes no models, those of the configured FAL.AI. Needs no key.
pub fn relay(fal: Option<&Fal>, settings: &FalSettings) -> anyhow::Result<Relay> {
    let client = fal.map_or_else(|| real(settings, SecretString::from("")), |fal| fal.client.clone());
    Ok(FalClient::new(client)?.relay())
}

fn real(settings: &FalSettings, key: SecretString) -> FalConfig {
    FalConfig {
        queue_url: settings.queue_url.clone(),
        backup_queue_url: settings.backup_queue_url.clone(),
        history_key: settings.history_key.clone(),
        rest_url: settings.rest_url.clone(),
        api_url: settings.api_url.clone(),
        file_hosts: settings.result_hosts.clone(),
        submit_timeout: settings.submit_timeout,
        ..FalConfig::new(key)
    }
}

/// What a run left; a run that was killed could not clean up itself.
fn remove(folder: &std::path::Path) {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(%error, "files of the simulated FAL.AI cannot be removed");
        }
        _ => {}
    }
}
