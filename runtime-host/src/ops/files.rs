//! How many files and connections this process may have open. Systems give a program few to begin with and let it ask for
//! more; a server needs them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is not for connections of clients: Redis, FAL.AI, blobs, files, what components connect to.
const SHARE_OF_CLIENTS: (u64, u64) = (3, 4);

/// Asks for as many as the system lets us have.
pub fn raise() {
    let now = getrlimit(Resource::Nofile);
    if now.current == now.maximum {
        return;
    }
    let wanted = Rlimit { current: now.maximum, maximum: now.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!(%error, limit = now.current, "no more files can be opened than the system began with");
    }
}

/// How many connections clients may have, of those that are wanted for them.
#[must_use]
pub fn for_clients(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    bounded(wanted, limit)
}

fn bounded(wanted: usize, limit: Option<u64>) -> usize {
    let (part, whole) = SHARE_OF_CLIENTS;
    let most = limit.map_or(usize::MAX, |limit| usize::try_from(limit / whole * part).unwrap_or(usize::MAX).max(1));
    if most < wanted {
        tracing::warn!(wanted, most, "the limit of open files leaves room for fewer connections: raise it");
    }
    wanted.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_some_to_the_rest() {
        assert_eq!(bounded(10_000, Some(20_000)), 10_000);
        assert_eq!(bounded(10_000, Some(1024)), 768);
        assert_eq!((bounded(10_000, None), bounded(10, Some(0))), (10_000, 1));
    }
}
