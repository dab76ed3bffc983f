//! One multiplexed connection to one node, made when it is first used; once it is broken it stays so.
//!
//! What is sent in one turn of the scheduler goes in one write, and so do its answers come: to write is most of what a command
//! costs us, and to be woken for it most of what it costs Redis.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::io::AsyncDNSResolver;
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, Pipeline, RedisConnectionInfo, RedisFuture, RedisResult, Value,
};
use futures::FutureExt as _;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::bounded::Bounded;
use crate::{busy_poll, outgoing};

/// How long after it could not be reached a node is tried once more, by the same call.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// Says what names mean.
#[derive(Clone)]
pub(crate) struct Resolver(pub Arc<dyn AsyncDNSResolver>);

impl AsyncDNSResolver for Resolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = std::net::SocketAddr> + Send + 'a>> {
        self.0.resolve(host, port)
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct Line(Arc<Inner>);

struct Inner {
    client: Client,
    /// Says what names mean, where it is not the system.
    resolver: Option<Resolver>,
    within: Duration,
    open: OnceCell<Open>,
}

/// A connection, and the task that works on it where that is ours.
struct Open {
    connection: MultiplexedConnection,
    driver: Option<AbortOnDropHandle<()>>,
}

impl Line {
    /// Nothing is connected before the first command; one attempt takes `within` at most.
    pub fn to(client: Client, resolver: Option<&Resolver>, within: Duration) -> Self {
        Self(Arc::new(Inner { client, resolver: resolver.cloned(), within, open: OnceCell::new() }))
    }

    /// Whether its connection has ended, as far as that is known: one that nobody used may have.
    pub fn is_over(&self) -> bool {
        let driver = self.0.open.get().and_then(|open| open.driver.as_ref());
        driver.is_some_and(AbortOnDropHandle::is_finished)
    }

    /// Sends one command and waits for its answer.
    pub async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let mut connection = self.connection().await?;
        busy_poll::sent();
        connection.send_packed_command(command).await
    }

    /// Sends several and waits for all answers, one each: a transaction has more, and its first says nothing of its keys.
    pub async fn send_all(&self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        if commands.is_transaction() {
            return Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into());
        }
        let mut connection = self.connection().await?;
        busy_poll::sent();
        connection.send_packed_commands(commands, 0, commands.len()).await
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        if let Some(open) = self.0.open.get() {
            return Ok(open.connection.clone());
        }
        // In a box, so that every caller's future need not have room for it.
        let open = self.0.open.get_or_try_init(|| self.0.connect().boxed());
        Ok(open.await?.connection.clone())
    }
}

impl Inner {
    async fn connect(&self) -> RedisResult<Open> {
        match self.attempt().await {
            Err(error) if error.is_io_error() => {
                tokio::time::sleep(TRY_AGAIN).await;
                self.attempt().await
            }
            done => done,
        }
    }

    async fn attempt(&self) -> RedisResult<Open> {
        match tokio::time::timeout(self.within, self.open()).await {
            Ok(open) => open,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }

    async fn open(&self) -> RedisResult<Open> {
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let info = self.client.get_connection_info();
        let settings = info.redis_settings();
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => over(settings, self.socket(host, *port).await?, config).await,
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None } => {
                let socket = self.socket(host, *port).await?;
                let tls = outgoing::shared_tls().ok_or_else(|| std::io::Error::other("no TLS"))?;
                let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
                let name = name.map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
                over(settings, TlsConnector::from(tls).connect(name, socket).await?, config).await
            }
            // By a socket in a folder: the library's own way.
            _ => {
                let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
                Ok(Open { connection, driver: None })
            }
        }
    }

    async fn socket(&self, host: &str, port: u16) -> RedisResult<TcpStream> {
        let socket = match &self.resolver {
            None => TcpStream::connect((host, port)).await?,
            Some(resolver) => {
                let addresses: Vec<_> = resolver.resolve(host, port).await?.collect();
                TcpStream::connect(addresses.as_slice()).await?
            }
        };
        socket.set_nodelay(true)?;
        Ok(socket)
    }
}

/// A connection over `stream`, worked on by a task of ours.
async fn over<S>(settings: &RedisConnectionInfo, stream: S, config: AsyncConnectionConfig) -> RedisResult<Open>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (connection, driver) = MultiplexedConnection::new_with_config(settings, Bounded::new(stream), config).await?;
    let driver = tokio::spawn(Together { driver: Box::pin(driver), is_turn: false });
    Ok(Open { connection, driver: Some(AbortOnDropHandle::new(driver)) })
}

/// Works on a connection one turn of the scheduler after it is woken: by then everybody who is at work has sent.
struct Together<F> {
    driver: Pin<Box<F>>,
    is_turn: bool,
}

impl<F: Future<Output = ()>> Future for Together<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.is_turn = !self.is_turn;
        if self.is_turn {
            // Who wakes itself comes last.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.driver.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image2model_processes::RedisServer;

    /// How often Redis has read from its clients, and how many commands it found.
    async fn read_by(line: &Line) -> (usize, usize) {
        let info = line.send(::redis::cmd("INFO").arg("stats")).await.unwrap();
        let info: String = ::redis::from_redis_value(info).unwrap();
        let number = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap();
        (number("total_reads_processed:"), number("total_commands_processed:"))
    }

    #[tokio::test]
    async fn a_connection_that_ended_is_known_to_have() {
        let mut server = RedisServer::start(&[]).unwrap();
        let line = Line::to(Client::open(server.url()).unwrap(), None, Duration::from_secs(5));
        assert!(!line.is_over());
        line.send(&::redis::cmd("PING")).await.unwrap();
        assert!(!line.is_over());
        server.process().kill();
        let over = async {
            while !line.is_over() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), over).await.unwrap();
    }

    #[tokio::test]
    async fn no_transaction_is_sent_as_if_it_were_commands() {
        let line = Line::to(Client::open("redis://127.0.0.1:1").unwrap(), None, Duration::from_secs(5));
        let mut commands = ::redis::pipe();
        commands.atomic().cmd("PING");
        let refused = line.send_all(&commands).await.unwrap_err().to_string();
        assert!(refused.contains("unsupported"), "{refused}");
    }

    #[tokio::test]
    async fn what_is_sent_at_once_is_written_at_once() {
        let server = RedisServer::start(&[]).unwrap();
        let line = Line::to(Client::open(server.url()).unwrap(), None, Duration::from_secs(5));
        let (reads, commands) = read_by(&line).await;
        let ping = ::redis::cmd("PING");
        let senders = (0..200).map(|_| {
            let (line, ping) = (line.clone(), ping.clone());
            tokio::spawn(async move { line.send(&ping).await })
        });
        for answer in futures::future::join_all(senders).await {
            assert_eq!(answer.unwrap().unwrap(), Value::SimpleString("PONG".into()));
        }
        let (reads_after, commands_after) = read_by(&line).await;
        assert_eq!(commands_after - commands, 201);
        // One write carries what the connection's buffer takes, far more than one command.
        assert!(reads_after - reads <= 20, "{} reads of 200 commands", reads_after - reads);
    }
}
