//! `image2model compile`: what a host starts to have a component compiled. Not for people: `image2model check` tells them what is
//! wrong with a component.

use std::io;
use std::process::ExitCode;

use image2model_host::edge;

pub fn run() -> ExitCode {
    match edge::compile(io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}
