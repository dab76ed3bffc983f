//! A component joined with its dependencies into one, by `wac-graph`. What a dependency does not inherit it does not
//! get: its imports are checked here, before anything is linked.

mod around;
pub(crate) mod candidate;
mod capability;
mod deny;
mod middleware;
mod module;
mod name;

use std::borrow::Cow;

use wac_graph::types::{Package, WorldId};
use wac_graph::{CompositionGraph, EncodeOptions, NodeId, PackageId};
use wasmparser::{Chunk, Encoding, Parser, Payload};

use super::EdgeError;
use super::manifest::{Component, Configuration, Dependency, Inherit};
use crate::causes::causes;
pub(crate) use around::Around;
use candidate::as_final;
pub(crate) use middleware::behind;
pub(crate) use module::as_component;
pub(crate) use name::{InterfaceName, covers};

/// By what components are joined: where any of it changes, what comes of joining the same ones may be something else.
pub(crate) const HOW: [&str; 10] = [
    WAC_GRAPH,
    WIT_COMPONENT,
    ADAPTER,
    include_str!("mod.rs"),
    include_str!("candidate.rs"),
    include_str!("capability.rs"),
    include_str!("deny.rs"),
    include_str!("middleware.rs"),
    include_str!("module.rs"),
    include_str!("name.rs"),
];
const WAC_GRAPH: &str = "wac-graph 0.12.0";
const WIT_COMPONENT: &str = "wit-component 0.254.2";
const ADAPTER: &str = "wasi-preview1-component-adapter-provider 48.0.8";

/// A dependency and its bytes, itself composed already.
pub(crate) struct Part<'a> {
    pub dependency: &'a Dependency,
    /// How it is called in messages: the id of its component, or its path.
    pub name: String,
    pub bytes: &'a [u8],
    /// The manifest's own code of it, where a release takes its place.
    pub before: Option<&'a [u8]>,
}

/// What composing needs to know of the component that depends.
struct Subject<'a> {
    component: &'a Component,
    around: Around,
    graph: CompositionGraph,
    node: NodeId,
    world: WorldId,
}

/// A component's file as it is joined with others: a core module as the component that it means to be, what was made for a
/// release candidate as one of the release.
pub(crate) fn as_joined(bytes: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    Ok(match module::as_component(bytes)? {
        Cow::Borrowed(bytes) => as_final(bytes),
        Cow::Owned(bytes) => Cow::Owned(as_final(&bytes).into_owned()),
    })
}

/// Joins `bytes`, the code of `component`, with the parts that answer its imports.
pub(crate) fn compose(
    component: &Component,
    around: Around,
    bytes: &[u8],
    parts: &[Part<'_>],
) -> Result<Vec<u8>, EdgeError> {
    let not_one = |message| EdgeError::NotAComponent { component: component.id.clone(), message };
    if parts.is_empty() {
        return as_joined(bytes).map(Cow::into_owned).map_err(not_one);
    }
    let mut graph = CompositionGraph::new();
    let (package, world) = package_of(&mut graph, &format!("app:{}", component.id), bytes).map_err(not_one)?;
    let node = graph.instantiate(package);
    let mut subject = Subject { component, around, graph, node, world };
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
    let (package, world) = package_of(&mut subject.graph, &format!("dep:p{index}"), part.bytes).map_err(refuse)?;
    let denied = check_inherited(subject.component, subject.around, world_imports(&subject.graph, world), part)?;
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
        graph.set_instantiation_argument(target, &import, alias).map_err(|error| refuse(causes(&error)))?;
    }
    Ok(())
}

