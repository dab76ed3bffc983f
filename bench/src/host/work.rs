//! What is asked of the servers: the components, the requests that they get, and how many at a time.

use std::path::PathBuf;

use image2model_tests::process::root;

use super::load::Ask;

const MEGABYTE: usize = 1 << 20;

/// A component; they are the tests' own (`tests/conformance/guests`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    /// Answers at once.
    Hello,
    /// Reads a key.
    Redis,
    /// Counts a body, or gives it back.
    Echo,
    /// Computes, among other things.
    Faults,
}

impl Guest {
    /// Its id in the manifest.
    pub fn id(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Redis => "redis",
            Self::Echo => "echo",
            Self::Faults => "faults",
        }
    }

    /// The routes that lead to it.
    pub fn routes(self) -> &'static [&'static str] {
        match self {
            Self::Hello => &["/hello"],
            Self::Redis => &["/get/..."],
            Self::Echo => &["/echo", "/count"],
            Self::Faults => &["/compute"],
        }
    }

    /// Its file, once the conformance guests are built.
    pub fn file(self) -> PathBuf {
        root().join(format!("target/wasm32-wasip2/release/conformance_{}.wasm", self.id()))
    }
}

/// One thing that is measured.
pub struct Work {
    pub name: &'static str,
    pub guest: Guest,
    pub ask: Ask,
}

/// How many connections ask at a time.
pub const CONNECTIONS: [usize; 3] = [1, 32, 256];

/// All of them.
pub fn all() -> Vec<Work> {
    let ten = 10 * MEGABYTE;
    vec![
        Work { name: "hello", guest: Guest::Hello, ask: Ask::get("/hello") },
        Work { name: "Redis read", guest: Guest::Redis, ask: Ask::get("/get/key") },
        Work { name: "1 MiB echo", guest: Guest::Echo, ask: Ask::post("/echo", MEGABYTE, Some(MEGABYTE)) },
        Work { name: "10 MiB upload", guest: Guest::Echo, ask: Ask::post("/count", ten, Some(ten.to_string().len())) },
    ]
}
