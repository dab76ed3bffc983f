//! How many connections clients may have, and how many of these may be event streams. A stream keeps its connection until it
//! ends, so some are never given to one: for requests, for probes, and for whoever has to be told that there are too many.

use image2model_host::config::Part;
use image2model_host::edge::ServeOptions;
use image2model_host::ops::files;

/// Beside those that stream, where nothing but streams is served.
const SPARE: usize = 256;
/// Of the connections of an application, and of few, this share is never a stream's.
const SHARE: usize = 4;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// All of them.
    pub all: usize,
    /// The most that are streams.
    pub streams: usize,
}

impl Connections {
    /// What this process has room for, where so many streams are wanted.
    pub fn of(part: Part, max_streams: usize) -> Self {
        let room = Self::within(part, max_streams, files::for_clients);
        if part != Part::Worker && room.streams < max_streams {
            tracing::warn!(max_streams, streams = room.streams, "there are connections for fewer event streams only");
        }
        room
    }

    fn within(part: Part, max_streams: usize, had: impl Fn(usize) -> usize) -> Self {
        let (others, least) = match part {
            Part::Stream => (SPARE, 0),
            _ => (max_streams / (SHARE - 1) + 1, ServeOptions::default().max_connections),
        };
        let all = had(max_streams.saturating_add(others).max(least));
        Self { all, streams: max_streams.min(all - others.min(all / SHARE)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_leave_connections_to_others() {
        let of = |part, max_streams, most| {
            let room = Connections::within(part, max_streams, |wanted| wanted.min(most));
            (room.all, room.streams)
        };
        for part in [Part::Up, Part::Serve] {
            assert_eq!(of(part, 10_000, usize::MAX), (13_334, 10_000), "as many streams as are wanted");
            assert_eq!(of(part, 50_000, usize::MAX), (66_667, 50_000));
            assert_eq!(of(part, 10, usize::MAX), (10_000, 10));
            assert_eq!(of(part, 10_000, 768), (768, 576), "where few files may be open");
        }
        assert_eq!(of(Part::Stream, 10_000, usize::MAX), (10_256, 10_000));
        assert_eq!(of(Part::Stream, 10_000, 3072), (3072, 2816));
        assert_eq!(of(Part::Stream, 10_000, 4), (4, 3));
    }
}
