//! What the process has counted at one moment, in OTLP's own terms. Everything counts from the process's start
//! ("cumulative"), so an export that is lost is made up for by the next one.

use std::time::{Duration, SystemTime};

use image2model_domain::meter::{Kind, Meter};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum, metric::Data,
};

/// What tells a value from others of its meter.
pub type Attributes = Vec<KeyValue>;

/// All values at one moment.
#[derive(Debug)]
pub struct Readings {
    /// Nanoseconds since 1970.
    began: u64,
    now: u64,
    pub(super) metrics: Vec<Metric>,
}

impl Readings {
    /// None yet, of a process that began then.
    #[must_use]
    pub fn new(began: SystemTime, now: SystemTime) -> Self {
        Self { began: nanoseconds(began), now: nanoseconds(now), metrics: Vec::new() }
    }

    /// Seconds since the process began.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.now.saturating_sub(self.began)).as_secs_f64()
    }

    /// Adds the values of a meter.
    pub fn add(&mut self, meter: &Meter, values: impl IntoIterator<Item = (Attributes, Value)>) {
        let point = |(attributes, value)| NumberDataPoint {
            attributes,
            start_time_unix_nano: if meter.kind == Kind::Gauge { 0 } else { self.began },
            time_unix_nano: self.now,
            value: Some(value),
            ..NumberDataPoint::default()
        };
        let data_points: Vec<_> = values.into_iter().map(point).collect();
        if data_points.is_empty() {
            return;
        }
        self.metrics.push(metric(
            meter,
            match meter.kind {
                Kind::Gauge => Data::Gauge(Gauge { data_points }),
                _ => Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    is_monotonic: meter.kind == Kind::Counter,
                }),
            },
        ));
    }

    /// Adds a histogram: counts for each of the bounds, which are not cumulative, and one more for what is above; with no
    /// bounds how many there were.
    pub fn add_histogram<C: Into<Vec<u64>>>(
        &mut self,
        meter: &Meter,
        bounds: &[f64],
        values: impl IntoIterator<Item = (Attributes, C, f64)>,
    ) {
        let point = |(attributes, counts, sum): (Attributes, C, f64)| {
            let bucket_counts = counts.into();
            HistogramDataPoint {
                attributes,
                start_time_unix_nano: self.began,
                time_unix_nano: self.now,
                count: bucket_counts.iter().sum(),
                sum: Some(sum),
                bucket_counts,
                explicit_bounds: bounds.to_vec(),
                ..HistogramDataPoint::default()
            }
        };
        let data_points: Vec<_> = values.into_iter().map(point).collect();
        if !data_points.is_empty() {
            let aggregation_temporality = AggregationTemporality::Cumulative.into();
            self.metrics.push(metric(meter, Data::Histogram(Histogram { data_points, aggregation_temporality })));
        }
    }
}

/// A whole number of something.
#[must_use]
pub fn count(of: u64) -> Value {
    Value::AsInt(i64::try_from(of).unwrap_or(i64::MAX))
}

/// How much of something.
#[must_use]
pub fn amount(of: f64) -> Value {
    Value::AsDouble(of)
}

/// An attribute that is a text.
pub fn text(key: impl Into<String>, value: impl Into<String>) -> KeyValue {
    attribute(key.into(), any_value::Value::StringValue(value.into()))
}

/// An attribute that is a whole number.
pub fn number(key: impl Into<String>, value: i64) -> KeyValue {
    attribute(key.into(), any_value::Value::IntValue(value))
}

fn attribute(key: String, value: any_value::Value) -> KeyValue {
    KeyValue { key, value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn metric(meter: &Meter, data: Data) -> Metric {
    Metric {
        name: meter.name.to_owned(),
        description: meter.meaning.to_owned(),
        unit: meter.unit.to_owned(),
        data: Some(data),
        ..Metric::default()
    }
}

fn nanoseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use image2model_domain::meter;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn counters_only_grow_and_gauges_have_no_beginning() {
        let mut readings = Readings::new(at(1), at(3));
        let of = || vec![text("component", "upload")];
        readings.add(&meter::REQUESTS, [(of(), count(7))]);
        readings.add(&meter::ACTIVE, [(of(), count(2))]);
        readings.add(&meter::PROCESS_UPTIME, [(vec![], amount(2.0))]);
        readings.add(&meter::TRAPS, []);
        let [requests, active, uptime] = readings.metrics.try_into().unwrap();
        assert_eq!((&*requests.name, &*requests.unit), ("image2model.component.requests", "{request}"));
        let Some(Data::Sum(requests)) = requests.data else { panic!("{requests:?}") };
        assert!(requests.is_monotonic && requests.aggregation_temporality == 2);
        let point = &requests.data_points[0];
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (1_000_000_000, 3_000_000_000));
        assert_eq!((&*point.attributes[0].key, point.value), ("component", Some(Value::AsInt(7))));
        assert!(matches!(active.data, Some(Data::Sum(sum)) if !sum.is_monotonic));
        assert!(matches!(uptime.data, Some(Data::Gauge(gauge)) if gauge.data_points[0].start_time_unix_nano == 0));
    }

    #[test]
    fn a_histogram_has_a_count_more_than_bounds() {
        let mut readings = Readings::new(at(1), at(2));
        readings.add_histogram(&meter::DURATION, &[0.005, 1.0], [(vec![], [2, 0, 1], 4.5)]);
        readings.add_histogram(&meter::SPIN_CPU, &[], [(vec![], [3], 0.25)]);
        let points = readings.metrics.into_iter().map(|metric| match metric.data {
            Some(Data::Histogram(histogram)) => histogram.data_points[0].clone(),
            other => panic!("{other:?}"),
        });
        let [took, cpu] = points.collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(
            (took.count, took.sum, took.bucket_counts, took.explicit_bounds),
            (3, Some(4.5), vec![2, 0, 1], vec![0.005, 1.0])
        );
        assert_eq!((cpu.count, cpu.sum, cpu.bucket_counts), (3, Some(0.25), vec![3]));
    }
}
