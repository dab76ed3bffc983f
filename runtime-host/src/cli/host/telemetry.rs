//! What this process sends to a collector: spans from its start on, and what its parts count once there are any.

use image2model_host::config::Config;
use image2model_host::ops::heartbeat::HostIdentity;
use image2model_host::otlp::{self, Collector, Metrics, OtlpError};
use image2model_host::trace;

use super::meters;
use super::vitals::Vitals;

pub struct Telemetry {
    collector: Collector,
    spans: Option<trace::Exporting>,
    wanted: Option<Metrics>,
    metrics: Option<otlp::Exporting>,
}

impl Telemetry {
    /// Begins with the spans.
    pub fn start(config: &Config, identity: &HostIdentity) -> Result<Self, OtlpError> {
        let telemetry = config.telemetry.clone();
        let collector = Collector {
            headers: telemetry.headers,
            service: telemetry.service.unwrap_or_else(|| format!("image2model-{}", identity.role)),
            instance: identity.id.clone(),
            attributes: telemetry.attributes,
        };
        let spans = telemetry.traces.map(|to| trace::start(&collector, to)).transpose()?;
        Ok(Self { collector, spans, wanted: telemetry.metrics, metrics: None })
    }

    /// Begins to send what these count.
    pub fn measure(&mut self, vitals: &Vitals) -> Result<(), OtlpError> {
        let Some(to) = self.wanted.take() else { return Ok(()) };
        let vitals = vitals.clone();
        self.metrics = Some(otlp::export(&self.collector, to, move |readings| meters::read(&vitals, readings))?);
        Ok(())
    }

    /// Sends what is left.
    pub async fn stop(self) {
        let spans = async {
            if let Some(spans) = self.spans {
                spans.stop().await;
            }
        };
        let metrics = async {
            if let Some(metrics) = self.metrics {
                metrics.stop().await;
            }
        };
        tokio::join!(spans, metrics);
    }
}
