//! Stand-ins for capabilities of the standard library that a dependency does not inherit: a component that exports the
//! same interfaces, in which every call traps.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{
    InterfaceId, LiftLowerAbi, ManglingAndAbi, Resolve, Type, TypeDefKind, TypeOwner, World, WorldId, WorldItem,
};

/// A component that exports `interfaces`, as the component in `bytes` imports them.
pub(super) fn stand_in(bytes: &[u8], interfaces: &[String]) -> anyhow::Result<Vec<u8>> {
    let DecodedWasm::Component(mut resolve, world) =
        wit_component::decode(&super::as_joined(bytes).map_err(anyhow::Error::msg)?)?
    else {
        bail!("not a component");
    };
    let world = deny_world(&mut resolve, world, interfaces)?;
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    ComponentEncoder::default().validate(false).module(&module)?.encode().context("no stand-in can be made")
}

/// Turns the imports that are denied into the exports of a world of its own; what those use is imported.
fn deny_world(resolve: &mut Resolve, source: WorldId, interfaces: &[String]) -> anyhow::Result<WorldId> {
    let from = resolve.worlds.get(source).context("no world")?.clone();
    let mut world =
        World { name: "stand-in".into(), imports: Default::default(), exports: Default::default(), ..from.clone() };
    let mut used = BTreeSet::new();
    for (key, item) in &from.imports {
        if interfaces.contains(&resolve.name_world_key(key)) {
            world.exports.insert(key.clone(), item.clone());
            if let WorldItem::Interface { id, .. } = item {
                types_of(resolve, *id, &mut used);
            }
        }
    }
    for (key, item) in &from.imports {
        if matches!(item, WorldItem::Interface { id, .. } if used.contains(id)) && !world.exports.contains_key(key) {
            world.imports.insert(key.clone(), item.clone());
        }
    }
    Ok(resolve.worlds.alloc(world))
}

/// The interfaces whose types `interface` uses, directly or not.
fn types_of(resolve: &Resolve, interface: InterfaceId, used: &mut BTreeSet<InterfaceId>) {
    let types = resolve.interfaces.get(interface).into_iter().flat_map(|interface| interface.types.values());
    for ty in types.filter_map(|id| resolve.types.get(*id)) {
        let TypeDefKind::Type(Type::Id(other)) = ty.kind else { continue };
        if let Some(TypeOwner::Interface(owner)) = resolve.types.get(other).map(|other| other.owner)
            && owner != interface
            && used.insert(owner)
        {
            types_of(resolve, owner, used);
        }
    }
}
