//! What answers a component's requests at the moment. Readers take it without a lock; a change puts another choice in its
//! place, and whoever has begun goes on with what was there. A generation without requests is gone as soon as nobody can
//! go back to it.

use std::hash::Hasher;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::judge::{Judge, Side};
use crate::edge::capabilities::{Grants, HostState};
use crate::edge::guard::GuardPlugPre;
use crate::edge::providers::ProviderPlugPre;
use crate::edge::serve::ComponentHandler;

/// A component, joined with its dependencies, compiled and linked: one generation.
pub(in crate::edge) struct Built {
    pub root: String,
    pub grants: Arc<Grants>,
    /// When it has a route.
    pub handler: Option<Arc<ComponentHandler>>,
    /// When it is a guard.
    pub guard: Option<GuardPlugPre<HostState>>,
    /// When it is a provider.
    pub provider: Option<ProviderPlugPre<HostState>>,
}

/// The place of one component.
pub(in crate::edge) struct Slot(ArcSwap<Choice>);

/// What there is to choose from.
pub(in crate::edge) struct Choice {
    pub stable: Arc<Built>,
    pub trial: Option<Trial>,
}

/// A generation for some callers.
pub(in crate::edge) struct Trial {
    pub built: Arc<Built>,
    /// Of a hundred callers, so many.
    pub weight: u32,
    pub judge: Arc<Judge>,
}

/// What was chosen for one caller.
pub(in crate::edge) struct Picked {
    pub built: Arc<Built>,
    /// Where to count how it went, while two are compared.
    pub judge: Option<(Arc<Judge>, Side)>,
}

impl Slot {
    pub fn new(stable: Arc<Built>) -> Self {
        Self(ArcSwap::from_pointee(Choice { stable, trial: None }))
    }

    pub fn put(&self, choice: Choice) {
        self.0.store(Arc::new(choice));
    }

    /// What answers nearly everybody.
    pub fn stable(&self) -> Arc<Built> {
        self.0.load().stable.clone()
    }

    /// What answers this caller.
    pub fn pick(&self, caller: Caller) -> Picked {
        let choice = self.0.load();
        let Some(trial) = &choice.trial else {
            return Picked { built: choice.stable.clone(), judge: None };
        };
        let (built, side) =
            if caller.share() < trial.weight { (&trial.built, Side::New) } else { (&choice.stable, Side::Old) };
        Picked { built: built.clone(), judge: Some((trial.judge.clone(), side)) }
    }
}

/// A caller, as one among all that there may be. Always the same one, on every host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::edge) struct Caller(u64);

impl Caller {
    /// Whoever says who they are with `known`, a key or a cookie. Others are told apart by where they are: as the proxies in
    /// front say, line by line, else at `near`.
    pub fn of<'a>(known: Option<&[u8]>, mut forwarded: impl Iterator<Item = &'a [u8]>, near: IpAddr) -> Self {
        let mut hash = CallerHash::default();
        match (known, forwarded.next()) {
            (Some(known), _) => hash.write(known),
            (None, Some(first)) => {
                hash.write(first);
                for line in forwarded {
                    hash.write(b", ");
                    hash.write(line);
                }
            }
            (None, None) => match near.to_canonical() {
                IpAddr::V4(near) => hash.write(&near.octets()),
                IpAddr::V6(near) => hash.write(&near.octets()),
            },
        }
        Self(hash.finish())
    }

    /// In which of a hundred parts of the callers it is.
    fn share(self) -> u32 {
        u32::try_from(self.0 % 100).unwrap_or_default()
    }
}

/// FNV-1a over what tells callers apart.
struct CallerHash(u64);

impl Default for CallerHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for CallerHash {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        // The low bits of FNV alone hardly depend on the first bytes.
        let mixed = (self.0 ^ (self.0 >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ (mixed >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(known: Option<&str>, forwarded: &[&str], near: &str) -> Caller {
        Caller::of(known.map(str::as_bytes), forwarded.iter().map(|line| line.as_bytes()), near.parse().unwrap())
    }

    #[test]
    fn who_says_nothing_is_told_apart_by_where_they_are() {
        let near = caller(None, &[], "10.0.0.1");
        assert_eq!(near, caller(None, &[], "::ffff:10.0.0.1"), "however the socket writes it");
        assert_ne!(near, caller(None, &[], "10.0.0.2"));
        let far = caller(None, &["1.1.1.1", "2.2.2.2"], "10.0.0.1");
        assert_eq!(far, caller(None, &["1.1.1.1, 2.2.2.2"], "10.0.0.9"), "as native calls have the lines");
        assert_eq!(caller(Some("key"), &["1.1.1.1"], "10.0.0.1"), caller(Some("key"), &[], "10.0.0.2"));
    }

    #[test]
    fn callers_spread_evenly_and_stay_where_they_are() {
        let share = |name: &str| caller(Some(name), &[], "127.0.0.1").share();
        let tried = (0..10_000).filter(|n| share(&format!("Bearer key-{n}")) < 10).count();
        assert!((800..1200).contains(&tried), "{tried} of 10000 for a tenth");
        assert_eq!(share("Bearer key"), share("Bearer key"));
    }
}
