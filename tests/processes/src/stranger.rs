//! Clients that open connections without end, from an address of their own, so that a host can tell them from everybody else.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

/// Another address of this machine than everybody else's, which is 127.0.0.1; any free port.
const FROM: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2)), 0);

/// Opens the `n`th connection and asks for `path`, or something like it: one in three says nothing, one begins a head, one
/// waits for nothing more after its answer.
///
/// # Errors
/// When the connection is refused or broken off.
pub async fn connect(address: SocketAddr, path: &str, n: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(FROM)?;
    let mut stream = socket.connect(address).await?;
    match n % 3 {
        0 => {}
        1 => stream.write_all(format!("GET {path} HTTP/1.1\r\nhost:").as_bytes()).await?,
        _ => stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n").as_bytes()).await?,
    }
    Ok(stream)
}
