//! One multiplexed connection to one node, made when it is first used. Where somebody else is to say what names mean, it
//! is made by their word and, once it is broken, stays so; elsewhere it comes again by itself.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use ::redis::io::AsyncDNSResolver;
use ::redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisFuture, RedisResult, Value};
use tokio::sync::OnceCell;

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
pub(super) enum Line {
    /// As the system resolves names.
    Managed(ConnectionManager),
    /// As somebody else does.
    Resolved(Arc<Resolved>),
}

pub(super) struct Resolved {
    client: Client,
    config: AsyncConnectionConfig,
    connection: OnceCell<MultiplexedConnection>,
}

impl Line {
    /// Nothing is connected before the first command; that takes `within` at most.
    pub fn to(client: Client, resolver: Option<&Resolver>, within: Duration) -> RedisResult<Self> {
        let Some(resolver) = resolver else {
            let config = ConnectionManagerConfig::new()
                .set_number_of_retries(1)
                .set_min_delay(Duration::from_millis(50))
                .set_max_delay(Duration::from_millis(500))
                .set_connection_timeout(Some(within))
                .set_response_timeout(None);
            return ConnectionManager::new_lazy_with_config(client, config).map(Self::Managed);
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(within))
            .set_response_timeout(None)
            .set_dns_resolver(resolver.clone());
        Ok(Self::Resolved(Arc::new(Resolved { client, config, connection: OnceCell::new() })))
    }

    /// Sends one command and waits for its answer.
    pub async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Managed(manager) => manager.send_packed_command(command).await,
            Self::Resolved(resolved) => resolved.connection().await?.send_packed_command(command).await,
        }
    }

    /// Sends several and waits for all answers.
    pub async fn send_all(&mut self, commands: &Pipeline) -> RedisResult<Vec<Value>> {
        match self {
            Self::Managed(manager) => manager.send_packed_commands(commands, 0, commands.len()).await,
            Self::Resolved(resolved) => {
                resolved.connection().await?.send_packed_commands(commands, 0, commands.len()).await
            }
        }
    }
}

impl Resolved {
    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let connect = || self.client.get_multiplexed_async_connection_with_config(&self.config);
        self.connection.get_or_try_init(connect).await.cloned()
    }
}
