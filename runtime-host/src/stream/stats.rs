//! What the stream server counts, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Running counts.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[$doc])* pub $name: Counter,)+
        }

        /// The counts at one moment.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        pub struct StreamStats {
            /// Streams open now.
            pub open: u64,
            $($(#[$doc])* pub $name: u64,)+
        }

        impl Counters {
            /// Reads them all.
            #[must_use]
            pub fn read(&self, open: usize) -> StreamStats {
                StreamStats { open: open as u64, $($name: self.$name.get(),)+ }
            }
        }
    };
}

counters! {
    /// Streams opened.
    opened,
    /// Requests refused because a cap was reached.
    refused,
    /// Frames handed to connections: events, and hints and heartbeats among them.
    frames,
    /// Connections resumed by an id.
    replays,
    /// Clients told that their place is gone.
    resets,
    /// Times that a listener read its job's stream again because it was behind or might have missed something.
    rereads,
    /// Progress events left out for clients that lagged.
    coalesced,
    /// Clients closed because they took nothing.
    stalled,
}

/// One running count.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
