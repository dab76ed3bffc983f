//! The nodes of a Redis Cluster, as one of them names them. Only the place differs: whether TLS is used, and with which
//! settings, is as for the node that was asked.

use std::sync::Arc;

use ::redis::{ConnectionAddr, RedisResult, Value};

use super::line::Line;

/// Nodes that are remembered, at most.
const MOST_NODES: usize = 256;

type May = dyn Fn(&str, u16) -> bool + Send + Sync;

/// Says which nodes may be gone to, by host and port.
#[derive(Clone)]
pub(crate) struct Nodes(pub Arc<May>);

impl Nodes {
    fn allow(&self, node: &ConnectionAddr) -> bool {
        match node {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => (self.0)(host, *port),
            _ => false,
        }
    }
}

/// All nodes that may be gone to, replicas too. An error when there is no cluster.
pub(super) async fn of_cluster(
    line: &Line,
    asked: &ConnectionAddr,
    within: Option<&Nodes>,
) -> RedisResult<Vec<ConnectionAddr>> {
    let answer = line.send(::redis::cmd("CLUSTER").arg("SLOTS")).await?.extract_error()?;
    let mut nodes = listed(asked, &answer);
    nodes.retain(|node| within.is_none_or(|within| within.allow(node)));
    Ok(nodes)
}

/// Out of ranges of slots, each two numbers and then its nodes: host, port and more.
fn listed(asked: &ConnectionAddr, answer: &Value) -> Vec<ConnectionAddr> {
    let mut nodes = Vec::new();
    for part in elements(answer).iter().flat_map(|range| elements(range).iter().skip(2)) {
        let [host, Value::Int(port), ..] = elements(part) else { continue };
        let (Some(host), Ok(port)) = (text(host), u16::try_from(*port)) else { continue };
        match placed(asked, host, port) {
            Some(node) if !nodes.contains(&node) && nodes.len() < MOST_NODES => nodes.push(node),
            _ => {}
        }
    }
    nodes
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        _ => &[],
    }
}

/// A node without a name has the host that was asked.
fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Nil => Some(""),
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// A node by the name that `MOVED` gives it, `host:port`.
pub(super) fn named(asked: &ConnectionAddr, node: &str) -> Option<ConnectionAddr> {
    let (host, port) = node.rsplit_once(':')?;
    placed(asked, host, port.parse().ok()?)
}

/// `asked` with another host and port. `?` is how Redis writes a name that it does not know.
fn placed(asked: &ConnectionAddr, host: &str, port: u16) -> Option<ConnectionAddr> {
    let or = |own: &str| if host.is_empty() { own.to_owned() } else { host.to_owned() };
    match asked {
        _ if host == "?" => None,
        ConnectionAddr::Tcp(own, _) => Some(ConnectionAddr::Tcp(or(own), port)),
        ConnectionAddr::TcpTls { host: own, insecure, tls_params, .. } => {
            Some(ConnectionAddr::TcpTls { host: or(own), port, insecure: *insecure, tls_params: tls_params.clone() })
        }
        _ => None,
    }
}

/// Whom to ask after `at`: each node in turn, and the configured address.
pub(super) fn after(at: &ConnectionAddr, seed: &ConnectionAddr, nodes: &[ConnectionAddr]) -> ConnectionAddr {
    let circle = || std::iter::once(seed).chain(nodes.iter().filter(|node| *node != seed));
    let here = circle().position(|node| node == at);
    here.and_then(|here| circle().nth(here + 1)).unwrap_or(seed).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> ConnectionAddr {
        ConnectionAddr::Tcp(host.to_owned(), port)
    }

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec()), Value::Array(vec![])])
    }

    #[test]
    fn nodes_are_read_once_each_replicas_too() {
        let range = |nodes: Vec<Value>| Value::Array([vec![Value::Int(0), Value::Int(9)], nodes].concat());
        let host = |name: &str| Value::BulkString(name.as_bytes().to_vec());
        let answer = Value::Array(vec![
            range(vec![node(host("10.0.0.1"), 1), node(host("10.0.0.2"), 2)]),
            range(vec![node(host("10.0.0.1"), 1), node(Value::Nil, 3), node(host("?"), 4), node(host("::1"), 5)]),
        ]);
        let found = listed(&tcp("seed", 9), &answer);
        assert_eq!(found, [tcp("10.0.0.1", 1), tcp("10.0.0.2", 2), tcp("seed", 3), tcp("::1", 5)]);
        assert_eq!(listed(&tcp("seed", 9), &Value::Okay), []);
    }

    #[test]
    fn moved_names_a_node() {
        assert_eq!(named(&tcp("seed", 9), "10.0.0.1:7"), Some(tcp("10.0.0.1", 7)));
        assert_eq!(named(&tcp("seed", 9), ":7"), Some(tcp("seed", 7)));
        assert_eq!(named(&tcp("seed", 9), "nowhere"), None);
    }

    #[test]
    fn every_node_is_asked_in_turn() {
        let (seed, nodes) = (tcp("a", 1), [tcp("b", 1), tcp("a", 1), tcp("c", 1)]);
        let mut at = seed.clone();
        let asked: Vec<_> = std::iter::repeat_with(|| {
            at = after(&at, &seed, &nodes);
            at.clone()
        })
        .take(4)
        .collect();
        assert_eq!(asked, [tcp("b", 1), tcp("c", 1), tcp("a", 1), tcp("b", 1)]);
        assert_eq!(after(&tcp("gone", 1), &seed, &nodes), seed);
        assert_eq!(after(&seed, &seed, &[]), seed);
    }
}
