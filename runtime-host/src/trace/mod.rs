//! Spans, as OpenTelemetry has them: what one request sets off from the front door through components, the blob gateway
//! and the worker, in one trace. The parts hand each other the place in it as `traceparent` (W3C), in headers and in the
//! job's record, so it does not matter which process a part is in.
//!
//! Off, and then free of allocations, until [`start`] is told of a collector. Bounded by the SDK's queue (2,048 spans, of
//! which 512 go at a time): what finds no room is dropped, and nobody waits for the collector.

mod collector;
mod http;
mod redis;

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::SystemTime;

use image2model_domain::trace::TraceContext;
use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{Sampler, SdkTracer};

pub use collector::{Exporting, Traces, start};
pub use http::{hand_on, only, received, sent};
pub use opentelemetry::trace::SpanKind as Kind;
pub use redis::{asked, script};

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// One piece of work; it ends with the last of its clones. Nothing at all while spans are off, or its trace is not
/// recorded.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    /// Begins one in the trace that a header or a record names, or a new trace. `name` is asked for when it is needed.
    pub fn begin<N: Into<Cow<'static, str>>>(kind: Kind, parent: Option<&str>, name: impl FnOnce() -> N) -> Self {
        Self::begin_at(kind, parent, None, name)
    }

    /// The same for work that had begun before its trace was known.
    pub fn begin_at<N: Into<Cow<'static, str>>>(
        kind: Kind,
        parent: Option<&str>,
        began: Option<SystemTime>,
        name: impl FnOnce() -> N,
    ) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        let parent = parent.and_then(TraceContext::parse).as_ref().and_then(remote);
        let within = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        Self(Some(started(tracer, kind, began, name().into(), &within)))
    }

    /// Begins a part of this one.
    pub fn child<N: Into<Cow<'static, str>>>(&self, kind: Kind, name: impl FnOnce() -> N) -> Self {
        self.child_at(kind, None, name)
    }

    /// The same for work that had begun before.
    pub fn child_at<N: Into<Cow<'static, str>>>(
        &self,
        kind: Kind,
        began: Option<SystemTime>,
        name: impl FnOnce() -> N,
    ) -> Self {
        let both = self.0.as_ref().zip(TRACER.get());
        Self(both.map(|(within, tracer)| started(tracer, kind, began, name().into(), within)))
    }

    /// Calls it something else, when that is known at last.
    pub fn rename(&self, name: impl FnOnce() -> String) {
        if let Some(context) = &self.0 {
            context.span().update_name(name());
        }
    }

    /// Says something about it, by a name of the semantic conventions where there is one.
    pub fn set<V: Into<Value>>(&self, name: &'static str, value: impl FnOnce() -> V) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(name, value()));
        }
    }

    /// It failed; `kind` is a code with few values.
    pub fn fail(&self, kind: impl Into<String>) {
        if let Some(context) = &self.0 {
            let kind = kind.into();
            context.span().set_attribute(KeyValue::new("error.type", kind.clone()));
            context.span().set_status(Status::error(kind));
        }
    }

    /// The header that hands its place in the trace on; `None` while spans are off.
    #[must_use]
    pub fn traceparent(&self) -> Option<String> {
        let context = self.0.as_ref()?.span().span_context().clone();
        let flags = context.trace_flags() & TraceFlags::SAMPLED;
        context.is_valid().then(|| format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), flags.to_u8()))
    }
}

fn started(
    tracer: &SdkTracer,
    kind: Kind,
    began: Option<SystemTime>,
    name: Cow<'static, str>,
    within: &Context,
) -> Context {
    let mut builder = tracer.span_builder(name).with_kind(kind);
    builder.start_time = began;
    within.with_span(tracer.build_with_context(builder, within))
}

/// A caller's place in its trace, as the SDK has it.
fn remote(caller: &TraceContext) -> Option<SpanContext> {
    let trace = TraceId::from_hex(caller.trace_id()).ok()?;
    let span = SpanId::from_hex(caller.span_id()).ok()?;
    let flags = if caller.is_sampled() { TraceFlags::SAMPLED } else { TraceFlags::default() };
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}

/// Which traces are recorded: a sampler's name as in OTEL_TRACES_SAMPLER, and its share. `None` for no such sampler.
#[must_use]
pub fn sampler(name: &str, share: f64) -> Option<Sampler> {
    let ratio = Sampler::TraceIdRatioBased(share);
    Some(match name {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => ratio,
        "parentbased_always_on" => Sampler::ParentBased(Box::new(Sampler::AlwaysOn)),
        "parentbased_always_off" => Sampler::ParentBased(Box::new(Sampler::AlwaysOff)),
        "parentbased_traceidratio" => Sampler::ParentBased(Box::new(ratio)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

    #[derive(Clone, Debug, Default)]
    struct Kept(Arc<Mutex<Vec<SpanData>>>);

    impl SpanExporter for Kept {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            self.0.lock().unwrap().extend(batch);
            Ok(())
        }
    }

    /// One test, for the tracer is the process's.
    #[test]
    fn spans_are_nothing_until_there_is_somewhere_to_send_them_and_join_the_callers_trace_then() {
        let off = Span::begin(Kind::Server, None, || -> String { unreachable!("nobody needs a name") });
        assert!(off.traceparent().is_none() && off.child(Kind::Internal, || "x").traceparent().is_none());

        let exporter = Kept::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .with_sampler(sampler("parentbased_always_on", 1.0).unwrap())
            .build();
        TRACER.set(provider.tracer("test")).unwrap();

        let sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let server = Span::begin(Kind::Server, Some(sent), || "GET");
        let guest = server.child(Kind::Internal, || "execute_wasm_component upload");
        let handed_on = guest.traceparent().unwrap();
        assert!(handed_on.starts_with(&sent[..36]) && handed_on.ends_with("-01") && handed_on != sent);
        let claimed = SystemTime::now() - std::time::Duration::from_secs(5);
        let work = Span::begin_at(Kind::Consumer, Some(&handed_on), Some(claimed), || "process".to_owned());
        work.fail("PROVIDER_TIMEOUT");
        server.rename(|| "GET /api/v1/upload/...".to_owned());
        drop((work, guest, server));
        let unsampled = Span::begin(Kind::Server, Some(&format!("{}00", &sent[..53])), || "GET");
        assert!(unsampled.traceparent().unwrap().ends_with("-00"), "what the caller does not record is not recorded");
        drop(unsampled);

        let spans = exporter.0.lock().unwrap().clone();
        let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
        let (server, guest, work) =
            (named("GET /api/v1/upload/..."), named("execute_wasm_component upload"), named("process"));
        assert_eq!(spans.len(), 3);
        assert_eq!(server.parent_span_id.to_string(), "00f067aa0ba902b7");
        assert_eq!(guest.parent_span_id, server.span_context.span_id());
        assert_eq!(work.parent_span_id, guest.span_context.span_id());
        assert!(spans.iter().all(|span| span.span_context.trace_id().to_string() == sent[3..35]));
        assert_eq!(work.start_time, claimed);
        assert!(matches!(&work.status, Status::Error { description } if description == "PROVIDER_TIMEOUT"));
    }

    #[test]
    fn samplers_go_by_their_standard_names() {
        for name in ["always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off"] {
            assert!(sampler(name, 0.5).is_some(), "{name}");
        }
        assert!(sampler("sometimes", 0.5).is_none());
    }
}
