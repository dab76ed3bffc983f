//! What a component or a world imports and exports: interfaces with the names of their functions.

use std::collections::{BTreeMap, BTreeSet};

use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldId, WorldItem, WorldKey};

use super::Difference;
use crate::edge::compose::{InterfaceName, as_component, as_joined};

/// Interface names with their functions.
pub(super) type Interfaces = BTreeMap<String, BTreeSet<String>>;

/// One side of a comparison.
#[derive(Debug, Default)]
pub(super) struct Surface {
    pub imports: Interfaces,
    pub exports: Interfaces,
}

impl Surface {
    /// Of a built component, by the names that it has itself.
    pub fn of_component(bytes: &[u8]) -> Result<Self, String> {
        match wit_component::decode(&as_component(bytes)?) {
            Ok(DecodedWasm::Component(resolve, world)) => Ok(Self::of_world(&resolve, world)),
            Ok(DecodedWasm::WitPackage(..)) => Err("it is a WIT package".into()),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    /// Of a world.
    pub fn of_world(resolve: &Resolve, world: WorldId) -> Self {
        let Some(world) = resolve.worlds.get(world) else { return Self::default() };
        let read = |items: &mut dyn Iterator<Item = (&WorldKey, &WorldItem)>| {
            items.filter_map(|(key, item)| entry(resolve, key, item)).collect()
        };
        Self { imports: read(&mut world.imports.iter()), exports: read(&mut world.exports.iter()) }
    }

    /// The same exports, and the imports of another.
    pub fn with_imports_of(self, other: &Self) -> Self {
        Self { imports: other.imports.clone(), exports: self.exports }
    }

    /// As a component is joined with others: one made for a release candidate counts as one of the release.
    pub fn as_joined(bytes: &[u8]) -> Result<Self, String> {
        Self::of_component(&as_joined(bytes)?)
    }

    /// What of this component does not fit `world`.
    pub fn differences(&self, world: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        for (name, functions) in &world.exports {
            match find(&self.exports, name) {
                None => found.push(Difference::MissingExport(name.clone())),
                Some(own) => found.extend(functions.difference(own).map(|function| Difference::MissingFunction {
                    interface: name.clone(),
                    function: function.clone(),
                })),
            }
        }
        for (name, functions) in &self.imports {
            match find(&world.imports, name) {
                None => found.push(Difference::ExtraImport(name.clone())),
                Some(allowed) => found.extend(functions.difference(allowed).map(|function| {
                    Difference::UnknownFunction { interface: name.clone(), function: function.clone() }
                })),
            }
        }
        found
    }
}

/// An interface with its functions, or a plain function under its own name.
fn entry(resolve: &Resolve, key: &WorldKey, item: &WorldItem) -> Option<(String, BTreeSet<String>)> {
    let functions = match item {
        WorldItem::Interface { id, .. } => resolve.interfaces.get(*id)?.functions.keys().cloned().collect(),
        WorldItem::Function(_) => BTreeSet::new(),
        WorldItem::Type { .. } => return None,
    };
    Some((resolve.name_world_key(key), functions))
}

fn find<'a>(interfaces: &'a Interfaces, name: &str) -> Option<&'a BTreeSet<String>> {
    let wanted = InterfaceName::parse(name);
    interfaces
        .iter()
        .find(|(other, _)| InterfaceName::parse(other).is_compatible(&wanted))
        .map(|(_, functions)| functions)
}
