//! The `image2model` program.

mod cli;

fn main() -> std::process::ExitCode {
    cli::run()
}
