//! `spin.toml`: whatever it says, it is read or refused with words; what is read holds together.

use std::collections::HashMap;
use std::path::Path;

use image2model_host::edge::manifest::{Application, DependencySource};

use crate::{Complaint, Outcome, Target};

pub(super) const TARGET: Target = Target {
    name: "manifest",
    run,
    dictionary: &[
        b"spin_manifest_version = 2\n",
        b"[application]\n",
        b"name = \"x\"\n",
        b"[variables]\n",
        b"[[trigger.http]]\n",
        b"route = \"/...\"\n",
        b"component = \"a\"\n",
        b"[component.a]\n",
        b"source = \"a.wasm\"\n",
        b"allowed_outbound_hosts = [",
        b"\"https://*.example.org:443\"",
        b"{{ a }}",
        b"{{",
        b"}}",
        b"required = true",
        b"default = \"\"",
        b"secret = true",
        b"[component.a.profile.p]\n",
        b"[component.a.dependencies]\n",
        b"inherit_configuration = ",
        b"files = [",
        b"{ source = \"x\", destination = \"/y\" }",
        b"[component.a.tool.image2model]\n",
        b"memory_mb = ",
        b"4294967295",
        b"-1",
        b"\"\"\"",
        b"'''",
        b"\\u",
        b"[[",
        b"]]",
        b"/:user/...",
        b"= {",
        b"}",
    ],
    mend: None,
    longest: 32 * 1024,
};

fn run(input: &[u8]) -> Result<Outcome, Complaint> {
    let text = String::from_utf8_lossy(input);
    let overrides = HashMap::from([("redis_url".to_owned(), "redis://127.0.0.1".to_owned())]);
    let application = match Application::parse(
        &text,
        Path::new("spin.toml"),
        &overrides,
        Some("p").filter(|_| text.contains("profile.p")),
    ) {
        Ok(application) => application,
        Err(error) => {
            let words = error.to_string();
            if words.is_empty() {
                return Err("refused without a word".to_owned());
            }
            return Ok(Outcome::of((error.code(), words.split(':').next().map(str::len))));
        }
    };
    for route in &application.routes {
        if !application.components.contains_key(&route.component) {
            return Err(format!("{route:?} leads to no component"));
        }
    }
    for (id, component) in &application.components {
        let named = component.dependencies.iter().filter_map(|dependency| match &dependency.source {
            DependencySource::Component(id) => Some(id),
            DependencySource::Code(_) => None,
        });
        if let Some(missing) = named.into_iter().find(|id| !application.components.contains_key(*id)) {
            return Err(format!("{id:?} depends on {missing:?}, which is not there"));
        }
        if component.mounts.iter().any(|mount| !mount.destination.starts_with('/')) {
            return Err(format!("{id:?} sees a folder at no absolute path"));
        }
    }
    Ok(Outcome::of((application.routes.len(), application.components.len())))
}
