//! The private Redis server and the connections to it, over a real server.

#[cfg(test)]
mod child;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod moved;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod restarted;
