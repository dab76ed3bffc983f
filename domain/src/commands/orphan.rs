//! Requests at the provider that no file has a use for any more: remembered until they are cancelled, and have ended.

use super::script;
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Remembers a request that is to be cancelled, by its id or, where a submit's answer is not known, by what it was to be
/// given. Kept for a day at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOrphan<'a> {
    /// The model's endpoint.
    pub endpoint: &'a str,
    /// The request's id, when it is known.
    pub request_id: Option<&'a str>,
    /// The image's URL at the provider, to look it up by.
    pub image_url: Option<&'a str>,
    /// The job it was made for.
    pub job: &'a str,
    /// The file it was made for.
    pub file: &'a str,
    /// When the submit was announced, ms since 1970.
    pub intended_at: i64,
    /// Not to be tried before.
    pub delay_ms: u32,
    /// The provider has been asked to cancel it: only its end is waited for.
    pub told: bool,
}

impl Command for AddOrphan<'_> {
    type Reply = ();

    fn call(&self, keys: &Keyspace) -> Call {
        let args = [
            Arg::from(self.endpoint),
            self.request_id.unwrap_or_default().into(),
            self.image_url.unwrap_or_default().into(),
            self.job.into(),
            self.file.into(),
            self.intended_at.into(),
            self.delay_ms.into(),
            self.told.into(),
        ];
        Call::new(script!("add_orphan", [queue, ending]), keys, args)
    }

    fn read(&self, _replies: Replies) -> Result<(), UnexpectedReply> {
        Ok(())
    }
}

/// A request that is to be cancelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Names it for [`SettleOrphan`].
    pub id: String,
    /// The model's endpoint.
    pub endpoint: String,
    /// The request's id, when it is known.
    pub request_id: Option<String>,
    /// The image's URL at the provider, to look it up by.
    pub image_url: Option<String>,
    /// The job it was made for.
    pub job: String,
    /// The file it was made for.
    pub file: String,
    /// When the submit was announced, ms since 1970.
    pub intended_at: i64,
    /// Since when it is remembered, ms since 1970.
    pub added_at: i64,
    /// How often it was handed out, this time included.
    pub tries: u32,
    /// How often in a row the provider has said that it does not know it.
    pub denials: u32,
}

/// Takes orphans that are due. One that is not settled within the lease is due again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakeOrphans {
    /// How long they are this caller's.
    pub lease_ms: u32,
    /// At most so many.
    pub most: u32,
}

impl Command for TakeOrphans {
    type Reply = Vec<Orphan>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("take_orphans"), keys, [Arg::from(self.lease_ms), self.most.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Vec<Orphan>, UnexpectedReply> {
        let mut orphans = Vec::new();
        while !replies.is_empty() {
            let (id, endpoint) = (replies.text()?, replies.text()?);
            let mut optional = || Ok(Some(replies.text()?).filter(|text| !text.is_empty()));
            let (request_id, image_url) = (optional()?, optional()?);
            orphans.push(Orphan {
                id,
                endpoint,
                request_id,
                image_url,
                job: replies.text()?,
                file: replies.text()?,
                intended_at: replies.int()?,
                added_at: replies.int()?,
                tries: u32::try_from(replies.int()?).unwrap_or_default(),
                denials: u32::try_from(replies.int()?).unwrap_or_default(),
            });
        }
        Ok(orphans)
    }
}

/// What is to become of an orphan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrphanNext {
    /// It is over, or cannot be found.
    Done {
        /// What it cost all the same, in millionths of a dollar.
        cost_micro_usd: u64,
    },
    /// It is to be tried again.
    Again {
        /// After this.
        in_ms: u32,
        /// The provider has been asked to cancel it.
        told: bool,
        /// The provider has said that it does not know it.
        denied: bool,
    },
}

/// Says what came of a try. Said again, it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettleOrphan<'a> {
    /// Which.
    pub id: &'a str,
    /// What comes now.
    pub next: OrphanNext,
}

impl Command for SettleOrphan<'_> {
    type Reply = ();

    fn call(&self, keys: &Keyspace) -> Call {
        let (retry, told, denied, cost) = match self.next {
            OrphanNext::Done { cost_micro_usd } => (-1_i64, false, false, cost_micro_usd),
            OrphanNext::Again { in_ms, told, denied } => (i64::from(in_ms), told, denied, 0),
        };
        let args = [Arg::from(self.id), retry.into(), told.into(), cost.into(), denied.into()];
        Call::new(script!("settle_orphan"), keys, args)
    }

    fn read(&self, _replies: Replies) -> Result<(), UnexpectedReply> {
        Ok(())
    }
}
