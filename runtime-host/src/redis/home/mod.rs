//! The node that serves us: the one that the URL names or, in a Redis Cluster, the one that has the slot of our keys.
//!
//! All keys of a cell share a slot, so one node is enough, and one multiplexed connection to it. Another is looked for when
//! ours says that the slot has moved, or is lost: each call tries one node, and any node of the cluster names the right
//! one. Bounded: a call takes at most its patience, and follows at most `MOST_MOVES` times.
//!
//! `MOVED` is believed only where the cluster itself counts the named node among its own: a script may answer what it
//! likes. Where not everybody is to be gone to (`Nodes`), it is the caller who is told that the keys have moved. `ASK` is not followed: a slot on its way has its keys on two nodes, where a script would see half of them. The
//! call fails as one that may succeed later, and does once the slot has arrived.

mod bounded;
mod line;
mod nodes;

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, Pipeline, RedisError, RedisResult,
    ServerErrorKind, Value,
};
use parking_lot::Mutex;

pub(crate) use bounded::{LARGEST_ANSWER, TooLarge};
use line::Line;
pub(crate) use line::Resolver;
pub(crate) use nodes::Nodes;

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
    /// Says what names mean, where it is not the system.
    resolver: Option<Resolver>,
    /// Which nodes it may be sent on to, where those are not all of the cluster.
    nodes: Option<Nodes>,
    place: Arc<Mutex<Place>>,
}

/// Where we are.
struct Place {
    /// Grows with every connection, so that a late failure of an old one does not cost the new one.
    generation: u64,
    at: ConnectionAddr,
    line: Option<Line>,
    /// The nodes of the cluster as last seen; none when it is none.
    nodes: Vec<ConnectionAddr>,
}

impl Place {
    /// The connection, unless it has ended since.
    fn line(&self) -> Option<&Line> {
        self.line.as_ref().filter(|line| !line.is_over())
    }
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

    /// The same, where `resolver` says what names mean, those of other nodes too.
    pub fn resolved_by(self, resolver: Resolver) -> Self {
        Self { resolver: Some(resolver), ..self }
    }

    /// The same, which goes to no other nodes than these.
    pub fn within(self, nodes: Nodes) -> Self {
        Self { nodes: Some(nodes), ..self }
    }

    /// The same Redis over a connection of its own.
    pub fn another(&self, patience: Patience) -> Self {
        let (resolver, nodes) = (self.resolver.clone(), self.nodes.clone());
        Self { resolver, nodes, ..Self::at(self.seed.clone(), patience) }
    }

    /// How long its callers wait.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    fn at(seed: ConnectionInfo, patience: Patience) -> Self {
        let place = Place { generation: 0, at: seed.addr().clone(), line: None, nodes: Vec::new() };
        Self { seed, patience, resolver: None, nodes: None, place: Arc::new(Mutex::new(place)) }
    }

    /// Whether a connection is kept.
    pub fn is_open(&self) -> bool {
        self.place.lock().line().is_some()
    }

    /// Lets the connection go; the next call makes another. Calls under way are not disturbed.
    pub fn close(&self) {
        self.place.lock().line = None;
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
        let at = self.place.lock().at.clone();
        self.client(at)?.get_multiplexed_async_connection_with_config(config).await
    }

    async fn exchange(&self, request: Request<'_>) -> RedisResult<Vec<Value>> {
        let mut used = 0;
        let work = async {
            let mut moves = 0;
            loop {
                let (generation, line) = self.line()?;
                used = generation;
                let answers = request.on(&line).await.and_then(refused_as_a_whole);
                match answers {
                    Err(error) if is_moved(&error) && moves < MOST_MOVES => {
                        moves += 1;
                        self.follow(generation, &line, error).await?;
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

    fn client(&self, at: ConnectionAddr) -> RedisResult<Client> {
        Client::open(self.seed.clone().set_addr(at))
    }

    fn lazy(&self, at: ConnectionAddr) -> RedisResult<Line> {
        Ok(Line::to(self.client(at)?, self.resolver.as_ref(), self.patience.connect))
    }

    /// The connection, and which one it is.
    fn line(&self) -> RedisResult<(u64, Line)> {
        let mut place = self.place.lock();
        if let Some(line) = place.line() {
            return Ok((place.generation, line.clone()));
        }
        let line = self.lazy(place.at.clone())?;
        place.generation += 1;
        place.line = Some(line.clone());
        let (generation, at) = (place.generation, place.at.clone());
        tokio::spawn(learn(self.place.clone(), generation, at, line.clone(), self.nodes.clone(), self.patience));
        Ok((place.generation, line))
    }

    /// Goes where `MOVED` says. Somebody else may have done so meanwhile.
    async fn follow(&self, generation: u64, line: &Line, moved: RedisError) -> RedisResult<()> {
        let at = self.place.lock().at.clone();
        let Some(named) = moved.redirect_node().and_then(|(node, _)| nodes::named(&at, node)) else {
            return Err(moved);
        };
        let nodes = nodes::of_cluster(line, &at, self.nodes.as_ref()).await.unwrap_or_default();
        if !nodes.contains(&named) {
            return Err(moved);
        }
        let mut place = self.place.lock();
        if place.generation == generation {
            tracing::info!(node = %named, "another node of the Redis Cluster has the keys");
            place.line = Some(self.lazy(named.clone())?);
            place.generation += 1;
            place.at = named;
            place.nodes = nodes;
        }
        Ok(())
    }

    /// The connection is of no use: the next call makes one, to the next node if there are several.
    fn leave(&self, generation: u64) {
        let mut place = self.place.lock();
        if place.generation == generation {
            place.line = None;
            place.at = nodes::after(&place.at, self.seed.addr(), &place.nodes);
        }
    }
}

impl Request<'_> {
    async fn on(&self, line: &Line) -> RedisResult<Vec<Value>> {
        match self {
            Self::One(command) => Ok(vec![line.send(command).await?]),
            Self::All(commands) => line.send_all(commands).await,
        }
    }
}

/// Looks which nodes there are, so that another can be asked when this one is gone.
async fn learn(
    place: Arc<Mutex<Place>>,
    generation: u64,
    at: ConnectionAddr,
    line: Line,
    within: Option<Nodes>,
    patience: Patience,
) {
    let nodes = nodes::of_cluster(&line, &at, within.as_ref());
    let Ok(Ok(nodes)) = tokio::time::timeout(patience.answer, nodes).await else { return };
    let mut place = place.lock();
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
