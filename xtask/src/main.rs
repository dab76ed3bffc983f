//! The project's tasks. `cargo xtask up` runs the product, `cargo xtask test` proves it; both set up what they need on a
//! fresh machine first.

mod bench;
mod build;
mod command;
mod counts;
mod fuzz;
mod layout;
mod lint;
mod profile;
mod results;
mod setup;
mod test;
mod up;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The tasks of Image2Model at the edge")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Sets everything up, builds it in release and runs the whole product on this machine
    Up(up::Options),
    /// Sets everything up and runs every test; the counts are the last lines
    Test(test::Options),
    /// Builds the components, the pages and the host, and checks every component against its world
    Build(build::Options),
    /// Fuzzes what reads strangers' bytes, for as long as asked (`cargo xtask test` does it for seconds)
    Fuzz(fuzz::Options),
    /// Checks formatting and lints, for the native crates and the components
    Lint,
    /// Measures the product beside its peers and prints the table of bench/README.md
    Bench(bench::Options),
    /// Learns what release builds are to be laid out by, from running them; after updates of the compiler or the engine
    Profile(profile::Options),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Up(options) => up::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Build(options) => build::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Lint => lint::run(),
        Task::Bench(options) => bench::run(&options),
        Task::Profile(options) => profile::run(&options),
    }
}
