//! HTTP middleware in front of a component, by Spin's rule: each exports `wasi:http/handler` and imports it, and what it
//! imports is whoever comes next. They become one component, with one memory for each and one end for all.

use wac_graph::{CompositionGraph, EncodeOptions, NodeId};

use super::super::EdgeError;
use super::super::manifest::{Component, HANDLER};
use super::{Around, Part, check_inherited, deny_imports, name, package_of, world_imports};
use crate::causes::causes;

/// Joins `bytes`, the code of `component`, with what stands in front of it, outermost first.
pub(crate) fn behind(
    component: &Component,
    around: Around,
    bytes: &[u8],
    parts: &[Part<'_>],
) -> Result<Vec<u8>, EdgeError> {
    let Some(outermost) = parts.first() else { return Ok(bytes.to_vec()) };
    let mut graph = CompositionGraph::new();
    let refuse = |part: &Part<'_>, message: String| EdgeError::Composition {
        place: part.dependency.place.clone(),
        dependency: part.name.clone(),
        message,
    };
    let (package, world) = package_of(&mut graph, "app:endpoint", bytes).map_err(|error| refuse(outermost, error))?;
    let endpoint = graph.instantiate(package);
    let no_handler = || {
        let message =
            format!("{:?} does not export {HANDLER}, which is what middleware stands in front of", component.id);
        refuse(outermost, message)
    };
    let export = handler(graph.types()[world].exports.keys()).ok_or_else(no_handler)?;
    let mut next = alias(&mut graph, endpoint, &export).map_err(|error| refuse(outermost, error))?;
    for (index, part) in parts.iter().enumerate().rev() {
        next = in_front(&mut graph, (component, around), index, part, next).map_err(|problem| match problem {
            Problem::Edge(error) => error,
            Problem::Fit(message) => refuse(part, message),
        })?;
    }
    let fits = |error: String| refuse(outermost, error);
    graph.export(next, HANDLER).map_err(|error| fits(error.to_string()))?;
    graph.encode(EncodeOptions::default()).map_err(|error| fits(causes(&error)))
}

enum Problem {
    Edge(EdgeError),
    Fit(String),
}

impl From<String> for Problem {
    fn from(message: String) -> Self {
        Self::Fit(message)
    }
}

/// Instantiates one part, gives it what comes `next`, and answers its own handler.
fn in_front(
    graph: &mut CompositionGraph,
    (component, around): (&Component, Around),
    index: usize,
    part: &Part<'_>,
    next: NodeId,
) -> Result<NodeId, Problem> {
    let (package, world) = package_of(graph, &format!("middleware:p{index}"), part.bytes)?;
    let imports = world_imports(graph, world);
    let import = handler(imports.iter()).ok_or_else(|| format!("it does not import {HANDLER}"))?;
    let export = handler(graph.types()[world].exports.keys()).ok_or_else(|| format!("it does not export {HANDLER}"))?;
    let others = imports.into_iter().filter(|other| *other != import).collect();
    let denied = check_inherited(component, around, others, part).map_err(Problem::Edge)?;
    let node = graph.instantiate(package);
    deny_imports(graph, index, node, part, &denied).map_err(|error| format!("{error:#}"))?;
    graph.set_instantiation_argument(node, &import, next).map_err(|error| causes(&error))?;
    Ok(alias(graph, node, &export)?)
}

fn handler<'a>(mut names: impl Iterator<Item = &'a String>) -> Option<String> {
    names.find(|other| name::compatible(HANDLER, other)).cloned()
}

fn alias(graph: &mut CompositionGraph, node: NodeId, export: &str) -> Result<NodeId, String> {
    graph.alias_instance_export(node, export).map_err(|error| error.to_string())
}
