//! `spin:variables`, `fermyon:spin/variables@2.0.0` of older SDKs, and `wasi:config`: a component reads its own variables,
//! expanded at load, and no others.

use wasmtime::component::Accessor;

use super::bindings::drafts::config;
use super::bindings::older::variables as older;
use super::bindings::variables::{Error, Host, HostWithStore};
use super::{HasHost, HostState};
use crate::edge::manifest::is_variable_name;

impl Host for HostState {}

impl<T: Send> HostWithStore<T> for HasHost {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, Error>> {
        Ok(accessor.with(|mut access| access.get().variable(name)))
    }
}

impl older::Host for HostState {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, older::Error>> {
        Ok(self.variable(name).map_err(|error| match error {
            Error::InvalidName(name) => older::Error::InvalidName(name),
            Error::Undefined(name) => older::Error::Undefined(name),
            Error::Provider(text) => older::Error::Provider(text),
            Error::Other(text) => older::Error::Other(text),
        }))
    }
}

impl config::Host for HostState {
    /// A name that no variable can have is one that there is not, as the draft asks for.
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<String>, config::Error>> {
        Ok(Ok(self.grants.variables.get(&key).cloned()))
    }

    async fn get_all(&mut self) -> wasmtime::Result<Result<Vec<(String, String)>, config::Error>> {
        let mut all: Vec<_> = self.grants.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        all.sort_unstable();
        Ok(Ok(all))
    }
}

impl HostState {
    fn variable(&self, name: String) -> Result<String, Error> {
        if !is_variable_name(&name) {
            return Err(Error::InvalidName(name));
        }
        self.grants.variables.get(&name).cloned().ok_or(Error::Undefined(name))
    }
}
