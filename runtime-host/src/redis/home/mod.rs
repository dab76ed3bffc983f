//! The node that serves us: the one that the URL names or, in a Redis Cluster, the one that has the slot of our keys.
//!
//! All keys of a cell share a slot, so one node is enough, and one multiplexed connection to it. Another is looked for when
//! ours says that the slot has moved, or is lost: each call tries one node, and any node of the cluster names the right
//! one. Bounded: a call takes at most its patience, and follows at most `MOST_MOVES` times.
//!
//! `MOVED` is believed only where the cluster itself counts the named node among its own: a script may answer what it
//! likes. `ASK` is not followed: a slot on its way has its keys on two nodes, where a script would see half of them. The
//! call fails as one that may succeed later, and does once the slot has arrived.

mod nodes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, Pipeline, RedisError, RedisResult,
    ServerErrorKind, Value,
};

/// How often one call lets itself be sent on.
const MOST_MOVES: usize = 2;

/// How long a caller waits at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For an answer, connecting and being sent on included.
    pub answer: Duration,
}

/// See the module.
pub(crate) struct Home {
    /// What the URL says: credentials and database hold for every node.
    seed: ConnectionInfo,
    patience: Patience,
    place: Arc<Mutex<Place>>,
}

/// Where we are.
struct Place {
    /// Grows with every connection, so that a late failure of an old one does not cost the new one.
    generation: u64,
    at: ConnectionAddr,
    manager: Option<ConnectionManager>,
    /// The nodes of the cluster as last seen; none when it is none.
    nodes: Vec<ConnectionAddr>,
}

/// What is sent at once.
enum Request<'a> {
    One(&'a Cmd),
    All(&'a Pipeline),
}

impl Home {
    /// Prepares it; nothing is connected before the first call. Needs a Tokio runtime then.
    pub fn open(url: &str, patience: Patience) -> RedisResult<Self> {
        Ok(Self::at(Client::open(url)?.get_connection_info().clone(), patience))
    }

    /// The same Redis over a connection of its own.
    pub fn another(&self, patience: Patience) -> Self {
        Self::at(self.seed.clone(), patience)
    }

    /// How long its callers wait.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    fn at(seed: ConnectionInfo, patience: Patience) -> Self {
        let place = Place { generation: 0, at: seed.addr().clone(), manager: None, nodes: Vec::new() };
        Self { seed, patience, place: Arc::new(Mutex::new(place)) }
    }

    /// Sends one command and waits for its answer.
    pub async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let answer = self.exchange(Request::One(command)).await?.into_iter().next();
        answer.unwrap_or(Value::Nil).extract_error()
    }

    /// Sends several commands on one connection, one directly behind the other. Each answer may be an error.
    pub async fn send_all(&self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        self.exchange(Request::All(commands)).await
    }

    /// A connection of its own to where we are.
    pub async fn connection(&self, config: &AsyncConnectionConfig) -> RedisResult<MultiplexedConnection> {
        let at = self.place().at.clone();
        self.client(at)?.get_multiplexed_async_connection_with_config(config).await
    }

    async fn exchange(&self, request: Request<'_>) -> RedisResult<Vec<Value>> {
        let mut used = 0;
        let work = async {
            let mut moves = 0;
            loop {
                let (generation, mut manager) = self.manager()?;
                used = generation;
                let answers = request.on(&mut manager).await.and_then(refused_as_a_whole);
                match answers {
                    Err(error) if is_moved(&error) && moves < MOST_MOVES => {
                        moves += 1;
                        self.follow(generation, &mut manager, error).await?;
                    }
                    Err(error) => {
                        if is_lost(&error) {
                            self.leave(generation);
                        }
                        return Err(error);
                    }
                    Ok(answers) => return Ok(answers),
                }
            }
        };
        match tokio::time::timeout(self.patience.answer, work).await {
            Ok(answers) => answers,
            Err(_) => {
                self.leave(used);
                tracing::warn!(waited_ms = self.patience.answer.as_millis() as u64, "Redis did not answer");
                Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into())
            }
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn client(&self, at: ConnectionAddr) -> RedisResult<Client> {
        Client::open(self.seed.clone().set_addr(at))
    }

    fn lazy(&self, at: ConnectionAddr) -> RedisResult<ConnectionManager> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_millis(500))
            .set_connection_timeout(Some(self.patience.connect))
            .set_response_timeout(None);
        ConnectionManager::new_lazy_with_config(self.client(at)?, config)
    }

    /// The connection, and which one it is.
    fn manager(&self) -> RedisResult<(u64, ConnectionManager)> {
        let mut place = self.place();
        if let Some(manager) = &place.manager {
            return Ok((place.generation, manager.clone()));
        }
        let manager = self.lazy(place.at.clone())?;
        place.generation += 1;
        place.manager = Some(manager.clone());
        tokio::spawn(learn(self.place.clone(), place.generation, place.at.clone(), manager.clone(), self.patience));
        Ok((place.generation, manager))
    }

    /// Goes where `MOVED` says. Somebody else may have done so meanwhile.
    async fn follow(&self, generation: u64, manager: &mut ConnectionManager, moved: RedisError) -> RedisResult<()> {
        let at = self.place().at.clone();
        let Some(named) = moved.redirect_node().and_then(|(node, _)| nodes::named(&at, node)) else {
            return Err(moved);
        };
        let nodes = nodes::of_cluster(manager, &at).await.unwrap_or_default();
        if !nodes.contains(&named) {
            return Err(moved);
        }
        let mut place = self.place();
        if place.generation == generation {
            tracing::info!(node = %named, "another node of the Redis Cluster has the keys");
            place.manager = Some(self.lazy(named.clone())?);
            place.generation += 1;
            place.at = named;
            place.nodes = nodes;
        }
        Ok(())
    }

    /// The connection is of no use: the next call makes one, to the next node if there are several.
    fn leave(&self, generation: u64) {
        let mut place = self.place();
        if place.generation == generation {
            place.manager = None;
            place.at = nodes::after(&place.at, self.seed.addr(), &place.nodes);
        }
    }
}

impl Request<'_> {
    async fn on(&self, manager: &mut ConnectionManager) -> RedisResult<Vec<Value>> {
        match self {
            Self::One(command) => Ok(vec![manager.send_packed_command(command).await?]),
            Self::All(commands) => manager.send_packed_commands(commands, 0, commands.len()).await,
        }
    }
}

/// Looks which nodes there are, so that another can be asked when this one is gone.
async fn learn(
    place: Arc<Mutex<Place>>,
    generation: u64,
    at: ConnectionAddr,
    mut manager: ConnectionManager,
    patience: Patience,
) {
    let Ok(Ok(nodes)) = tokio::time::timeout(patience.answer, nodes::of_cluster(&mut manager, &at)).await else {
        return;
    };
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if place.generation == generation {
        place.nodes = nodes;
    }
}

/// A first command that this node does not take says so of all that went with it: their keys share a slot.
fn refused_as_a_whole(answers: Vec<Value>) -> RedisResult<Vec<Value>> {
    match answers.first() {
        Some(Value::ServerError(error)) => {
            let error = RedisError::from(error.clone());
            if is_moved(&error) || is_lost(&error) { Err(error) } else { Ok(answers) }
        }
        _ => Ok(answers),
    }
}

fn is_moved(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::Moved)
}

/// Whether the connection is of no more use: broken, or to a node that was demoted, for which the name may stand no more.
fn is_lost(error: &RedisError) -> bool {
    is_connection_failure(error) || error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

/// Whether the connection failed, rather than Redis refused.
pub(crate) fn is_connection_failure(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped() || error.is_timeout()
}
