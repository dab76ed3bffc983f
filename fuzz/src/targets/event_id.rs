//! `Last-Event-ID`: what a client sends back when it reconnects.

use image2model_host::stream::EventId;

use crate::{Complaint, Outcome, Target};

pub(super) const TARGET: Target = Target {
    name: "last-event-id",
    run,
    dictionary: &[
        b"-",
        b".",
        b".s",
        b"18446744073709551615",
        b"18446744073709551616",
        b"0",
        b"-0-0",
        b"+1",
        b"\xd9\xa1",
        b"--",
    ],
    mend: None,
    longest: 512,
};

fn run(input: &[u8]) -> Result<Outcome, Complaint> {
    let text = String::from_utf8_lossy(input);
    let Some(event) = EventId::parse(&text) else { return Ok(Outcome::of(("none", input.len().min(170)))) };
    let written = event.to_string();
    if EventId::parse(&written) != Some(event.clone()) {
        return Err(format!("{text:?} is read as {event:?} and written as {written:?}, which is read otherwise"));
    }
    Ok(Outcome::of((std::mem::discriminant(&event.position.part), event.epoch.len(), written.len())))
}
