//! The metrics of the work itself: how long files wait here and at FAL.AI, what went wrong on the way, and what it cost. In sum:
//! what one tenant cost is for operators alone (`/admin/tenants`).

use image2model_domain::commands::{BreakerKind, QueueStates};
use image2model_domain::counters::{Counters, DURATION_BOUNDS, Durations};
use image2model_domain::queue::Queue;

use super::exposition::{Family, Kind, Labels, number};

/// Kinds of trouble that hold submits back.
const KINDS: [BreakerKind; 2] = [BreakerKind::Account, BreakerKind::Outage];

/// Those that are counted.
pub(super) fn counted(counters: &Counters) -> Vec<Family> {
    let total = |name, help, field| Family::new(Kind::Counter, name, help).with(number(counters.get(field)));
    let help = "What generations cost, as far as FAL.AI bills them by result, in dollars.";
    let cost = Family::new(Kind::Counter, "image2model_cost_usd", help);
    vec![
        claim_waits(counters),
        provider_waits(counters),
        total(
            "image2model_fence_refusals",
            "Steps refused because their worker holds the file no more.",
            "fence_refusals",
        ),
        total("image2model_submits_reconciled", "Submits without an answer whose request was found.", "reconciled"),
        total(
            "image2model_possible_duplicates",
            "Images that may have been billed twice: a submit was sent anew whose fate is unknown.",
            "possible_duplicates",
        ),
        total("image2model_orphan_requests", "Requests at FAL.AI that no file had a use for.", "orphans"),
        cost.with(number(counters.get("cost_micro_usd")) / 1e6),
        trips(counters),
    ]
}

/// Those that are as they are now.
pub(super) fn standing(states: &QueueStates) -> Vec<Family> {
    let help = "1 while submits to FAL.AI are held back, by why.";
    let mut open = Family::new(Kind::Gauge, "image2model_fal_breaker_open", help);
    for kind in KINDS {
        let is_open = states.breaker.is_some_and(|breaker| breaker.kind == kind);
        open.add(labelled(kind), f64::from(u8::from(is_open)));
    }
    let help = "Requests at FAL.AI that no file has a use for, still to be cancelled.";
    vec![open, Family::new(Kind::Gauge, "image2model_orphan_requests_open", help).with(number(states.orphans))]
}

fn labelled(kind: BreakerKind) -> Labels {
    vec![("kind", kind.as_str().to_owned())]
}

fn trips(counters: &Counters) -> Family {
    let help = "Times that trouble at FAL.AI began, or went on after a pause, by what it was.";
    let mut trips = Family::new(Kind::Counter, "image2model_fal_breaker_trips", help);
    for kind in KINDS {
        trips.add(labelled(kind), number(counters.get(&format!("breaker_trips:{}", kind.as_str()))));
    }
    trips
}

fn claim_waits(counters: &Counters) -> Family {
    let help = "How long files had waited in line when a worker took them.";
    let mut waits = Family::new(Kind::Histogram, "image2model_queue_wait_seconds", help);
    for lane in Queue::LANES {
        add(&mut waits, vec![("queue", lane.as_str().to_owned())], &counters.claim_waits(lane));
    }
    waits
}

fn provider_waits(counters: &Counters) -> Family {
    let help = "How long requests waited in FAL.AI's queue before they ran.";
    let mut waits = Family::new(Kind::Histogram, "image2model_fal_queue_seconds", help);
    add(&mut waits, vec![], &counters.provider_waits());
    waits
}

/// Adds times that were counted in Redis.
pub(super) fn add(family: &mut Family, labels: Labels, durations: &Durations) {
    let bounds = DURATION_BOUNDS.map(f64::from);
    family.add_histogram(&labels, &bounds, &durations.buckets, number(durations.sum_ms) / 1000.0);
}
