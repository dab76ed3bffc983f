//! What an audit wants to know of a request that had a route: kept among the answer's extensions, for the component that
//! keeps an audit log.

use std::sync::{Arc, Mutex, PoisonError};

use image2model_domain::JobId;
use serde_json::{Map, Value};

use crate::bindings::{Pass, Role};

/// What a handler says of its call. Clones share the notes.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Map<String, Value>>>);

impl Notes {
    /// Writes something down under a name; what stood there is replaced.
    pub fn put(&self, name: &str, what: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), what);
    }

    /// All notes so far.
    #[must_use]
    pub fn all(&self) -> Map<String, Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Who asked for what, and what became of it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The pattern of the route.
    pub route: &'static str,
    /// The tenant, as the guard names it; `None` when the guard refused.
    pub caller: Option<String>,
    /// The client's address, as the guard makes it out; `None` when the guard refused.
    pub address: Option<String>,
    /// What the caller may do; `None` when the guard refused.
    pub role: Option<Role>,
    /// The job that the route names.
    pub job: Option<JobId>,
    /// Code of the problem that was answered.
    pub error_code: Option<String>,
    /// What the handler said.
    pub notes: Notes,
}

impl Seen {
    /// Nobody yet, at this route.
    pub(crate) fn at(route: &'static str) -> Self {
        Self { route, caller: None, address: None, role: None, job: None, error_code: None, notes: Notes::default() }
    }

    /// Somebody whom the guard let in.
    pub(crate) fn passed(&mut self, pass: &Pass, job: Option<JobId>) {
        (self.caller, self.role, self.job) = (Some(pass.caller.clone()), Some(pass.role), job);
        self.address = Some(pass.client_address.clone());
    }
}
