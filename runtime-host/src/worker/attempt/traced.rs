//! A hold on a file as a span in the trace of the upload that made it, and its parts: claim, upload, submit, follow, store.

use std::time::SystemTime;

use image2model_domain::record::FileRecord;

use super::Attempt;
use crate::fal::FalError;
use crate::trace::{Kind, Span};
use crate::worker::end::End;
use crate::worker::held::Held;

/// Begins the span of a hold that was got at `claimed`, when its trace was not known yet.
pub(super) fn begin(held: &Held, file: &FileRecord, claimed: SystemTime) -> Span {
    let parent = Some(file.traceparent.as_str());
    let span = Span::begin_at(Kind::Consumer, parent, Some(claimed), || "process file");
    span.set("messaging.system", || "redis");
    span.set("messaging.operation.name", || "process");
    span.set("messaging.message.id", || file.id.to_string());
    span.set("image2model.job_id", || held.holding.job.to_string());
    span.set("image2model.request_id", || file.request_id.clone());
    span.set("image2model.model", || file.model.clone());
    span.set("image2model.attempts", || i64::from(file.attempts));
    drop(span.child_at(Kind::Internal, Some(claimed), || "claim"));
    span
}

/// Says how the hold ended.
pub(super) fn ended(span: &Span, end: &End) {
    span.set("image2model.outcome", || match end {
        End::Completed(_) => "completed",
        End::Failed(_) => "failed",
        End::CancelWanted => "cancelled",
        End::Stopping => "handed_back",
        End::Parked(_) => "waits",
        End::Dropped => "lost",
        End::Gone => "gone",
    });
    fault(span, end);
}

fn fault(span: &Span, end: &End) {
    if let End::Failed(failure) = end {
        span.fail(failure.code.clone());
    }
}

/// One part of a hold.
pub(super) struct Part(Span);

impl Attempt<'_> {
    /// Begins a part.
    pub(super) fn part(&self, kind: Kind, name: &'static str, request_id: Option<&str>) -> Part {
        let part = Part(self.span.child(kind, || name));
        part.of(request_id);
        part
    }
}

impl Part {
    /// It is over.
    pub(super) fn done<T>(self, outcome: Result<T, End>) -> Result<T, End> {
        if let Err(end) = &outcome {
            fault(&self.0, end);
        }
        outcome
    }

    /// FAL.AI has answered a submit.
    pub(super) fn answered(self, answer: Result<&str, &FalError>) {
        match answer {
            Ok(request_id) => self.of(Some(request_id)),
            Err(error) => self.0.fail(error.code()),
        }
    }

    fn of(&self, request_id: Option<&str>) {
        if let Some(request_id) = request_id {
            self.0.set("image2model.fal_request_id", || request_id.to_owned());
        }
    }
}
