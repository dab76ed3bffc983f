//! What can be measured.

use std::process::Command;

#[test]
fn a_measurement_that_is_not_known_is_refused() {
    let ended = Command::new(env!("CARGO_BIN_EXE_image2model-bench")).arg("stauts").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.contains("stauts") && said.contains("status"), "{said}");
}
