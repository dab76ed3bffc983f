//! The guard: every endpoint, and the host for its native routes, asks it before doing anything.
//!
//! `check` says who is calling and whether they may, counts the request, and names the headers of the answer. What it keeps
//! is in Redis, reached in one round trip a request, two with an issued key or a browser's session; a team that brings its own identities or quotas
//! replaces this component.

mod auth;
mod bindings;
mod check;
mod headers;
mod limits;
mod ownership;
mod refusal;
mod session;
mod settings;
