//! What the process's parts have counted, for a collector: what `/metrics` tells of every process of a deployment, this one
//! tells of itself. What belongs to no process (jobs, queues, the fleet's alerts) is at `/metrics` alone.

use image2model_domain::digest::short_digest;
use image2model_domain::meter::{self, Meter};
use image2model_host::edge::{BOUNDS_MS, ComponentReport, UsageReport};
use image2model_host::ops::process;
use image2model_host::otlp::{Attributes, Readings, amount, count, number, text};
use image2model_host::stream::StreamStats;
use serde_json::Value;

use super::vitals::Vitals;

/// One of a component's counts.
type Of = fn(&UsageReport) -> u64;

/// Adds all of it.
pub fn read(vitals: &Vitals, readings: &mut Readings) {
    let components = vitals.components();
    counted(&components, readings);
    timed(&components, readings);
    answered(&components, readings);
    generations(&components, readings);
    if let Some(streams) = &vitals.streams {
        streamed(&streams.stats(), readings);
    }
    taken(&process::facts(), readings);
}

fn counted(components: &[ComponentReport], readings: &mut Readings) {
    let meters: [(&Meter, Of); 13] = [
        (&meter::REQUESTS, |usage| usage.requests),
        (&meter::ERRORS, |usage| usage.errors),
        (&meter::ACTIVE, |usage| usage.active),
        (&meter::MEMORY, |usage| usage.memory_bytes),
        (&meter::INSTANCES, |usage| usage.instances),
        (&meter::TRAPS, |usage| usage.traps),
        (&meter::MEMORY_DENIED, |usage| usage.memory_denied),
        (&meter::CPU_EXCEEDED, |usage| usage.cpu_exceeded),
        (&meter::TIMEOUTS, |usage| usage.timeouts),
        (&meter::REFUSED, |usage| usage.refused),
        (&meter::TOO_LARGE, |usage| usage.too_large),
        (&meter::CUT_OFF, |usage| usage.cut_off),
        (&meter::MADE_ROOM, |usage| usage.made_room),
    ];
    for (meter, of) in meters {
        readings.add(meter, components.iter().map(|component| (named(component), count(of(&component.usage)))));
    }
    let of_spin = |component| {
        let mut attributes = as_spin_names(component);
        attributes.push(text("trigger_type", "http"));
        attributes
    };
    readings.add(&meter::SPIN_REQUESTS, components.iter().map(|c| (of_spin(c), count(c.usage.requests))));
    readings.add(&meter::SPIN_MEMORY, components.iter().map(|c| (as_spin_names(c), count(c.usage.memory_bytes))));
}

fn timed(components: &[ComponentReport], readings: &mut Readings) {
    readings.add(&meter::CPU, components.iter().map(|c| (named(c), amount(seconds(c.usage.cpu_ms)))));
    readings.add(&meter::QUEUE, components.iter().map(|c| (named(c), amount(seconds(c.usage.queued_ms)))));
    let took = components.iter().map(|c| (named(c), c.usage.duration_buckets.clone(), seconds(c.usage.duration_ms)));
    readings.add_histogram(&meter::DURATION, &bounds(), took);
    // OTLP wants no sum without a count; a component that was warmed and not asked yet has computed already.
    let asked = components.iter().filter(|c| c.usage.requests > 0);
    let computed = asked.map(|c| (as_spin_names(c), [c.usage.requests], seconds(c.usage.cpu_ms)));
    readings.add_histogram(&meter::SPIN_CPU, &[], computed);
}

/// `http.server.request.duration`.
fn answered(components: &[ComponentReport], readings: &mut Readings) {
    let of_one = |component: &ComponentReport| {
        let named = as_spin_names(component);
        component.usage.answers.clone().into_iter().map(move |answers| {
            let mut attributes = named.clone();
            attributes.extend([
                text("http.request.method", answers.method),
                number("http.response.status_code", answers.status.into()),
                text("http.route", answers.route),
                text("url.scheme", answers.scheme),
            ]);
            if answers.status >= 500 {
                attributes.push(text("error.type", answers.status.to_string()));
            }
            (attributes, answers.buckets, seconds(answers.duration_us) / 1000.0)
        })
    };
    readings.add_histogram(&meter::HTTP_DURATION, &bounds(), components.iter().flat_map(of_one));
}

fn generations(components: &[ComponentReport], readings: &mut Readings) {
    let served = components.iter().map(|component| {
        let mut attributes = named(component);
        attributes
            .extend([text("version", component.version.as_str()), text("digest", short_digest(&component.digest))]);
        (attributes, count(1))
    });
    readings.add(&meter::GENERATION, served);
}

fn streamed(stats: &StreamStats, readings: &mut Readings) {
    let meters = [
        (&meter::STREAMS_OPEN, stats.open),
        (&meter::STREAMS_OPENED, stats.opened),
        (&meter::STREAMS_REFUSED, stats.refused),
        (&meter::STREAM_FRAMES, stats.frames),
    ];
    for (meter, now) in meters {
        readings.add(meter, [(vec![], count(now))]);
    }
}

/// What the process takes of its machine, where that says so.
fn taken(facts: &Value, readings: &mut Readings) {
    readings.add(&meter::PROCESS_UPTIME, [(vec![], amount(readings.seconds()))]);
    readings.add(&meter::PROCESS_MEMORY, facts["memory_bytes"].as_u64().map(|bytes| (vec![], count(bytes))));
    readings.add(&meter::PROCESS_CPU, facts["cpu_seconds"].as_f64().map(|seconds| (vec![], amount(seconds))));
}

fn named(component: &ComponentReport) -> Attributes {
    vec![text("component", component.id.as_str())]
}

fn as_spin_names(component: &ComponentReport) -> Attributes {
    vec![text("component_id", component.id.as_str())]
}

fn bounds() -> [f64; BOUNDS_MS.len()] {
    BOUNDS_MS.map(seconds)
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
