//! What time brings: signs of life, the ends of streams, and clients that take nothing. All subscribers are looked at, a few
//! times in the shortest of their spans: that costs a fraction of a millisecond for ten thousand, and no timer each.

use std::time::Duration;

use tokio::time::Instant;

use super::subscriber::{Fate, Subscriber};
use crate::stream::Shared;
use crate::stream::limits::Limits;
use crate::stream::timers::Due;

/// Between two looks.
const AT_LEAST: Duration = Duration::from_millis(5);
/// A heartbeat or an end may be late by so much.
const AT_MOST: Duration = Duration::from_millis(250);
/// While streams are to leave spread evenly.
const WHILE_DRAINING: Duration = Duration::from_millis(20);

/// How long to wait between two looks.
pub fn every(limits: &Limits, draining: bool) -> Duration {
    let shortest = limits.heartbeat_of(false).min(limits.stall).min(limits.max_age) / 8;
    shortest.clamp(AT_LEAST, if draining { WHILE_DRAINING } else { AT_MOST })
}

/// Whether anything is to be done about a subscriber.
pub fn is_due(subscriber: &Subscriber, limits: &Limits, now: Instant) -> bool {
    let waiting = &subscriber.waiting;
    waiting.deadlines.due(now).is_some() || waiting.slot.is_revoked() || subscriber.stands_still(now, limits.stall)
}

/// Does it.
pub fn attend(subscriber: &mut Subscriber, shared: &Shared, now: Instant) -> Fate {
    if subscriber.stands_still(now, shared.limits.stall) {
        let job_id = subscriber.waiting.subscription.topic().job();
        tracing::info!(%job_id, "client takes no events, closing its stream");
        shared.counters.stalled.add(1);
        return Fate::Close;
    }
    if subscriber.waiting.slot.is_revoked() {
        // What it has not taken yet is not for it any more either.
        return Fate::Close;
    }
    match subscriber.waiting.deadlines.due(now) {
        // What it has not taken yet comes first.
        Some(Due::Heartbeat) if !subscriber.is_behind() => {
            let heartbeat = subscriber.standing().heartbeat();
            subscriber.waiting.deadlines.sent(now);
            shared.counters.frames.add(1);
            subscriber.send(heartbeat, false, now)
        }
        Some(Due::Close(ending)) if !subscriber.is_leaving() => {
            let goodbye = subscriber.standing().goodbye(ending, shared);
            shared.counters.frames.add(usize::from(goodbye.is_some()));
            subscriber.send(goodbye.unwrap_or_default(), true, now)
        }
        _ => Fate::Keep,
    }
}
