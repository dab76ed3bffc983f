//! Holds what a client told against the stream it followed: its first event is the state, nothing comes twice, nothing is
//! left out but progress that was outdated, the last event is the job's last, and then there is an end.

use std::collections::BTreeMap;

use serde_json::Value;

use super::recorder::Told;
use super::truth::{Entries, Id, Truth, id};

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    pub events: usize,
    pub reconnections: usize,
    pub resets: usize,
    /// Entries that were left out for later ones.
    pub outdated: usize,
    /// What must not be, a line each.
    pub wrong: Vec<String>,
}

/// All clients, by `JOB/NAME`.
pub fn all(told: &BTreeMap<String, Told>, truth: &Truth) -> Found {
    let mut found = Found::default();
    for (name, told) in told {
        let job = name.split('/').next().unwrap();
        found.events += told.events.len();
        found.reconnections += told.opened.saturating_sub(1);
        let mut client = Client { job, truth, entries: truth.kept(job), reached: None, resets: 0, outdated: 0 };
        let seen = told.events.iter().try_for_each(|(id, data)| client.see(id, data));
        let end = seen.and_then(|()| client.end(told));
        found.resets += client.resets;
        found.outdated += client.outdated;
        if let Err(what) = end {
            let ids: Vec<String> = told.events.iter().map(|(id, data)| format!("{id} {}", data["type"])).collect();
            found.wrong.push(format!("{name}: {what}; it saw {ids:?} of {:?}", client.entries.keys()));
        }
    }
    found
}

struct Client<'a> {
    job: &'a str,
    truth: &'a Truth,
    entries: Entries,
    /// Everything up to here was seen.
    reached: Option<Id>,
    resets: usize,
    outdated: usize,
}

impl Client<'_> {
    fn see(&mut self, name: &str, data: &Value) -> Result<(), String> {
        // `EPOCH-MS-SEQ`, then `.sN` for a part of a snapshot.
        let place = name.split_once('-').ok_or("an id without an epoch")?.1;
        let (place, part) = place.split_once('.').map_or((place, None), |(place, part)| (place, Some(part)));
        let place = id(place).ok_or("an id without a place")?;
        if data["type"] == "reset" {
            self.resets += 1;
            self.reached = None;
            return Ok(());
        }
        match (self.reached, part) {
            (None, Some(_)) => Ok(()),
            // The last event of a snapshot.
            (None, None) => {
                self.reached = Some(place);
                Ok(())
            }
            (Some(_), Some(_)) => Err(format!("{name} is the state once more, without a reset")),
            (Some(reached), None) if place <= reached => Err(format!("{name} came after {reached:?}")),
            (Some(reached), None) => {
                self.nothing_between(reached, place)?;
                if !self.entries.contains_key(&place) && !self.truth.was_lost(self.job, place) {
                    return Err(format!("{name} was never in the stream"));
                }
                self.reached = Some(place);
                Ok(())
            }
        }
    }

    /// Everything between two places that were seen one after the other is outdated by something later of the same file.
    fn nothing_between(&mut self, from: Id, to: Id) -> Result<(), String> {
        use std::ops::Bound::{Excluded, Unbounded};
        for (place, missed) in self.entries.range((Excluded(from), Excluded(to))) {
            let file = &missed["file_id"];
            let later = |(_, data): (&Id, &Value)| data["file_id"] == *file && data["type"] != "log";
            let outdated = missed["type"] == "progress"
                && !file.is_null()
                && self.entries.range((Excluded(*place), Unbounded)).any(later);
            if !outdated {
                return Err(format!("{place:?} is missing between {from:?} and {to:?}: {missed}"));
            }
            self.outdated += 1;
        }
        Ok(())
    }

    fn end(&self, told: &Told) -> Result<(), String> {
        let newest = self.entries.keys().next_back().copied();
        let (_, last) = told.events.last().ok_or("it saw nothing")?;
        if last["type"] != "job" || last["status"] != "completed" {
            return Err(format!("its last event is {last}"));
        }
        if self.reached != newest && !self.reached.is_some_and(|id| self.truth.was_lost(self.job, id)) {
            return Err(format!("it came to {:?}, the stream to {newest:?}", self.reached));
        }
        if told.closed { Ok(()) } else { Err("it was not told to come no more".to_owned()) }
    }
}
