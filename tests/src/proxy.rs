//! A TCP proxy: a fixed address whose target may change, and a line that can be held up or cut, what is on it lost.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is on its way at a time; what more is sent waits at the sender.
const ON_ITS_WAY: usize = 16 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    target: u16,
    held_up: bool,
    /// Connections of an earlier number are cut.
    number: u32,
}

/// A running proxy; ends with its value.
pub struct Proxy {
    address: SocketAddr,
    line: Arc<watch::Sender<Line>>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Starts one that leads to a local port.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(target: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let line = Arc::new(watch::Sender::new(Line { target, held_up: false, number: 0 }));
        let task = tokio::spawn(accept(listener, line.clone()));
        Ok(Self { address, line, task })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Holds up everything, in both directions; what is sent meanwhile is on its way.
    pub fn hold_up(&self) {
        self.line.send_modify(|line| line.held_up = true);
    }

    /// Cuts every connection, what is on its way being lost; new ones lead to `target`.
    pub fn lead_to(&self, target: u16) {
        self.line.send_modify(|line| *line = Line { target, held_up: false, number: line.number + 1 });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, line: Arc<watch::Sender<Line>>) {
    while let Ok((near, _)) = listener.accept().await {
        let line = line.subscribe();
        tokio::spawn(async move {
            let Line { target, number, .. } = *line.borrow();
            let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            let mut cut = line.clone();
            tokio::select! {
                () = pass_on(near_in, far_out, line.clone()) => {}
                () = pass_on(far_in, near_out, line) => {}
                _ = cut.wait_for(|line| line.number != number) => {}
            }
        });
    }
}

/// Until one side ends.
async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut buffer = vec![0; ON_ITS_WAY];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if line.wait_for(|line| !line.held_up).await.is_err() {
            return;
        }
        let Some(bytes) = buffer.get(..count) else { return };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}
