//! The queue: accepted requests by id, one lane per key. Bounded: beyond `max_requests` the oldest finished request is
//! forgotten; while none is finished, new ones are still taken (the real queue refuses none either).

mod app_path;
mod lane;
pub mod logs;
mod output;
mod request;
mod runner;

pub use app_path::AppPath;
pub use lane::{Lane, Place, Priority, Slot};
pub use request::{Draft, Phase, Request, Settings};
pub use runner::{run_queued, run_sync};

use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// All requests and lanes.
#[derive(Debug)]
pub struct Queue {
    most: usize,
    lanes: HashMap<String, Arc<Lane>>,
    registry: Mutex<Registry>,
}

#[derive(Debug, Default)]
struct Registry {
    by_id: HashMap<String, Arc<Request>>,
    order: VecDeque<String>,
}

impl Queue {
    /// A queue for these key ids, `concurrency` requests running for each, `most` remembered in all.
    pub fn new<'a>(keys: impl Iterator<Item = &'a str>, concurrency: usize, most: usize) -> Self {
        let lanes = keys.map(|id| (id.to_owned(), Lane::new(concurrency))).collect();
        Self { most, lanes, registry: Mutex::default() }
    }

    /// The lane of a key.
    pub fn lane(&self, owner: &str) -> Option<Arc<Lane>> {
        self.lanes.get(owner).cloned()
    }

    /// Remembers a request.
    pub fn add(&self, request: Arc<Request>) {
        let mut registry = self.registry.lock();
        registry.order.push_back(request.id.clone());
        registry.by_id.insert(request.id.clone(), request);
        if registry.order.len() > self.most {
            registry.forget_oldest();
        }
    }

    /// The request with this id, if `owner` submitted it.
    pub fn find(&self, id: &str, owner: &str) -> Option<Arc<Request>> {
        self.registry.lock().by_id.get(id).filter(|request| request.owner == owner).cloned()
    }

    /// Every remembered request, oldest first.
    pub fn all(&self) -> Vec<Arc<Request>> {
        let registry = self.registry.lock();
        registry.order.iter().filter_map(|id| registry.by_id.get(id).cloned()).collect()
    }
}

impl Registry {
    fn forget_oldest(&mut self) {
        let finished = |id: &String| self.by_id.get(id).is_none_or(|request| request.outcome().is_some());
        if let Some(index) = self.order.iter().position(finished)
            && let Some(id) = self.order.remove(index)
        {
            self.by_id.remove(&id);
        }
    }
}
