//! A listener over a connection that no HTTP server has: a task for as long as there is something to read and to send, a
//! reactor while there is nothing but to wait.
//!
//! Bounded: one page of the stream, or one snapshot, waits to be written, and what the system holds; a client that takes nothing is closed after
//! `limits.stall`; what it says is read and forgotten.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::Shared;
use super::chunk;
use super::listener::{Listener, Todo, Waiting};
use super::reactor::Subscriber;
use crate::intake::{gone, listens};

/// Frames in one write.
const AT_ONCE: usize = 64;

/// The place of a connection among those of the server that accepted it.
type Place = Option<OwnedSemaphorePermit>;

/// Writes the head of the answer, then carries the stream.
pub async fn begin(listener: Listener, stream: TcpStream, head: Bytes, place: Place) {
    // Where it cannot be bounded, the stall still is.
    let _ = SockRef::from(&stream).set_send_buffer_size(listener.shared().limits.send_buffer);
    carry(listener, stream, VecDeque::from([head]), place).await;
}

/// Carries a stream that a reactor gave back.
pub async fn resume(shared: Arc<Shared>, stream: std::net::TcpStream, waiting: Waiting, place: Place) {
    let listener = Listener::resume(shared, waiting);
    match TcpStream::from_std(stream) {
        Ok(stream) => carry(listener, stream, VecDeque::new(), place).await,
        Err(error) => tracing::warn!(%error, "a stream's connection cannot be carried on, closing it"),
    }
}

async fn carry(mut listener: Listener, mut stream: TcpStream, first: VecDeque<Bytes>, place: Place) {
    let hangup = listener.shared().hangup.clone();
    let carried = tokio::select! {
        biased;
        () = hangup.cancelled() => Carried::Gone,
        carried = until_it_waits(&mut listener, &stream, first) => carried,
    };
    match carried {
        Carried::Waits => {
            // It is registered anew with the reactor, so that nothing that happens in between is missed.
            if let Ok(stream) = stream.into_std() {
                let shared = listener.shared().clone();
                shared.reactors.adopt(Subscriber::new(stream, listener.wait_elsewhere(), place));
            }
        }
        Carried::Stalled => {
            tracing::info!(job_id = listener.job(), "client takes no events, closing its stream");
            listener.shared().counters.stalled.add(1);
        }
        Carried::Ended => {
            // The rest of what the client said: closing over it would take back what is on its way.
            listens(&stream, &mut 0);
            let _ = stream.shutdown().await;
        }
        Carried::Gone => {}
    }
}

/// How far a task carries a stream.
enum Carried {
    Waits,
    Ended,
    Stalled,
    Gone,
}

async fn until_it_waits(listener: &mut Listener, stream: &TcpStream, mut out: VecDeque<Bytes>) -> Carried {
    let stall = listener.shared().limits.stall;
    loop {
        let todo = tokio::select! {
            biased;
            todo = listener.todo() => todo,
            () = gone(stream) => return Carried::Gone,
        };
        let ends = match todo {
            Todo::Write(mut frames) => {
                if let Some([before, after]) = chunk::around(frames.iter().map(Bytes::len).sum()) {
                    out.push_back(before);
                    out.append(&mut frames);
                    out.push_back(after);
                }
                None
            }
            Todo::Wait => Some(Carried::Waits),
            Todo::Close => {
                out.push_back(chunk::LAST);
                Some(Carried::Ended)
            }
        };
        while !out.is_empty() {
            match write(stream, &mut out) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    tokio::select! {
                        biased;
                        writable = tokio::time::timeout(stall, stream.writable()) => match writable {
                            Ok(Ok(())) => {}
                            Ok(Err(_)) => return Carried::Gone,
                            Err(_) => return Carried::Stalled,
                        },
                        () = gone(stream) => return Carried::Gone,
                    }
                }
                Err(_) => return Carried::Gone,
            }
        }
        if let Some(end) = ends {
            return end;
        }
    }
}

/// Writes as much as the connection takes at once.
fn write(stream: &TcpStream, out: &mut VecDeque<Bytes>) -> io::Result<()> {
    let slices: Vec<IoSlice<'_>> = out.iter().take(AT_ONCE).map(|frame| IoSlice::new(frame)).collect();
    let mut written = stream.try_write_vectored(&slices)?;
    if written == 0 && slices.iter().any(|slice| !slice.is_empty()) {
        return Err(io::ErrorKind::WriteZero.into());
    }
    while let Some(frame) = out.front_mut() {
        if frame.len() > written {
            frame.advance(written);
            break;
        }
        written -= frame.len();
        out.pop_front();
    }
    Ok(())
}
