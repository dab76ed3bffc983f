//! Deliveries of webhooks: handed out when they are due, and what came of each attempt.

use super::script;
use crate::ids::{FileId, JobId};
use crate::keys::Keyspace;
use crate::script::{Arg, Call, Command, Replies, UnexpectedReply};

/// Asks for deliveries that are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakeWebhooks<'a> {
    /// How long nobody else is handed the same one.
    pub lease_ms: u32,
    /// At most so many.
    pub most: u32,
    /// At most so many to one receiver at a time.
    pub most_to_one: u32,
    /// Calls under way, by receiver.
    pub under_way: &'a [(String, u32)],
}

/// One call to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// The same in every attempt: a receiver that has seen it is done.
    pub id: String,
    /// What it is about.
    pub job: JobId,
    /// The file, when it is about one.
    pub file: Option<FileId>,
    /// `job.completed`, `file.failed`, …
    pub event: String,
    /// Where to.
    pub url: String,
    /// Whose server that is: host and port.
    pub receiver: String,
    /// Signs it.
    pub secret: String,
    /// When it happened, milliseconds since 1970.
    pub created_at: i64,
    /// Attempts, this one included.
    pub attempts: u32,
    /// What a former attempt sent.
    pub body: Option<String>,
}

impl Command for TakeWebhooks<'_> {
    type Reply = Vec<WebhookDelivery>;

    fn call(&self, keys: &Keyspace) -> Call {
        let bounds = [Arg::from(self.lease_ms), self.most.into(), self.most_to_one.into()];
        let under_way = self.under_way.iter().flat_map(|(receiver, calls)| [Arg::from(receiver), (*calls).into()]);
        Call::new(script!("take_webhooks"), keys, bounds.into_iter().chain(under_way))
    }

    fn read(&self, mut replies: Replies) -> Result<Vec<WebhookDelivery>, UnexpectedReply> {
        let mut deliveries = Vec::new();
        while !replies.is_empty() {
            let (id, job, file) = (replies.text()?, replies.text()?, replies.text()?);
            let (event, url, secret) = (replies.text()?, replies.text()?, replies.text()?);
            let (created_at, attempts, body) = (replies.int()?, replies.int()?, replies.text()?);
            let receiver = replies.text()?;
            deliveries.push(WebhookDelivery {
                id,
                job: JobId::parse(&job).map_err(|_| replies.unexpected("a job id was expected"))?,
                file: FileId::parse(&file).ok(),
                event,
                url,
                receiver,
                secret,
                created_at,
                attempts: u32::try_from(attempts).unwrap_or_default(),
                body: Some(body).filter(|body| !body.is_empty()),
            });
        }
        Ok(deliveries)
    }
}

/// Keeps what the first attempt sends, so that every attempt sends the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepWebhookBody<'a> {
    /// The delivery.
    pub id: &'a str,
    /// What is to be sent.
    pub body: &'a str,
}

impl Command for KeepWebhookBody<'_> {
    /// What is kept: another's, when somebody was first. `None` when the delivery is gone.
    type Reply = Option<String>;

    fn call(&self, keys: &Keyspace) -> Call {
        Call::new(script!("keep_webhook_body"), keys, [Arg::from(self.id), self.body.into()])
    }

    fn read(&self, mut replies: Replies) -> Result<Option<String>, UnexpectedReply> {
        Ok(Some(replies.text()?).filter(|body| !body.is_empty()))
    }
}

/// What comes after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookNext {
    /// The receiver has it.
    Delivered,
    /// Another attempt after this.
    Again {
        /// Milliseconds.
        in_ms: u32,
    },
    /// No more attempts.
    GivenUp,
}

/// Notes what came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettleWebhook<'a> {
    /// The delivery.
    pub id: &'a str,
    /// What comes next.
    pub next: WebhookNext,
    /// HTTP status of the receiver's answer, when there was one.
    pub response_status: Option<u16>,
    /// What went wrong, in a word for the owner.
    pub error: &'a str,
}

impl Command for SettleWebhook<'_> {
    /// Whether the delivery was still known.
    type Reply = bool;

    fn call(&self, keys: &Keyspace) -> Call {
        let (status, delay) = match self.next {
            WebhookNext::Delivered => ("delivered", 0),
            WebhookNext::Again { in_ms } => ("pending", in_ms),
            WebhookNext::GivenUp => ("failed", 0),
        };
        let response = u32::from(self.response_status.unwrap_or_default());
        let args = [Arg::from(self.id), status.into(), response.into(), self.error.into(), delay.into()];
        Call::new(script!("settle_webhook"), keys, args)
    }

    fn read(&self, mut replies: Replies) -> Result<bool, UnexpectedReply> {
        Ok(replies.text()? == "ok")
    }
}
