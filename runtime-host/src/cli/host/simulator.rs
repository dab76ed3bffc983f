//! FAL.AI, real or simulated: without a key the simulator runs in this process, and says so.

use anyhow::Context;
use fal_sim::{Config as SimConfig, Running, Simulator};
use image2model_host::config::Config;
use image2model_host::fal::FalConfig;
use secrecy::SecretString;

use super::secrets;

/// Where models are made.
pub struct Fal {
    pub client: FalConfig,
    simulator: Option<Running>,
}

impl Fal {
    pub async fn start(config: &Config) -> anyhow::Result<Self> {
        let settings = &config.fal;
        if let Some(key) = &settings.key {
            let client = FalConfig {
                queue_url: settings.queue_url.clone(),
                rest_url: settings.rest_url.clone(),
                api_url: settings.api_url.clone(),
                file_hosts: settings.result_hosts.clone(),
                ..FalConfig::new(key.clone())
            };
            return Ok(Self { client, simulator: None });
        }
        let key = format!("simulator:{}", secrets::random());
        let sim = SimConfig { speed: settings.sim_speed, ..SimConfig::with_key(&key)? };
        let running = Simulator::start(sim).await.context("cannot start the simulated FAL.AI")?;
        tracing::warn!(url = %running.base_url(), "FAL_KEY is not set: models come from a simulated FAL.AI, nothing is paid");
        let client = FalConfig::simulator(&running.base_url(), SecretString::from(key));
        Ok(Self { client, simulator: Some(running) })
    }

    /// As operators read it.
    pub fn mode(&self) -> &'static str {
        if self.simulator.is_some() { "simulator" } else { "live" }
    }

    /// Hosts of the results, beside the configured ones.
    pub fn result_hosts(&self) -> Vec<String> {
        self.simulator.iter().map(|running| running.addr().ip().to_string()).collect()
    }

    /// How many times faster than the real platform it is.
    pub fn pace(&self, config: &Config) -> f64 {
        if self.simulator.is_some() { config.fal.sim_speed } else { 1.0 }
    }

    pub async fn stop(self) {
        if let Some(running) = self.simulator {
            running.shutdown().await;
        }
    }
}
