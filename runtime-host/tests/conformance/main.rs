//! The edge host held against what Spin and its own contracts promise, with real components: one behaviour a guest in
//! `tests/conformance/guests`, one file a subject here.

#[cfg(test)]
mod canaries;
#[cfg(test)]
mod capabilities;
#[cfg(test)]
mod chaining;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod company;
#[cfg(test)]
mod compiler;
#[cfg(test)]
mod elsewhere;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod http_server;
#[cfg(test)]
mod library;
#[cfg(test)]
mod older;
#[cfg(test)]
mod program;
#[cfg(test)]
mod redis_server;
#[cfg(test)]
mod slow_start;
#[cfg(test)]
mod sockets;
#[cfg(test)]
mod swap;
