//! The event streams over a real Redis and real sockets, driven by the scripts that workers and endpoints run.

#[cfg(test)]
mod client;
#[cfg(test)]
mod connect;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod gap;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod refuse;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod reset;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod world;
