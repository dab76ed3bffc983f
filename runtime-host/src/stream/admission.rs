//! Caps on concurrent streams: in all, of one caller, of one job. Who comes too late is refused; nobody is evicted but whose
//! key is taken back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use image2model_domain::JobId;
use image2model_domain::problem::Problem;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::limits::Limits;

/// What the guard calls somebody without a key.
const ANONYMOUS: &str = "anonymous";

/// Whose streams are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A tenant's.
    Key(String),
    /// Those of an address, when there is no key.
    Address(IpAddr),
}

impl Caller {
    /// The guard's `caller`, or the address where that names nobody.
    #[must_use]
    pub fn of(caller: &str, address: IpAddr) -> Self {
        if caller == ANONYMOUS { Self::Address(address.to_canonical()) } else { Self::Key(caller.to_owned()) }
    }
}

/// Counts open streams. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Admission(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    callers: HashMap<Arc<Caller>, usize>,
    /// Cancelled when the caller's key is taken back.
    good: HashMap<Arc<Caller>, CancellationToken>,
    jobs: HashMap<Arc<JobId>, usize>,
}

/// A place, given back when dropped. Its names are those of the counts, so that ten thousand places hold no text of theirs.
#[derive(Debug)]
pub struct Slot {
    admission: Admission,
    caller: Arc<Caller>,
    job: Arc<JobId>,
    revoked: CancellationToken,
}

impl Admission {
    /// Takes a place.
    ///
    /// # Errors
    /// The refusal, 503 with `Retry-After`, when a cap is reached.
    pub fn enter(&self, limits: &Limits, caller: Caller, job: &JobId) -> Result<Slot, Problem> {
        let mut counts = self.0.lock();
        let cap = match caller {
            Caller::Key(_) => limits.per_key,
            Caller::Address(_) => limits.per_address,
        };
        if counts.total >= limits.total {
            return Err(refusal("This server has as many open streams as it may have. Try again shortly."));
        }
        if counts.callers.get(&caller).is_some_and(|n| *n >= cap) {
            return Err(refusal("You have as many open streams as one caller may have. Close one first."));
        }
        if counts.jobs.get(job).is_some_and(|n| *n >= limits.per_job) {
            return Err(refusal("This job has as many open streams as one job may have. Try again shortly."));
        }
        counts.total += 1;
        let (caller, job) = (more(&mut counts.callers, &caller), more(&mut counts.jobs, job));
        let revoked = counts.good.entry(caller.clone()).or_default().clone();
        Ok(Slot { admission: self.clone(), caller, job, revoked })
    }

    /// Ends the streams of a caller, by the guard's name; answers whether there were any.
    pub fn revoke(&self, caller: &str) -> bool {
        let good = self.0.lock().good.remove(&Caller::Key(caller.to_owned()));
        good.inspect(CancellationToken::cancel).is_some()
    }

    /// Streams open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.0.lock().total
    }
}

impl Slot {
    /// Whether the caller's key was taken back.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.revoked.is_cancelled()
    }

    /// Returns when it is.
    pub async fn revoked(&self) {
        self.revoked.cancelled().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.admission.0.lock();
        counts.total = counts.total.saturating_sub(1);
        less(&mut counts.callers, &self.caller);
        if !counts.callers.contains_key(&self.caller) {
            counts.good.remove(&self.caller);
        }
        less(&mut counts.jobs, &self.job);
    }
}

/// Counts one more, and answers the key that the counts hold.
fn more<K: Eq + Hash + Clone>(counts: &mut HashMap<Arc<K>, usize>, key: &K) -> Arc<K> {
    let key = counts.get_key_value(key).map_or_else(|| Arc::new(key.clone()), |(key, _)| key.clone());
    *counts.entry(key.clone()).or_default() += 1;
    key
}

fn less<K: Eq + Hash>(counts: &mut HashMap<Arc<K>, usize>, key: &Arc<K>) {
    if let Entry::Occupied(mut entry) = counts.entry(key.clone()) {
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

fn refusal(detail: &str) -> Problem {
    Problem::new(503, "TOO_MANY_STREAMS", detail).with_header("retry-after", "5")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cap_refuses_and_places_come_back() {
        let limits = Limits { total: 3, per_key: 2, per_address: 1, per_job: 2, ..Limits::default() };
        let admission = Admission::default();
        let (one, two) = (JobId::from_random([1; 16]), JobId::from_random([2; 16]));
        let key = |name: &str| Caller::of(name, [127, 0, 0, 1].into());
        let enter = |caller: &str, job: &JobId| admission.enter(&limits, key(caller), job);
        let first = enter("key:a", &one).unwrap();
        let _second = enter("key:a", &two).unwrap();
        assert!(enter("key:a", &two).unwrap_err().detail().starts_with("You have"));
        let _third = enter("anonymous", &one).unwrap();
        assert!(enter("key:b", &two).unwrap_err().detail().starts_with("This server"));
        drop(first);
        assert!(enter("anonymous", &two).is_err());
        let _fourth = enter("key:b", &two).unwrap();
        assert_eq!(admission.open(), 3);
        drop(_third);
        assert!(enter("anonymous", &two).unwrap_err().detail().starts_with("This job"));
        assert_eq!(admission.0.lock().callers.len(), 2);
    }

    #[test]
    fn a_key_that_is_taken_back_ends_its_streams_and_no_others() {
        let admission = Admission::default();
        let job = JobId::from_random([1; 16]);
        let enter = |caller: &str| {
            admission.enter(&Limits::default(), Caller::of(caller, [127, 0, 0, 1].into()), &job).unwrap()
        };
        let (one, two, other, nobody) = (enter("key:a"), enter("key:a"), enter("key:b"), enter("anonymous"));
        assert!(admission.revoke("key:a") && !admission.revoke("key:c") && !admission.revoke("anonymous"));
        assert_eq!([&one, &two, &other, &nobody].map(Slot::is_revoked), [true, true, false, false]);
        // Whoever the guard lets in under that name is somebody new.
        let late = enter("key:a");
        assert!(!late.is_revoked());
        drop((one, two, other, nobody, late));
        assert!(admission.0.lock().good.is_empty());
    }
}
