//! A component joined with its dependencies into one, by `wac-graph`. What a dependency does not inherit it does not
//! get: its imports are checked here, before anything is linked.

mod capability;
mod deny;
mod name;

use wac_graph::types::{Package, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use super::EdgeError;
use super::manifest::{Component, Configuration, Dependency, Inherit};
pub(crate) use name::{InterfaceName, covers};

/// A dependency and its bytes, itself composed already.
pub(crate) struct Part<'a> {
    pub dependency: &'a Dependency,
    /// How it is called in messages: the id of its component, or its path.
    pub name: String,
    pub bytes: &'a [u8],
}

/// What composing needs to know of the component that depends.
struct Subject<'a> {
    component: &'a Component,
    graph: CompositionGraph,
    node: NodeId,
    world: WorldId,
}

/// Joins `bytes`, the code of `component`, with the parts that answer its imports.
pub(crate) fn compose(component: &Component, bytes: &[u8], parts: &[Part<'_>]) -> Result<Vec<u8>, EdgeError> {
    if parts.is_empty() {
        return Ok(bytes.to_vec());
    }
    let mut graph = CompositionGraph::new();
    let not_a_component = |error: String| EdgeError::NotAComponent { component: component.id.clone(), message: error };
    let package = Package::from_bytes(&format!("app:{}", component.id), None, bytes, graph.types_mut())
        .map_err(|error| not_a_component(format!("{error:#}")))?;
    let world = package.ty();
    let package = graph.register_package(package).map_err(|error| not_a_component(error.to_string()))?;
    let node = graph.instantiate(package);
    let mut subject = Subject { component, graph, node, world };
    for (index, part) in parts.iter().enumerate() {
        plug(&mut subject, index, part)?;
    }
    finish(subject)
}

/// Instantiates one part and hands its exports to the imports it is meant for.
fn plug(subject: &mut Subject<'_>, index: usize, part: &Part<'_>) -> Result<(), EdgeError> {
    let place = &part.dependency.place;
    let refuse =
        |message: String| EdgeError::Composition { place: place.clone(), dependency: part.name.clone(), message };
    let wanted: Vec<String> = world_imports(&subject.graph, subject.world)
        .into_iter()
        .filter(|import| name::covers(&part.dependency.import, import))
        .collect();
    if wanted.is_empty() {
        return Err(refuse(format!("it does not import {}", part.dependency.import)));
    }
    let package = Package::from_bytes(&format!("dep:p{index}"), None, part.bytes, subject.graph.types_mut())
        .map_err(|error| refuse(format!("the dependency is not a component: {error:#}")))?;
    let world = package.ty();
    let denied = check_inherited(subject, world, part)?;
    let package = subject.graph.register_package(package).map_err(|error| refuse(error.to_string()))?;
    let node = subject.graph.instantiate(package);
    deny_imports(&mut subject.graph, index, node, part, &denied).map_err(|error| refuse(format!("{error:#}")))?;
    let exports: Vec<String> = subject.graph.types()[world].exports.keys().cloned().collect();
    for import in wanted {
        let wanted = part.dependency.export.as_deref().unwrap_or(&import);
        let export = exports.iter().find(|export| name::compatible(wanted, export)).ok_or_else(|| {
            refuse(format!("the dependency does not export {wanted}; it exports {}", listed(&exports)))
        })?;
        let alias = subject.graph.alias_instance_export(node, export).map_err(|error| refuse(error.to_string()))?;
        let (graph, target) = (&mut subject.graph, subject.node);
        graph.set_instantiation_argument(target, &import, alias).map_err(|error| refuse(spelled_out(&error)))?;
    }
    Ok(())
}

/// Refuses a part that imports what it does not inherit. Answers the imports that must be answered by a stand-in instead:
/// the standard library's, which every program carries whether or not it uses them.
fn check_inherited(subject: &Subject<'_>, world: WorldId, part: &Part<'_>) -> Result<Vec<String>, EdgeError> {
    let mut denied = Vec::new();
    for import in world_imports(&subject.graph, world) {
        let Some(configuration) = capability::of(&import) else { continue };
        if part.dependency.inherit.includes(configuration) {
            continue;
        }
        let nothing_inherited = matches!(&part.dependency.inherit, Inherit::Only(list) if list.is_empty());
        match configuration {
            Configuration::Files if !nothing_inherited && subject.component.mounts.is_empty() => {}
            Configuration::Environment if subject.component.environment.is_empty() => {}
            Configuration::Files | Configuration::Environment if !nothing_inherited => denied.push(import),
            _ => {
                return Err(EdgeError::NotInherited {
                    place: part.dependency.place.clone(),
                    dependency: part.name.clone(),
                    import,
                    capability: configuration.name().to_owned(),
                });
            }
        }
    }
    Ok(denied)
}

/// Answers `imports` of a part with a component in which every call traps.
fn deny_imports(
    graph: &mut CompositionGraph,
    index: usize,
    node: NodeId,
    part: &Part<'_>,
    imports: &[String],
) -> anyhow::Result<()> {
    if imports.is_empty() {
        return Ok(());
    }
    let bytes = deny::stand_in(part.bytes, imports)?;
    let package = Package::from_bytes(&format!("deny:p{index}"), None, bytes, graph.types_mut())?;
    let package = graph.register_package(package)?;
    let stand_in = graph.instantiate(package);
    for import in imports {
        let alias = graph.alias_instance_export(stand_in, import)?;
        graph.set_instantiation_argument(node, import, alias)?;
    }
    Ok(())
}

/// Exports what the component itself exports, and encodes.
fn finish(mut subject: Subject<'_>) -> Result<Vec<u8>, EdgeError> {
    let id = &subject.component.id;
    let refuse = |message: String| EdgeError::Link { component: id.clone(), message };
    let exports: Vec<String> = subject.graph.types()[subject.world].exports.keys().cloned().collect();
    for export in exports {
        let alias =
            subject.graph.alias_instance_export(subject.node, &export).map_err(|error| refuse(error.to_string()))?;
        subject.graph.export(alias, &export).map_err(|error| refuse(error.to_string()))?;
    }
    subject.graph.encode(EncodeOptions::default()).map_err(|error| refuse(spelled_out(&error)))
}

/// The names that the component in `bytes` exports.
pub(crate) fn exports(id: &str, bytes: &[u8]) -> Result<Vec<String>, EdgeError> {
    let mut graph = CompositionGraph::new();
    let package = Package::from_bytes("app:exports", None, bytes, graph.types_mut())
        .map_err(|error| EdgeError::NotAComponent { component: id.to_owned(), message: format!("{error:#}") })?;
    Ok(graph.types()[package.ty()].exports.keys().cloned().collect())
}

fn world_imports(graph: &CompositionGraph, world: WorldId) -> Vec<String> {
    graph.types()[world].imports.keys().cloned().collect()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

/// An error with its causes: `wac` says what does not fit in the last of them.
fn spelled_out(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
