//! One shared connection to one Redis address. A Redis that is away costs its callers at most `ANSWER_WITHIN` and is
//! found again by itself; a connection that stopped answering is thrown away and made anew.
//!
//! An address that is allowed may be one of a Redis Cluster: its other nodes are the same service, so the connection goes
//! to the one that has the component's keys without its being listed too. Only the cluster itself says who they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use crate::edge::capabilities::bindings::redis::Error;
use crate::redis::home::{Home, Patience, is_connection_failure};

/// The longest a component waits for Redis. Clients are promised an answer within two seconds.
const ANSWER_WITHIN: Duration = Duration::from_millis(1500);
/// The longest one attempt to connect takes.
const CONNECT_WITHIN: Duration = Duration::from_millis(1000);
/// Different addresses the whole host keeps connections to.
const MAX_LINKS: usize = 64;

/// The host's connections, one per address with its credentials and database.
#[derive(Default)]
pub(crate) struct RedisPool(Mutex<HashMap<String, Arc<Link>>>);

impl RedisPool {
    /// The connection to `address`; nothing is connected before the first command.
    pub(crate) fn link(&self, address: &str) -> Result<Arc<Link>, Error> {
        let mut links = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(address) {
            return Ok(link.clone());
        }
        if links.len() >= MAX_LINKS {
            // A link that only the pool still holds has no component left that could use it.
            links.retain(|_, link| Arc::strong_count(link) > 1);
        }
        if links.len() >= MAX_LINKS {
            return Err(Error::TooManyConnections);
        }
        let patience = Patience { connect: CONNECT_WITHIN, answer: ANSWER_WITHIN };
        let link = Arc::new(Link(Home::open(address, patience).map_err(|_| Error::InvalidAddress)?));
        links.insert(address.to_owned(), link.clone());
        Ok(link)
    }
}

/// See the module.
pub(crate) struct Link(Home);

impl Link {
    /// Sends one command and waits for its answer.
    pub async fn run(&self, command: &Cmd) -> Result<Value, Error> {
        self.0.send(command).await.map_err(|error| failure(&error))
    }
}

/// What a component is told: Redis's own error as it is (scripts speak through them), of failed connections no address.
fn failure(error: &RedisError) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedReturnType => Error::TypeError,
        ErrorKind::Server(ServerErrorKind::ResponseError) if error.code() == Some("WRONGTYPE") => Error::TypeError,
        _ if error.is_timeout() => Error::Other("Redis did not answer in time".into()),
        _ if is_connection_failure(error) => {
            tracing::warn!(%error, "Redis is away");
            Error::Other("Redis is not reachable".into())
        }
        _ => match (error.code(), error.detail()) {
            (Some("WRONGTYPE"), _) => Error::TypeError,
            (Some(code), Some(detail)) => Error::Other(format!("{code} {detail}")),
            (Some(code), None) => Error::Other(code.to_owned()),
            (None, _) => Error::Other("Redis refused the command".into()),
        },
    }
}
