//! What a script says about where the keys are is not believed: the connection would take the credentials along.

use std::io::ErrorKind;
use std::net::TcpListener;

use image2model_host::redis::{ChildRedis, Store};

#[tokio::test]
async fn a_script_sends_the_connection_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let child = ChildRedis::start(dir.path()).await.unwrap();
    let store = Store::open(&child.url()).unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let script = format!("return redis.error_reply('MOVED 1180 {}')", elsewhere.local_addr().unwrap());
    let answer = store.query::<()>(redis::cmd("EVAL").arg(script).arg(0)).await;
    assert!(answer.unwrap_err().is_retryable());
    assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nobody came");
    store.ping().await.unwrap();
    child.stop().await;
}
