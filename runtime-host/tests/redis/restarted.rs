//! A Redis that ends and comes back while nobody asks it anything.

use image2model_host::redis::Store;
use image2model_processes::RedisServer;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_next_is_not_told_of_it() {
    let mut server = RedisServer::start(&[]).unwrap();
    let store = Store::open(&server.url()).unwrap();
    let ping = async || store.query::<String>(&redis::cmd("PING")).await;
    assert_eq!(ping().await.unwrap(), "PONG");
    for _ in 0..3 {
        server.process().kill();
        server.start_again().unwrap();
        assert_eq!(ping().await.unwrap(), "PONG");
    }
}
