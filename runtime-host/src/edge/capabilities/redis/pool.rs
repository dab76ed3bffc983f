//! The host's connections to Redis: one for each address, with its credentials and database, and for how far it leads,
//! however many components and requests use it. Bounded: `MAX_LINKS` of them. Looked after: one that nobody used for a
//! moment is asked whether it still answers, one that nobody used for longer is closed, and forgotten once no component
//! holds it.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::link::{Leads, Link};
use crate::edge::capabilities::bindings::redis::Error;

/// Different addresses the whole host keeps connections to.
const MAX_LINKS: usize = 64;

type Links = HashMap<(String, Leads), Arc<Link>>;

/// See the module.
pub(crate) struct RedisPool {
    links: Mutex<Links>,
    /// How often connections are looked after.
    every: Duration,
    /// How long one is kept that nobody uses.
    keep: Duration,
}

impl Default for RedisPool {
    fn default() -> Self {
        Self { links: Mutex::default(), every: Duration::from_secs(10), keep: Duration::from_secs(120) }
    }
}

impl RedisPool {
    /// The connection to `address`; nothing is connected before the first command. Needs a Tokio runtime.
    pub(crate) fn link(self: &Arc<Self>, address: &str, leads: Leads) -> Result<Arc<Link>, Error> {
        let mut links = self.links.lock();
        let place = (address.to_owned(), leads);
        if let Some(link) = links.get(&place) {
            return Ok(link.clone());
        }
        if links.len() >= MAX_LINKS {
            // A link that only the pool still holds has no component left that could use it.
            links.retain(|_, link| Arc::strong_count(link) > 1);
        }
        if links.len() >= MAX_LINKS {
            return Err(Error::TooManyConnections);
        }
        let link = Arc::new(Link::to(address, &place.1)?);
        if links.is_empty() {
            tokio::spawn(look_after(Arc::downgrade(self), self.every));
        }
        links.insert(place, link.clone());
        Ok(link)
    }

    /// Closes what nobody uses; answers what is to be asked whether it is well, or nothing when no link is left.
    fn tidy(&self) -> Option<Vec<Arc<Link>>> {
        let mut links = self.links.lock();
        links.retain(|_, link| {
            let is_idle = link.idle() >= self.keep;
            if is_idle {
                link.close();
            }
            !is_idle || Arc::strong_count(link) > 1
        });
        let quiet = links.values().filter(|link| link.idle() >= self.every).cloned().collect();
        (!links.is_empty()).then_some(quiet)
    }
}

/// Ends with the pool, or when it has nothing left: the next link begins it anew.
async fn look_after(pool: Weak<RedisPool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(quiet) = pool.upgrade().and_then(|pool| pool.tidy()) else { return };
        futures::future::join_all(quiet.iter().map(|link| link.check())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::capabilities::Reach;
    use image2model_processes::RedisServer;

    fn pool(every: u64, keep: u64) -> Arc<RedisPool> {
        let (every, keep) = (Duration::from_millis(every), Duration::from_millis(keep));
        Arc::new(RedisPool { links: Mutex::default(), every, keep })
    }

    /// Connections to the server that name no library: ours, without the one that asks.
    async fn clients(server: &RedisServer) -> Vec<String> {
        let client = redis::Client::open(server.url()).unwrap();
        let mut asks = client.get_multiplexed_async_connection().await.unwrap();
        let list: String = redis::cmd("CLIENT").arg("LIST").query_async(&mut asks).await.unwrap();
        list.lines().filter(|line| !line.contains("cmd=client")).map(str::to_owned).collect()
    }

    async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
        for _ in 0..200 {
            if holds().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}");
    }

    async fn ping(link: &Link) -> bool {
        link.run(&redis::cmd("PING"), None, "test").await.is_ok()
    }

    #[tokio::test]
    async fn one_connection_an_address_closed_when_nobody_uses_it() {
        let server = RedisServer::start(&[]).unwrap();
        let pool = pool(50, 300);
        let links: Vec<_> = (0..20).map(|_| pool.link(&server.url(), Leads::ANYWHERE).unwrap()).collect();
        until("it never answers", async || ping(&links[0]).await).await;
        futures::future::join_all(links.iter().map(|link| ping(link))).await;
        assert_eq!(clients(&server).await.len(), 1);
        until("it is never closed", async || clients(&server).await.is_empty()).await;
        assert!(ping(&links[0]).await, "a link outlives its connection");
        drop(links);
        until("it is never forgotten", async || pool.links.lock().is_empty()).await;
        pool.link(&server.url(), Leads::ANYWHERE).unwrap();
        assert_eq!(pool.links.lock().len(), 1);
    }

    #[tokio::test]
    async fn a_connection_that_stopped_answering_is_found_by_the_host_and_not_by_a_request() {
        let mut server = RedisServer::start(&[]).unwrap();
        let pool = pool(50, 60_000);
        let link = pool.link(&server.url(), Leads::ANYWHERE).unwrap();
        until("it never answers", async || ping(&link).await).await;
        let first = clients(&server).await;
        server.process().signal("STOP").unwrap();
        // As long as one check waits.
        tokio::time::sleep(Duration::from_millis(1700)).await;
        server.process().signal("CONT").unwrap();
        assert!(ping(&link).await, "the first request after that found a dead connection");
        let now = clients(&server).await;
        assert!(first[0].split(' ').next() != now.last().unwrap().split(' ').next(), "{first:?} {now:?}");
    }

    #[tokio::test]
    async fn so_many_addresses_and_no_more() {
        let pool = pool(60_000, 60_000);
        let address = |n: usize| format!("redis://127.0.0.1:6379/{n}");
        let held: Vec<_> = (0..MAX_LINKS).map(|n| pool.link(&address(n), Leads::ANYWHERE).unwrap()).collect();
        assert!(matches!(pool.link(&address(MAX_LINKS), Leads::ANYWHERE), Err(Error::TooManyConnections)));
        drop(held);
        assert!(pool.link(&address(MAX_LINKS), Leads::ANYWHERE).is_ok(), "what nobody holds makes room");
    }

    #[tokio::test]
    async fn what_a_wildcard_lets_through_is_not_reached_at_a_private_address() {
        let server = RedisServer::start(&[]).unwrap();
        let pool = pool(60_000, 60_000);
        for host in ["localhost", "127.0.0.1", "[::1]", "2130706433", "[::ffff:127.0.0.1]"] {
            let public = Leads { reach: Reach::Public, nodes: None };
            let link = pool.link(&format!("redis://{host}:{}", server.port()), public).unwrap();
            let denied = link.run(&redis::cmd("PING"), None, "test").await;
            assert!(matches!(denied, Err(Error::InvalidAddress)), "{host}: {denied:?}");
        }
        let named = pool.link(&server.url(), Leads::ANYWHERE).unwrap();
        until("what is named is not reached", async || ping(&named).await).await;
    }
}
