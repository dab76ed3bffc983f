//! The blob store over real connections and real folders.

#[cfg(test)]
mod gateway;
