//! Which imports are capabilities, and which configuration grants them. After Spin's capability sets.

use crate::edge::manifest::Configuration;

/// Package or interface prefixes. What is not listed reaches nothing outside the sandbox: clocks, randomness, streams,
/// standard output.
const CAPABILITIES: [(&str, Configuration); 27] = [
    ("wasi:http/client", Configuration::AllowedOutboundHosts),
    ("wasi:http/outgoing-handler", Configuration::AllowedOutboundHosts),
    ("wasi:http/handler", Configuration::AllowedOutboundHosts),
    ("wasi:sockets/", Configuration::AllowedOutboundHosts),
    ("spin:redis/", Configuration::AllowedOutboundHosts),
    ("spin:postgres/", Configuration::AllowedOutboundHosts),
    ("spin:mysql/", Configuration::AllowedOutboundHosts),
    ("spin:mqtt/", Configuration::AllowedOutboundHosts),
    ("fermyon:spin/redis", Configuration::AllowedOutboundHosts),
    ("fermyon:spin/postgres", Configuration::AllowedOutboundHosts),
    ("fermyon:spin/mysql", Configuration::AllowedOutboundHosts),
    ("fermyon:spin/mqtt", Configuration::AllowedOutboundHosts),
    ("fermyon:spin/http", Configuration::AllowedOutboundHosts),
    ("spin:variables/", Configuration::Variables),
    ("fermyon:spin/variables", Configuration::Variables),
    ("fermyon:spin/config", Configuration::Variables),
    ("wasi:config/", Configuration::Variables),
    ("spin:key-value/", Configuration::KeyValueStores),
    ("fermyon:spin/key-value", Configuration::KeyValueStores),
    ("wasi:keyvalue/", Configuration::KeyValueStores),
    ("spin:sqlite/", Configuration::SqliteDatabases),
    ("fermyon:spin/sqlite", Configuration::SqliteDatabases),
    ("spin:llm/", Configuration::AiModels),
    ("fermyon:spin/llm", Configuration::AiModels),
    ("wasi:filesystem/", Configuration::Files),
    ("wasi:cli/environment", Configuration::Environment),
    ("spin:", Configuration::AllowedOutboundHosts),
];

/// The configuration that `import` needs, if it is a capability.
pub(super) fn of(import: &str) -> Option<Configuration> {
    CAPABILITIES.iter().find(|(prefix, _)| import.starts_with(prefix)).map(|(_, configuration)| *configuration)
}
