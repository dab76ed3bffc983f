//! The event streams over a real Redis and real sockets, driven by the scripts that workers and endpoints run: once carried
//! by reactors, once by the HTTP server.

#[cfg(test)]
mod client;
#[cfg(test)]
mod reactors;
#[cfg(test)]
mod server;
#[cfg(test)]
mod world;
