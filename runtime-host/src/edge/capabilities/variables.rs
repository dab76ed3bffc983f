//! `spin:variables`: a component reads its own variables, expanded at load, and no others.

use wasmtime::component::Accessor;

use super::bindings::variables::{Error, Host, HostWithStore};
use super::{HasHost, HostState};
use crate::edge::manifest::is_variable_name;

impl Host for HostState {}

impl<T: Send> HostWithStore<T> for HasHost {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, Error>> {
        if !is_variable_name(&name) {
            return Ok(Err(Error::InvalidName(name)));
        }
        let value = accessor.with(|mut access| access.get().grants.variables.get(&name).cloned());
        Ok(value.ok_or(Error::Undefined(name)))
    }
}
