//! One shared connection to one Redis address. A Redis that is away costs its callers at most `ANSWER_WITHIN` and is
//! found again by itself; a connection that stopped answering is thrown away and made anew.
//!
//! An address that is allowed may be one of a Redis Cluster. The connection goes to the node that has the component's keys
//! where that one is allowed too: what a Redis says of its nodes may be anything, and the component's author may be who says
//! it. Only the service's own Redis is believed, as the operator named it. Where a wildcard let the address through, no node
//! is reached at a private address, whatever its name says by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value};

use super::ANSWER_TOO_LARGE;
use super::operations::typed;
use crate::edge::capabilities::bindings::redis::Error;
use crate::edge::capabilities::names::Names;
use crate::edge::capabilities::{AllowedHosts, Reach};
use crate::redis::home::{Home, Nodes, Patience, Resolver, TooLarge, is_connection_failure};
use crate::trace;

/// The longest a component waits for Redis. Clients are promised an answer within two seconds.
const ANSWER_WITHIN: Duration = Duration::from_millis(1500);
/// The longest one attempt to connect takes.
const CONNECT_WITHIN: Duration = Duration::from_millis(1000);

/// Redis's own.
pub(crate) const REDIS_PORT: u16 = 6379;

/// How far a connection leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Leads {
    /// Which addresses it takes names for.
    pub reach: Reach,
    /// Which nodes of a cluster it goes to; all of them without.
    pub nodes: Option<AllowedHosts>,
}

impl Leads {
    /// To whatever the cluster of this Redis is.
    pub const ANYWHERE: Self = Self { reach: Reach::Anywhere, nodes: None };

    /// A node has to be let through as the first address was: the connection takes one kind of names.
    fn to(allowed: &AllowedHosts, own: Reach, scheme: &str, host: &str, port: u16) -> bool {
        let reach = allowed.reach(scheme, host, Some(port));
        reach.is_some_and(|reach| reach == own || reach == Reach::Anywhere)
    }
}

/// See the module.
pub(crate) struct Link {
    home: Home,
    /// Host and port, as they were asked for.
    server: (String, u16),
    started: Instant,
    /// Milliseconds after `started`.
    used: AtomicU64,
}

impl Link {
    /// Nothing is connected before the first command.
    pub fn to(address: &str, leads: &Leads) -> Result<Self, Error> {
        let patience = Patience { connect: CONNECT_WITHIN, answer: ANSWER_WITHIN };
        let mut home = Home::open(address, patience).map_err(|_| Error::InvalidAddress)?;
        let url = url::Url::parse(address).map_err(|_| Error::InvalidAddress)?;
        let reach = leads.reach;
        if reach == Reach::Public {
            home = home.resolved_by(Resolver(Arc::new(Names::Public)));
        }
        if let Some(nodes) = leads.nodes.clone() {
            let scheme = url.scheme().to_owned();
            let allow = move |host: &str, port: u16| Leads::to(&nodes, reach, &scheme, host, port);
            home = home.within(Nodes(Arc::new(allow)));
        }
        let server = (url.host_str().unwrap_or_default().to_owned(), url.port().unwrap_or(REDIS_PORT));
        Ok(Self { home, server, started: Instant::now(), used: AtomicU64::new(0) })
    }

    /// Sends one command and waits for its answer. `within` is the place in its trace of the request it is for.
    pub async fn run(&self, command: &Cmd, within: Option<&str>, component: &str) -> Result<Value, Error> {
        self.used.store(self.now(), Ordering::Relaxed);
        let span = trace::asked(command, &self.server, within);
        span.set("component_id", || component.to_owned());
        self.home.send(command).await.map_err(|error| {
            span.refused(&error);
            failure(&error)
        })
    }

    /// As [`run`](Self::run), for a command whose answer has one Rust type.
    pub async fn typed<R: FromRedisValue>(&self, command: &Cmd, component: &str) -> Result<R, Error> {
        typed(self.run(command, None, component).await?)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long nobody has sent anything.
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.now().saturating_sub(self.used.load(Ordering::Relaxed)))
    }

    /// Lets a connection go that nobody uses.
    pub fn close(&self) {
        self.home.close();
    }

    /// Finds out whether a connection that is kept still answers, so that the next command does not have to: one that does
    /// not is thrown away.
    pub async fn check(&self) {
        if self.home.is_open()
            && let Err(error) = self.home.send(&redis::cmd("PING")).await
        {
            tracing::warn!(%error, "an idle connection to Redis does not answer");
        }
    }
}

/// What a component is told: Redis's own error as it is (scripts speak through them), of failed connections no address.
fn failure(error: &RedisError) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedReturnType => Error::TypeError,
        ErrorKind::Server(ServerErrorKind::ResponseError) if error.code() == Some("WRONGTYPE") => Error::TypeError,
        _ if io_error(error).is_some_and(TooLarge::is) => {
            tracing::warn!("an answer of Redis was too large: its connection is made anew");
            Error::Other(ANSWER_TOO_LARGE.into())
        }
        _ if error.is_timeout() => Error::Other("Redis did not answer in time".into()),
        _ if is_forbidden(error) => {
            tracing::warn!("Redis address denied: a wildcard does not reach private addresses, name it");
            Error::InvalidAddress
        }
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

/// Whether the name led nowhere public.
fn is_forbidden(error: &RedisError) -> bool {
    io_error(error).is_some_and(|io| io.kind() == std::io::ErrorKind::PermissionDenied)
}

fn io_error(error: &RedisError) -> Option<&std::io::Error> {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>())
        .and_then(|inner| inner.downcast_ref::<std::io::Error>())
}
