//! A model of FAL.AI as far as money goes: what it accepts runs and is billed, whatever becomes of the answer; its history is
//! a little behind, or cannot be read at all.

use crate::dice::Dice;

/// The history knows a request this long after it was accepted.
pub const HISTORY_LAG: i64 = 1500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Model,
    Error,
    /// Cancelled before it ran: not billed.
    Cancelled,
}

#[derive(Debug, Clone)]
pub struct Request {
    pub id: String,
    pub file: String,
    pub url: String,
    accepted_at: i64,
    runs_at: i64,
    ends_at: i64,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Queued,
    Running,
    Ended(Fate),
}

/// What the sender of a submit hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Accepted(String),
    /// Surely not accepted, for the moment.
    Busy,
    /// The account is refused.
    Account,
    /// No answer: accepted or not.
    Lost,
}

#[derive(Default)]
pub struct Fal {
    pub requests: Vec<Request>,
    /// The history cannot be read.
    pub blind: bool,
    /// The account is refused until then.
    pub refuses_until: i64,
}

impl Fal {
    pub fn submit(&mut self, file: &str, url: &str, now: i64, dice: &mut Dice) -> Answer {
        if now < self.refuses_until {
            return Answer::Account;
        }
        match dice.below(20) {
            0 => return Answer::Busy,
            1 => return Answer::Lost,
            _ => {}
        }
        let id = format!("r{}", self.requests.len());
        let runs_at = now + dice.between(0, 8000);
        let fate = if dice.percent(15) { Fate::Error } else { Fate::Model };
        let ends_at = runs_at + dice.between(500, 20_000);
        let (file, url) = (file.to_owned(), url.to_owned());
        self.requests.push(Request { id: id.clone(), file, url, accepted_at: now, runs_at, ends_at, fate });
        if dice.percent(15) { Answer::Lost } else { Answer::Accepted(id) }
    }

    pub fn status(&self, id: &str, now: i64) -> Status {
        let request = self.requests.iter().find(|request| request.id == id).unwrap();
        request.status(now)
    }

    /// Stops a request that has not begun; one that runs goes on and is billed.
    pub fn cancel(&mut self, id: &str, now: i64) {
        let request = self.requests.iter_mut().find(|request| request.id == id).unwrap();
        if request.status(now) == Status::Queued {
            request.fate = Fate::Cancelled;
            request.runs_at = now;
            request.ends_at = now;
        }
    }

    /// The newest request of a file, or of one of its images, that gave or may give a model. `Err` when it cannot be told.
    pub fn look_up(&self, file: &str, url: Option<&str>, now: i64) -> Result<Option<&Request>, ()> {
        if self.blind {
            return Err(());
        }
        let known = self.requests.iter().rev().filter(|request| request.accepted_at + HISTORY_LAG <= now);
        let mut wanted = known.filter(|request| request.file == file && url.is_none_or(|url| request.url == url));
        match url {
            Some(_) => Ok(wanted.next()),
            None => {
                Ok(wanted.find(|request| !matches!(request.status(now), Status::Ended(Fate::Error | Fate::Cancelled))))
            }
        }
    }

    /// How many models of this file were or will be billed.
    pub fn bills(&self, file: &str) -> usize {
        self.requests.iter().filter(|request| request.file == file && request.fate == Fate::Model).count()
    }
}

impl Request {
    fn status(&self, now: i64) -> Status {
        if now >= self.ends_at {
            Status::Ended(self.fate)
        } else if now >= self.runs_at {
            Status::Running
        } else {
            Status::Queued
        }
    }
}
