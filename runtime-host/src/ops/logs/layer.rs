//! The subscriber's layer that hands events over to the log store, with the fields of the spans they happen in.

use image2model_domain::log::{LogEntry, LogLevel};
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::kind;
use super::queue::{Queue, Record};
use crate::redis::sign_of_life::now_ms;

/// See the module.
#[derive(Debug)]
pub(super) struct StoreLayer {
    queue: Queue,
}

impl StoreLayer {
    pub fn new(queue: Queue) -> Self {
        Self { queue }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for StoreLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &SpanRecord<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut said = Fields::default();
        event.record(&mut said);
        let Some(said) = said.unwrapped() else { return };
        let target = event.metadata().target();
        let mut entry = LogEntry::new(now_ms(), level(*event.metadata().level()), target, "");
        said.add_to(&mut entry);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<Fields>() {
                fields.add_to(&mut entry);
            }
        }
        self.queue.push(Record { kind: kind::of(target, entry.level), entry });
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        _ => LogLevel::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_domain::log::LogKind;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn an_event_brings_the_ids_of_its_spans() {
        let (queue, mut queued) = Queue::new();
        let subscriber = tracing_subscriber::registry().with(StoreLayer::new(queue));
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("file", job_id = "j", request_id = tracing::field::Empty);
            span.record("request_id", "r");
            span.in_scope(
                || tracing::warn!(target: "image2model_host::worker::run", attempts = 2, "an attempt failed"),
            );
            tracing::error!(target: super::super::COMPONENT, component = "upload", said = "no", fields = "{}", "component log");
        });
        let first = queued.records.try_recv().unwrap();
        assert_eq!((first.kind, first.entry.level), (LogKind::Worker, LogLevel::Warn));
        assert_eq!((first.entry.job_id.as_deref(), first.entry.request_id.as_deref()), (Some("j"), Some("r")));
        assert_eq!((first.entry.message.as_str(), first.entry.number("attempts")), ("an attempt failed", Some(2)));
        let second = queued.records.try_recv().unwrap();
        assert_eq!((second.kind, second.entry.message.as_str()), (LogKind::Error, "no"));
        assert_eq!(second.entry.component.as_deref(), Some("upload"));
    }
}
