//! What a listener is told although nothing happens: signs of life, and why it is let go.

use bytes::Bytes;
use image2model_domain::JobId;
use image2model_domain::time::rfc3339;
use serde_json::json;

use super::Shared;
use super::entry::{Form, StreamName};
use super::frame;
use super::position::{EventId, Position};
use super::timers::Ending;
use crate::redis::sign_of_life::now_ms;

/// Where a listener stands.
pub struct Standing<'a> {
    /// Its job.
    pub job: &'a JobId,
    /// The form of its events.
    pub form: Form,
    /// The names in its events.
    pub name: &'a StreamName,
    /// What has arrived.
    pub position: Position,
}

impl Standing<'_> {
    /// A sign of life.
    #[must_use]
    pub fn heartbeat(&self) -> Bytes {
        match self.form {
            Form::Plain => frame::HEARTBEAT,
            Form::Task => frame::heartbeat_event(&self.id(), &self.about_now()),
        }
    }

    /// The last words of a stream that ends before its job does, if there are any.
    #[must_use]
    pub(super) fn goodbye(&self, ending: Ending, shared: &Shared) -> Option<Bytes> {
        match ending {
            Ending::Drain => Some(frame::retry(shared.retry_after_drain())),
            Ending::Timeout => Some(frame::event(&self.id(), Some("connection_timeout"), &self.about_now())),
            // It comes again, and hears from the guard what has changed.
            Ending::Age | Ending::Revoked => None,
        }
    }

    fn id(&self) -> EventId<'_> {
        EventId { epoch: &self.name.epoch, position: self.position }
    }

    fn about_now(&self) -> String {
        let timestamp = rfc3339(now_ms());
        let job = (!self.name.is_of_no_job()).then_some(self.job);
        json!({ "task_id": &*self.name.task_id, "job_id": job, "timestamp": timestamp }).to_string()
    }
}
