//! The `fal-sim` program.

fn main() {}
