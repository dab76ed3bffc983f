//! Accepting: as many connections as there are places. An accept error pauses the loop for a moment and never ends it; where
//! it was for want of file descriptors, idle connections give theirs back. When the port closes, those that the kernel has let
//! in are accepted too.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::places::{Place, Places};

/// As many as Linux lets a listener keep waiting by default.
const BACKLOG: usize = 4096;
/// How long one of the last may wait for a place.
const PLACE_WITHIN: Duration = Duration::from_secs(1);
/// How long the last have for their requests.
const LAST_WITHIN: Duration = Duration::from_secs(1);

/// A connection, who it is from, and its place.
pub(crate) type Accepted = (TcpStream, SocketAddr, Place);

/// After an accept error: no file descriptor left, or the client already gone.
const PAUSE: Duration = Duration::from_millis(20);

/// The next connection with its place, or nothing at shutdown.
pub(crate) async fn next(
    listener: &TcpListener,
    places: &Arc<Places>,
    shutdown: &CancellationToken,
) -> Option<Accepted> {
    let accepted = async {
        loop {
            match listener.accept().await {
                Ok((stream, client)) => return Some((stream, client, places.take(client.ip()).await?)),
                Err(error) => {
                    tracing::warn!(%error, "connection could not be accepted");
                    if is_out_of_files(&error) {
                        places.make_room();
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        accepted = accepted => accepted,
    }
}

/// The last connections of a port that closes: their clients were told by the kernel that they are connected, and nobody has
/// accepted them. They too are to go when the token says so.
pub(crate) async fn last(listener: TcpListener, places: &Arc<Places>) -> (Vec<Accepted>, CancellationToken) {
    let (mut last, go) = (Vec::new(), CancellationToken::new());
    for (stream, client) in waiting(listener) {
        let Ok(Some(place)) = tokio::time::timeout(PLACE_WITHIN, places.take(client.ip())).await else { break };
        last.push((stream, client, place));
    }
    if !last.is_empty() {
        let go = go.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_WITHIN).await;
            go.cancel();
        });
    }
    (last, go)
}

fn waiting(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accepted = std::iter::from_fn(|| listener.accept().ok()).take(BACKLOG);
    let ours = accepted.filter_map(|(stream, client)| {
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, client))
    });
    ours.collect()
}

fn is_out_of_files(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let errno = rustix::io::Errno::from_io_error(error);
    matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    #[tokio::test]
    async fn whoever_is_connected_when_the_port_closes_is_accepted() {
        let (listener, places) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Places::new(10));
        let address = listener.local_addr().unwrap();
        let clients = futures::future::join_all((0..3).map(|_| TcpStream::connect(address))).await;
        let clients: Vec<_> = clients.into_iter().map(|client| client.unwrap().local_addr().unwrap()).collect();
        let (last, _) = last(listener, &places).await;
        let last: Vec<_> = last.into_iter().map(|(_, client, _)| client).collect();
        assert_eq!(last.len(), 3);
        assert!(last.iter().all(|client| clients.contains(client)));
        assert!(TcpStream::connect(address).await.is_err(), "the port is still open");
    }

    const ALONE: &str = "TEST_OUT_OF_FILES_ALONE";

    /// In a process of its own: the others of this one need files.
    #[test]
    fn without_file_descriptors_the_loop_goes_on_and_idle_connections_give_theirs_back() {
        let name = "intake::accept::tests::out_of_files";
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let output = alone.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("served after the flood"), "{said}");
    }

    #[tokio::test]
    async fn out_of_files() {
        if std::env::var_os(ALONE).is_none() {
            return;
        }
        let (listener, places) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), Places::new(10_000));
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(async move {
            while let Some((mut stream, _, place)) = next(&listener, &places, &shutdown).await {
                tokio::spawn(async move {
                    let told = place.guest().told_to_go().clone();
                    let echo = async {
                        let (mut from, mut to) = stream.split();
                        tokio::io::copy(&mut from, &mut to).await
                    };
                    tokio::select! { _ = echo => {}, () = told.cancelled() => {} }
                });
            }
        });
        // Both ends are in this process: what is left is for some twenty connections.
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(60), ..before }).unwrap();
        let mut flood = Vec::new();
        while let Ok(stream) = TcpStream::connect(address).await {
            flood.push(stream);
            tokio::task::yield_now().await;
        }
        assert!(flood.len() > 10, "{}", flood.len());
        tokio::time::sleep(PAUSE * 3).await;
        // The flood goes on to hold what it has; one end's descriptor is all that the next client needs.
        flood.truncate(flood.len() - 1);
        let answered = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut client = TcpStream::connect(address).await?;
            client.write_all(b"hello").await?;
            let mut answer = [0; 5];
            client.read_exact(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(10), answered).await.expect("nobody is accepted");
        assert_eq!(&answer.unwrap(), b"hello");
        println!("served after the flood");
    }
}
