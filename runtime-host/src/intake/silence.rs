//! Clients that have nothing to say: what they say is read and forgotten, and that they have gone is noticed.

use std::io;

use tokio::net::TcpStream;

/// One that does not stop talking is no such client.
pub const MOST_HEARD: usize = 64 * 1024;

/// What comes of `work`, unless the client goes away before.
pub async fn unless_gone<T>(stream: &TcpStream, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = gone(stream) => None,
    }
}

/// Returns when the client has closed, broken off, or said too much.
pub async fn gone(stream: &TcpStream) {
    let mut heard = 0;
    while stream.readable().await.is_ok() {
        if !listens(stream, &mut heard) {
            return;
        }
    }
}

/// Reads and forgets what there is, counted in `heard`; answers whether the client is still a listener.
pub fn listens(stream: &TcpStream, heard: &mut usize) -> bool {
    let mut forgotten = [0; 1024];
    while *heard < MOST_HEARD {
        match stream.try_read(&mut forgotten) {
            Ok(0) => return false,
            Ok(n) => *heard += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
            Err(_) => return false,
        }
    }
    false
}
