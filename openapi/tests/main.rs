//! The document beside the code, and in itself. The modules are marked as tests so that their helpers fall under the lints'
//! rules for tests.

#[cfg(test)]
mod codes;
#[cfg(test)]
mod compatibility;
#[cfg(test)]
mod document;
#[cfg(test)]
mod routes;