/// The imports of a part that it does not inherit, which a stand-in answers. Refused where nobody has said what the part
/// inherits, and where a release asks for more than the code that it takes the place of: both are more often a slip than
/// meant, and would only show when the first call traps.
fn check_inherited(
    component: &Component,
    around: Around,
    imports: Vec<String>,
    part: &Part<'_>,
) -> Result<Vec<String>, EdgeError> {
    let before = part.before.map(|bytes| imports_of(&part.name, bytes)).transpose()?;
    let mut denied = Vec::new();
    for import in imports {
        let Some(configuration) = capability::of(&import) else { continue };
        if part.dependency.inherit.includes(configuration) {
            continue;
        }
        // Every program of the standard library carries these, whether or not it uses them.
        let is_standard = matches!(configuration, Configuration::Files | Configuration::Environment);
        let is_said = matches!(part.dependency.inherit, Inherit::Only(_));
        let is_new = before.as_ref().is_some_and(|before| !before.iter().any(|old| name::compatible(old, &import)));
        let has_nothing = match configuration {
            Configuration::Files => !around.files,
            Configuration::Environment => !around.environment,
            _ => false,
        };
        if has_nothing {
            continue;
        }
        if !is_said || (is_new && !is_standard) {
            return Err(EdgeError::NotInherited {
                place: part.dependency.place.clone(),
                dependency: part.name.clone(),
                import,
                capability: configuration.name().to_owned(),
            });
        }
        denied.push(import);
    }
    if !denied.is_empty() {
        tracing::info!(component = component.id, dependency = part.name, ?denied, "not inherited: calls of these trap");
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
    subject.graph.encode(EncodeOptions::default()).map_err(|error| refuse(causes(&error)))
}

/// The names that the component in `bytes` exports: of its outside no more is read than that.
pub(crate) fn exports(id: &str, bytes: &[u8]) -> Result<Vec<String>, EdgeError> {
    let refuse = |message: String| EdgeError::NotAComponent { component: id.to_owned(), message };
    if let Some(names) = module::exports(bytes) {
        return names.map_err(refuse);
    }
    let mut rest = Parser::new(0);
    let (mut left, mut names, mut is_component) = (bytes, Vec::new(), false);
    loop {
        let chunk = rest.parse(left, true).map_err(|error| refuse(error.to_string()))?;
        let Chunk::Parsed { consumed, payload } = chunk else { break };
        let mut skipped = 0;
        match payload {
            Payload::Version { encoding, .. } => is_component = encoding == Encoding::Component,
            Payload::ModuleSection { unchecked_range, .. } | Payload::ComponentSection { unchecked_range, .. } => {
                skipped = unchecked_range.len();
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    names.push(export.map_err(|error| refuse(error.to_string()))?.name.name.to_owned());
                }
            }
            Payload::End(_) => break,
            _ => {}
        }
        left = left.get(consumed + skipped..).ok_or_else(|| refuse("it ends too early".to_owned()))?;
    }
    if is_component { Ok(names) } else { Err(refuse("it is no component".to_owned())) }
}

fn imports_of(id: &str, bytes: &[u8]) -> Result<Vec<String>, EdgeError> {
    let (graph, world) = alone(id, bytes)?;
    Ok(world_imports(&graph, world))
}

fn alone(id: &str, bytes: &[u8]) -> Result<(CompositionGraph, WorldId), EdgeError> {
    let mut graph = CompositionGraph::new();
    let (_, world) = package_of(&mut graph, "app:alone", bytes)
        .map_err(|message| EdgeError::NotAComponent { component: id.to_owned(), message })?;
    Ok((graph, world))
}

/// A component made known to `graph`.
fn package_of(graph: &mut CompositionGraph, name: &str, bytes: &[u8]) -> Result<(PackageId, WorldId), String> {
    let package = Package::from_bytes(name, None, as_joined(bytes)?.into_owned(), graph.types_mut());
    let package = package.map_err(|error| format!("it is not a component: {error:#}"))?;
    let world = package.ty();
    Ok((graph.register_package(package).map_err(|error| error.to_string())?, world))
}

fn world_imports(graph: &CompositionGraph, world: WorldId) -> Vec<String> {
    graph.types()[world].imports.keys().cloned().collect()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
