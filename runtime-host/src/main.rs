//! The `image2model` program.

fn main() {}
