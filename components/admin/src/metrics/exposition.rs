//! Writes metrics as text: Prometheus' format 0.0.4, and OpenMetrics 1.0. They differ in how a counter is announced (by its
//! name without `_total` in OpenMetrics), in the type of information, and in the `# EOF` that ends OpenMetrics.

use std::borrow::Cow;
use std::fmt::Write;

use image2model_domain::meter::{self, Meter};

/// Which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What a metric means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows; its samples end in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bounds.
    Histogram,
    /// How many, and how much together.
    Summary,
    /// Says something in its labels; its sample is 1 and ends in `_info`.
    Info,
}

pub(super) type Labels = Vec<(&'static str, String)>;

/// One sample: a suffix of the family's name, labels, and the value.
#[derive(Debug, Clone, PartialEq)]
struct Sample {
    suffix: &'static str,
    labels: Labels,
    value: f64,
}

/// Metrics of one name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Family {
    name: Cow<'static, str>,
    help: &'static str,
    kind: Kind,
    samples: Vec<Sample>,
}

impl Family {
    /// `name` comes without `_total` or `_info`.
    pub(super) fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), help, kind, samples: Vec::new() }
    }

    /// One of what host processes count.
    pub(super) fn of(meter: &Meter) -> Self {
        let kind = match meter.kind {
            meter::Kind::Counter => Kind::Counter,
            meter::Kind::UpDownCounter | meter::Kind::Gauge => Kind::Gauge,
            meter::Kind::Histogram => Kind::Histogram,
        };
        Self::told_as(kind, meter)
    }

    /// The same, where this text tells it otherwise than OTLP does.
    pub(super) fn told_as(kind: Kind, meter: &Meter) -> Self {
        Self { name: Cow::Owned(meter.prometheus_name()), help: meter.meaning, kind, samples: Vec::new() }
    }

    /// Adds a sample.
    pub(super) fn add(&mut self, labels: Labels, value: f64) {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram | Kind::Summary => "",
        };
        self.samples.push(Sample { suffix, labels, value });
    }

    /// Adds a sample, if there is a value.
    pub(super) fn add_some(&mut self, labels: Labels, value: Option<f64>) {
        if let Some(value) = value {
            self.add(labels, value);
        }
    }

    /// The family with one sample without labels.
    pub(super) fn with(mut self, value: f64) -> Self {
        self.add(vec![], value);
        self
    }

    /// Adds a summary: how many, and how much together.
    pub(super) fn add_summary(&mut self, labels: &Labels, count: u64, sum: f64) {
        self.samples.push(Sample { suffix: "_sum", labels: labels.clone(), value: sum });
        self.samples.push(Sample { suffix: "_count", labels: labels.clone(), value: number(count) });
    }

    /// Adds to a summary what this share of it stays below.
    pub(super) fn add_quantile(&mut self, labels: &Labels, quantile: f64, value: f64) {
        let mut labels = labels.clone();
        labels.push(("quantile", format!("{quantile:?}")));
        self.samples.push(Sample { suffix: "", labels, value });
    }

    /// Adds a histogram: counts for each of the bounds, and one more for what is above.
    pub(super) fn add_histogram(&mut self, labels: &Labels, bounds: &[f64], counts: &[u64], sum: f64) {
        let mut cumulative = 0;
        let names = bounds.iter().map(|bound| format!("{bound:?}")).chain(["+Inf".to_owned()]);
        for (le, count) in names.zip(counts) {
            cumulative += count;
            let mut labels = labels.clone();
            labels.push(("le", le));
            self.samples.push(Sample { suffix: "_bucket", labels, value: number(cumulative) });
        }
        self.samples.push(Sample { suffix: "_sum", labels: labels.clone(), value: sum });
        self.samples.push(Sample { suffix: "_count", labels: labels.clone(), value: number(cumulative) });
    }
}

/// A count as a sample's value.
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

/// All families. Those without samples are announced, as the original's library does: clients look for their names.
pub(super) fn write(families: &[Family], format: Format) -> String {
    let mut text = String::new();
    for family in families {
        write_family(&mut text, family, format);
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

fn write_family(text: &mut String, family: &Family, format: Format) {
    let (suffix, kind) = announced(family.kind, format);
    // Writing to a String does not fail.
    let _ = writeln!(text, "# HELP {}{suffix} {}", family.name, escaped(family.help));
    let _ = writeln!(text, "# TYPE {}{suffix} {kind}", family.name);
    for sample in &family.samples {
        let _ = write!(text, "{}{}", family.name, sample.suffix);
        write_labels(text, &sample.labels);
        let _ = writeln!(text, " {}", sample.value);
    }
}

/// The suffix with which a family is announced, and the word for its kind.
fn announced(kind: Kind, format: Format) -> (&'static str, &'static str) {
    match (kind, format) {
        (Kind::Counter, Format::Prometheus) => ("_total", "counter"),
        (Kind::Counter, Format::OpenMetrics) => ("", "counter"),
        (Kind::Info, Format::Prometheus) => ("_info", "gauge"),
        (Kind::Info, Format::OpenMetrics) => ("", "info"),
        (Kind::Gauge, _) => ("", "gauge"),
        (Kind::Histogram, _) => ("", "histogram"),
        (Kind::Summary, _) => ("", "summary"),
    }
}

fn write_labels(text: &mut String, labels: &Labels) {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    if !pairs.is_empty() {
        let _ = write!(text, "{{{}}}", pairs.join(","));
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_say_the_same_in_their_own_way() {
        let mut jobs = Family::new(Kind::Counter, "jobs_ended", "Jobs that ended.");
        jobs.add(vec![("status", "a\"b\\c\nd".to_owned())], 3.0);
        let families = [jobs, Family::new(Kind::Gauge, "silent", "Nothing to say.")];
        let silent = "# HELP silent Nothing to say.\n# TYPE silent gauge\n";
        let sample = "jobs_ended_total{status=\"a\\\"b\\\\c\\nd\"} 3\n";
        assert_eq!(
            write(&families, Format::Prometheus),
            format!("# HELP jobs_ended_total Jobs that ended.\n# TYPE jobs_ended_total counter\n{sample}{silent}")
        );
        assert_eq!(
            write(&families, Format::OpenMetrics),
            format!("# HELP jobs_ended Jobs that ended.\n# TYPE jobs_ended counter\n{sample}{silent}# EOF\n")
        );
    }

    #[test]
    fn a_histogram_is_cumulative_and_its_bounds_are_canonical() {
        let mut took = Family::new(Kind::Histogram, "took_seconds", "Time.");
        took.add_histogram(&vec![], &[0.005, 1.0], &[2, 0, 1], 4.5);
        let text = write(&[took], Format::Prometheus);
        for line in
            ["_bucket{le=\"0.005\"} 2", "_bucket{le=\"1.0\"} 2", "_bucket{le=\"+Inf\"} 3", "_sum 4.5", "_count 3"]
        {
            assert!(text.contains(&format!("took_seconds{line}\n")), "{line} in {text}");
        }
    }
}
