//! The measurements by name, in the order they are made. `cargo xtask bench` reads this file as well, so that it knows a
//! wrong name before it builds anything.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Measurement {
    Status,
    Upload,
    Start,
    Queue,
    Claim,
    Memory,
    Recovery,
    Streams,
    Host,
    Swap,
}
