//! What this process sends to a collector: spans from its start on, and what its parts count once there are any.

use std::time::SystemTime;

use image2model_host::config::Config;
use image2model_host::ops::heartbeat::HostIdentity;
use image2model_host::otlp::{self, Metrics, OtlpError, Resource};
use image2model_host::trace;

use super::meters;
use super::vitals::Vitals;

pub struct Telemetry {
    resource: Resource,
    began: SystemTime,
    spans: Option<trace::Exporting>,
    wanted: Option<Metrics>,
    metrics: Option<otlp::Exporting>,
}

impl Telemetry {
    /// Begins with the spans.
    pub fn start(config: &Config, identity: &HostIdentity) -> Result<Self, OtlpError> {
        let telemetry = config.telemetry.clone();
        let service = telemetry.service.unwrap_or_else(|| format!("image2model-{}", identity.role));
        let resource = Resource::new(&service, &identity.id, telemetry.attributes);
        let spans = telemetry.traces.map(|to| trace::start(&resource, to)).transpose()?;
        Ok(Self { resource, began: SystemTime::now(), spans, wanted: telemetry.metrics, metrics: None })
    }

    /// Begins to send what these count.
    pub fn measure(&mut self, vitals: &Vitals) -> Result<(), OtlpError> {
        let Some(to) = self.wanted.take() else { return Ok(()) };
        let vitals = vitals.clone();
        let read = move |readings: &mut _| meters::read(&vitals, readings);
        self.metrics = Some(otlp::export(&self.resource, to, self.began, read)?);
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
