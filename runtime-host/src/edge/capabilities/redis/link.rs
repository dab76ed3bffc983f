//! One shared connection to one Redis address. A Redis that is away costs its callers at most `ANSWER_WITHIN` and is
//! found again by itself; a connection that stopped answering is thrown away and made anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use crate::edge::capabilities::bindings::redis::Error;

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
    pub(super) fn link(&self, address: &str) -> Result<Arc<Link>, Error> {
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
        let client = Client::open(address).map_err(|_| Error::InvalidAddress)?;
        let link = Arc::new(Link { client, manager: Mutex::default() });
        links.insert(address.to_owned(), link.clone());
        Ok(link)
    }
}

/// See the module.
pub(super) struct Link {
    client: Client,
    manager: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    /// Which manager of its line this is, so that a late failure of an old one does not cost the new one.
    generation: u64,
    manager: Option<ConnectionManager>,
}

impl Link {
    /// Sends one command and waits for its answer.
    pub async fn run(&self, command: &Cmd) -> Result<Value, Error> {
        let (generation, mut manager) = self.manager()?;
        match tokio::time::timeout(ANSWER_WITHIN, manager.send_packed_command(command)).await {
            Ok(Ok(value)) => value.extract_error().map_err(|error| failure(&error)),
            Ok(Err(error)) => {
                if is_connection_failure(&error) {
                    self.forget(generation);
                }
                Err(failure(&error))
            }
            Err(_) => {
                self.forget(generation);
                tracing::warn!(waited_ms = ANSWER_WITHIN.as_millis() as u64, "Redis did not answer");
                Err(Error::Other("Redis did not answer in time".into()))
            }
        }
    }

    fn manager(&self) -> Result<(u64, ConnectionManager), Error> {
        let mut slot = self.manager.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(manager) = &slot.manager {
            return Ok((slot.generation, manager.clone()));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(None)
            .set_number_of_retries(0);
        let manager =
            ConnectionManager::new_lazy_with_config(self.client.clone(), config).map_err(|error| failure(&error))?;
        slot.generation += 1;
        slot.manager = Some(manager.clone());
        Ok((slot.generation, manager))
    }

    fn forget(&self, generation: u64) {
        let mut slot = self.manager.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.generation == generation {
            slot.manager = None;
        }
    }
}

fn is_connection_failure(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped() || error.is_timeout()
}

/// What a component is told: Redis's own error as it is (scripts speak through them), of failed connections no address.
fn failure(error: &RedisError) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedReturnType => Error::TypeError,
        ErrorKind::Server(ServerErrorKind::ResponseError) if error.code() == Some("WRONGTYPE") => Error::TypeError,
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
