//! TCP of components: where `allowed_outbound_hosts` says, by WASI 0.2 and 0.3, and only so many at a time.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{App, Host};

/// Sends back what it is sent, once that has ended.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut text = Vec::new();
                stream.read_to_end(&mut text).await.unwrap();
                stream.write_all(&text).await.unwrap();
            });
        }
    });
    address
}

async fn allowed(entry: &str) -> Host {
    App::new().route("/...", "sockets", &format!("allowed_outbound_hosts = [{entry:?}]")).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_connects_where_it_may() {
    let address = echo().await;
    let port = address.port();
    for entry in [format!("tcp://127.0.0.1:{port}"), format!("*://127.0.0.0/24:{port}")] {
        let host = allowed(&entry).await;
        for version in ["older", "newer"] {
            assert_eq!(
                host.get(&format!("/{version}/{address}/hello")).await.text(),
                "Ok(\"hello\")",
                "{version} {entry}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_connects_nowhere_else() {
    let address = echo().await;
    let port = address.port();
    // Another address, another port, another scheme, and what a wildcard lets through is public.
    let other = port.wrapping_add(1).max(1);
    for entry in [
        format!("tcp://127.0.0.2:{port}"),
        format!("tcp://127.0.0.1:{other}"),
        format!("http://127.0.0.1:{port}"),
        "*://*:*".to_owned(),
    ] {
        let host = allowed(&entry).await;
        assert_eq!(host.get(&format!("/older/{address}/hello")).await.text(), "Err(PermissionDenied)", "{entry}");
        assert_eq!(
            host.get(&format!("/newer/{address}/hello")).await.text(),
            "Err(ErrorCode::AccessDenied)",
            "{entry}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_listened_on_and_datagrams_are_not_sent() {
    let host = allowed("*://127.0.0.1:*").await;
    for path in ["/listen", "/datagrams"] {
        assert_eq!(host.get(path).await.text(), "Err(PermissionDenied)", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_connect_nowhere_takes_no_place() {
    let host = App::new().route("/...", "sockets", "").start().await;
    let many = host.get("/many/40").await.text();
    assert_eq!(many, "40 refused, the last with Some(ErrorCode::AccessDenied)", "not for want of places");
    assert_eq!(host.get("/older/127.0.0.1:7/x").await.text(), "Err(PermissionDenied)");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_a_component_are_counted_until_their_requests_end() {
    let address = echo().await;
    let host = allowed(&format!("tcp://{address}")).await;
    for _ in 0..10 {
        let many = host.get("/many/40").await.text();
        assert_eq!(many, "8 refused, the last with Some(ErrorCode::OutOfMemory)");
        assert_eq!(host.get(&format!("/several/{address}/40")).await.text(), "8 refused");
        let again = host.get("/many/32").await.text();
        assert_eq!(again, "0 refused, the last with None", "those of the last request are gone");
    }
    assert_eq!(host.get(&format!("/older/{address}/after")).await.text(), "Ok(\"after\")");
}
