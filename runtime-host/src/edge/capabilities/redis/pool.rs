//! The host's connections to Redis: one for each address, with its credentials and database, and for how far it leads,
//! however many components and requests use it. Whoever uses them holds them, and bounds how many; none of them takes a
//! place from another. Looked after: one that nobody used for a moment is asked whether it still answers, one that nobody
//! used for longer is closed until somebody does.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::link::{Leads, Link};
use crate::edge::capabilities::bindings::redis::Error;

/// See the module.
pub(crate) struct RedisPool {
    links: Mutex<Links>,
    /// How often connections are looked after.
    every: Duration,
    /// How long one is kept that nobody uses.
    keep: Duration,
}

#[derive(Default)]
struct Links {
    all: HashMap<(String, Leads), Weak<Link>>,
    /// Somebody looks after them.
    is_watched: bool,
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
        if let Some(link) = links.all.get(&place).and_then(Weak::upgrade) {
            return Ok(link);
        }
        let link = Arc::new(Link::to(address, &place.1)?);
        links.forget();
        links.all.insert(place, Arc::downgrade(&link));
        if !std::mem::replace(&mut links.is_watched, true) {
            tokio::spawn(look_after(Arc::downgrade(self), self.every));
        }
        Ok(link)
    }

    /// Closes what nobody uses; answers what is to be asked whether it is well, or nothing when no link is left.
    fn tidy(&self) -> Option<Vec<Arc<Link>>> {
        let mut links = self.links.lock();
        links.forget();
        links.is_watched = !links.all.is_empty();
        if !links.is_watched {
            return None;
        }
        let held: Vec<_> = links.all.values().filter_map(Weak::upgrade).collect();
        drop(links);
        held.iter().filter(|link| link.idle() >= self.keep).for_each(|link| link.close());
        Some(held.into_iter().filter(|link| link.idle() >= self.every).collect())
    }
}

impl Links {
    /// What nobody holds any more.
    fn forget(&mut self) {
        self.all.retain(|_, link| link.strong_count() > 0);
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
        until("it is never forgotten", async || pool.links.lock().all.is_empty()).await;
        until("nothing is looked after for ever", async || !pool.links.lock().is_watched).await;
        let _again = pool.link(&server.url(), Leads::ANYWHERE).unwrap();
        let links = pool.links.lock();
        assert_eq!((links.all.len(), links.is_watched), (1, true));
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
    async fn what_nobody_holds_takes_no_room() {
        let pool = pool(60_000, 60_000);
        for n in 0..1000 {
            pool.link(&format!("redis://127.0.0.1:6379/{n}"), Leads::ANYWHERE).unwrap();
        }
        assert_eq!(pool.links.lock().all.len(), 1);
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
