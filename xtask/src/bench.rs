//! `cargo xtask bench`: everything in release, then the measurements of `bench/`.

use clap::{Args, ValueEnum};

use crate::build;
use crate::command::{cargo, execute, program, target_dir};
use crate::{layout, profile, setup};

// Nothing else of that crate is needed here, and it brings the whole product along.
#[path = "../../bench/src/measurement.rs"]
mod measurement;

use measurement::Measurement;

#[derive(Args)]
pub struct Options {
    /// Which measurements to make; all of them when none is named
    names: Vec<Measurement>,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    setup::redis()?;
    let wanted = |measurement| options.names.is_empty() || options.names.contains(&measurement);
    if wanted(Measurement::Queue) {
        setup::celery()?;
    }
    if wanted(Measurement::Streams) {
        setup::stream_servers()?;
    }
    if wanted(Measurement::Host) {
        setup::wasmtime()?;
        build::guests()?;
    }
    build::application()?;
    let mut build = cargo(&["build", "--release"]);
    profile::build_release(build.args(profile::PROGRAMS), &layout::PROGRAMS)?;
    let values = options.names.iter().filter_map(ValueEnum::to_possible_value);
    execute(
        program(target_dir().join("release/image2model-bench")).args(values.map(|value| value.get_name().to_owned())),
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    #[test]
    fn a_wrong_name_is_known_before_anything_is_built() {
        let given = |name| crate::Arguments::try_parse_from(["xtask", "bench", name]).is_ok();
        assert!(given("status") && given("swap") && !given("stauts"));
    }
}
