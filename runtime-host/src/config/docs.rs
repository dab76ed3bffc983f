//! The table as a document and as a commented `.env`.

use std::fmt::Write as _;

use super::table::variables;
use super::variable::{Fallback, Group, Variable};

fn of(group: Group) -> impl Iterator<Item = &'static Variable> {
    variables().filter(move |variable| variable.group == group)
}

/// `docs/configuration.md`.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         <!-- Written by `image2model config docs`; a test compares. Change runtime-host/src/config/table instead. -->\n\n\
         Values come from flags, from the environment and from a `.env` file in the working directory, in this order; an \
         empty value counts as not set. Everything is checked before a port opens, and every problem is told at once.\n\
         With Spin in place of `image2model up` or `serve`, the application's own variables are set as \
         `SPIN_VARIABLE_<NAME>`; their names are in `spin.toml`.\n",
    );
    for group in Group::ALL {
        let _ =
            write!(out, "\n## {}\n\n| variable | default | expects | meaning |\n|---|---|---|---|\n", group.title());
        for variable in of(group) {
            let default = match variable.fallback {
                Fallback::Value(value) => format!("`{value}`"),
                Fallback::Words(words) => words.to_owned(),
            };
            let secret = if variable.secret { " Secret: never printed." } else { "" };
            let Variable { name, expects, meaning, .. } = variable;
            let _ = writeln!(out, "| `{name}` | {default} | {expects} | {meaning}{secret} |");
        }
    }
    out
}

/// `.env.example`.
#[must_use]
pub fn env_example() -> String {
    let mut out = String::from(
        "# Copy to .env and take the # off what you change. docs/configuration.md explains each variable.\n\
         # Nothing has to be set to try it: `image2model up` then runs a private Redis and simulates FAL.AI.\n",
    );
    for group in Group::ALL {
        let _ = write!(out, "\n# {}\n", group.title());
        for variable in of(group) {
            let value = match variable.fallback {
                Fallback::Value(value) => value,
                Fallback::Words(_) => "",
            };
            let _ = writeln!(out, "#{}={value}", variable.name);
        }
    }
    out
}
