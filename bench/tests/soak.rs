//! The soak of the streams in small: `image2model-bench soak` is the real one.

use std::process::Command;

#[test]
fn clients_that_come_go_and_stall_lose_nothing() {
    let mut soak = Command::new(env!("CARGO_BIN_EXE_image2model-bench"));
    let ended = soak.args(["soak", "--clients", "400", "--seconds", "14"]).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
    assert!(said.contains("nothing missing, nothing twice"), "{said}");
}
