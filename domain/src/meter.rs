//! What a host process counts, by name, unit and meaning: one table for the text of `/metrics` and for OTLP. Names are
//! OpenTelemetry's or Spin's where they have one; ours are in the style of theirs. As text they are what the
//! specification makes of them (OpenTelemetry, "Prometheus and OpenMetrics Compatibility"), so that what was made for the
//! one reads the other.

/// How a meter's values come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, and begins anew with the process.
    Counter,
    /// How much there is of something; of several processes together it is the sum.
    UpDownCounter,
    /// What is, and is not to be added up.
    Gauge,
    /// How many, and how much together; by upper bounds where there are any.
    Histogram,
}

/// One thing that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// Words with dots between them.
    pub name: &'static str,
    /// As UCUM writes it; in braces what is counted.
    pub unit: &'static str,
    /// How its values come about.
    pub kind: Kind,
    /// A sentence for whoever reads it.
    pub meaning: &'static str,
}

impl Meter {
    /// The name as Prometheus has it, before the endings that each kind of sample adds (`_total`, `_bucket`).
    #[must_use]
    pub fn prometheus_name(&self) -> String {
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        self.name.replace('.', "_") + unit
    }
}

macro_rules! meters {
    ($($id:ident = $kind:ident $name:literal in $unit:literal: $meaning:literal)+) => {
        $(#[doc = $meaning] pub const $id: Meter = Meter { name: $name, unit: $unit, kind: Kind::$kind, meaning: $meaning };)+
        /// All of them.
        pub const ALL: &[Meter] = &[$($id),+];
    };
}

meters! {
    REQUESTS = Counter "image2model.component.requests" in "{request}": "Requests and native calls of a component."
    ERRORS = Counter "image2model.component.errors" in "{request}": "Of these, answered 5xx, not at all, or not to the end."
    ACTIVE = UpDownCounter "image2model.component.active_requests" in "{request}": "Requests being answered."
    DURATION = Histogram "image2model.component.duration" in "s": "Time from a request's head to its answer's, or of a call from native code."
    CPU = Counter "image2model.component.cpu" in "s": "Time that its guests computed."
    QUEUE = Counter "image2model.component.queue" in "s": "Time that requests waited for their turn."
    MEMORY = UpDownCounter "image2model.component.memory" in "By": "Memory of its instances."
    INSTANCES = UpDownCounter "image2model.component.instances" in "{instance}": "Instances that live."
    TRAPS = Counter "image2model.component.traps" in "{instance}": "Instances that ended because of what their guest did."
    MEMORY_DENIED = Counter "image2model.component.memory_denied" in "{attempt}": "Times that a guest wanted more memory than it may have."
    CPU_EXCEEDED = Counter "image2model.component.cpu_exceeded" in "{request}": "Times that a guest computed for longer than it may."
    TIMEOUTS = Counter "image2model.component.timeouts" in "{request}": "Requests given up because they took too long."
    REFUSED = Counter "image2model.component.refused" in "{request}": "Requests that found no place in time."
    TOO_LARGE = Counter "image2model.component.too_large" in "{request}": "Requests whose body was larger than it may be."
    CUT_OFF = Counter "image2model.component.cut_off" in "{request}": "Answers that went on for longer than they may."
    MADE_ROOM = Counter "image2model.component.made_room" in "{request}": "Requests of slow clients that made room for others."
    GENERATION = Gauge "image2model.component.generation" in "": "What is served of a component: the beginning of its file's SHA-256."
    SPIN_REQUESTS = Counter "spin.request_count" in "": "As image2model_component_requests_total."
    SPIN_CPU = Histogram "spin.component_cpu_time" in "s": "Time that guests computed, over all requests."
    SPIN_MEMORY = Gauge "spin.component_memory_used" in "By": "As image2model_component_memory_bytes."
    HTTP_DURATION = Histogram "http.server.request.duration" in "s": "Time from a request's head to its answer's."
    STREAMS_OPEN = UpDownCounter "image2model.streams.open" in "{stream}": "Event streams open."
    STREAMS_OPENED = Counter "image2model.streams.opened" in "{stream}": "Event streams opened."
    STREAMS_REFUSED = Counter "image2model.streams.refused" in "{stream}": "Event streams refused at a cap."
    STREAM_FRAMES = Counter "image2model.stream.frames" in "{frame}": "Frames handed to event streams."
    PROCESS_UPTIME = Gauge "process.uptime" in "s": "How long the process has lived."
    PROCESS_MEMORY = UpDownCounter "process.memory.usage" in "By": "Resident memory of the process."
    PROCESS_CPU = Counter "process.cpu.time" in "s": "Processor time of the process."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_prometheus_makes_of_them() {
        let names = [DURATION, MEMORY, REQUESTS, SPIN_REQUESTS, HTTP_DURATION].map(|meter| meter.prometheus_name());
        let wanted = [
            "image2model_component_duration_seconds",
            "image2model_component_memory_bytes",
            "image2model_component_requests",
            "spin_request_count",
            "http_server_request_duration_seconds",
        ];
        assert_eq!(names, wanted);
    }

    #[test]
    fn every_name_is_there_once_and_every_meaning_is_a_sentence() {
        let names: std::collections::BTreeSet<_> = ALL.iter().map(|meter| meter.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.iter().all(|meter| meter.meaning.ends_with('.')), "{ALL:?}");
    }
}
