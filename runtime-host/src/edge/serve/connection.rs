//! Connections: served each in its own task, ended gently at shutdown. One whose first request a native route wants for
//! itself is handed over.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderValue;
use http::request::Parts;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServeOptions;
use super::dispatch::{Dispatch, Peers};
use super::native::TakenOver;
use crate::intake::{
    Attended, Connection, Door, Guest, Keeping, Opened, Place, Places, head_of_chunks, last, next, respond, unless_gone,
};

/// What one connection may buffer of a request's head.
const MAX_HEAD: usize = 64 * 1024;

/// Accepts until `shutdown`, then drains; guests that go on by themselves, `behind`, are waited for as well.
pub(super) async fn accept_loop(
    listener: TcpListener,
    dispatch: Arc<Dispatch>,
    options: &ServeOptions,
    behind: &TaskTracker,
    shutdown: CancellationToken,
) {
    let places = Places::new(options.max_connections);
    let tasks = TaskTracker::new();
    let abort = CancellationToken::new();
    let door = Door { tls: options.tls.clone(), within: options.header_timeout };
    let server = Server { dispatch, door, shutdown, abort: abort.clone() };
    while let Some((stream, client, place)) = next(&listener, &places, &server.shutdown).await {
        let server = server.clone();
        tasks.spawn(async move { server.connection(stream, client, place).await });
    }
    let (last, shutdown) = last(listener, &places).await;
    let server = Server { shutdown, ..server };
    for (stream, client, place) in last {
        let server = server.clone();
        tasks.spawn(async move { server.connection(stream, client, place).await });
    }
    tasks.close();
    behind.close();
    // What goes on behind a connection ends after it, if at all.
    let drained = async {
        tasks.wait().await;
        behind.wait().await;
    };
    if tokio::time::timeout(options.drain, drained).await.is_err() {
        let (connections, guests) = (tasks.len(), behind.len());
        tracing::warn!(connections, guests, "requests still in work after the drain, closing them");
        abort.cancel();
        tasks.wait().await;
    }
}

#[derive(Clone)]
struct Server {
    dispatch: Arc<Dispatch>,
    door: Door,
    shutdown: CancellationToken,
    abort: CancellationToken,
}

impl Server {
    async fn connection(self, stream: TcpStream, client: SocketAddr, place: Place) {
        let Ok(local) = stream.local_addr() else { return };
        let takes = |path: &str| self.dispatch.native.takes_over(path);
        let guest = place.guest().clone();
        let opened = self.door.open(stream, &self.shutdown, takes);
        let Some(opened) = guest.told_to_go().run_until_cancelled(opened).await else { return };
        match opened {
            Opened::Request(head, stream) => {
                tokio::select! {
                    biased;
                    () = self.abort.cancelled() => {}
                    () = self.hand_over(*head, stream, client, place) => {}
                }
            }
            Opened::Http(connection) => {
                tokio::select! {
                    biased;
                    () = self.abort.cancelled() => {}
                    () = self.serve(connection, client, local, &guest) => {}
                }
            }
            Opened::Gone => {}
        }
    }

    /// Lets a native route have the connection, or answers that it does not want it.
    async fn hand_over(&self, head: Parts, stream: TcpStream, client: SocketAddr, place: Place) {
        let guest = place.guest().clone();
        let _answering = guest.answering();
        let answer = unless_gone(&stream, self.dispatch.take_over(head, client)).await;
        let Some(TakenOver { response, carry }) = answer else { return };
        match carry {
            Some(carry) => {
                let Some(place) = place.keep() else { return };
                carry(stream, head_of_chunks(&mut response.into_parts().0), place).await;
            }
            None => respond(stream, response).await,
        }
    }

    async fn serve(&self, connection: Connection, client: SocketAddr, local: SocketAddr, guest: &Arc<Guest>) {
        let Ok(client_header) = HeaderValue::try_from(client.to_string()) else { return };
        let peers = Arc::new(Peers { client, client_header, local, encrypted: connection.is_encrypted() });
        let is_shared = connection.is_shared();
        let keeping = Keeping { head_within: self.door.within, max_buffer: MAX_HEAD, shutdown: &self.shutdown, guest };
        let service = service_fn(|request| {
            let (dispatch, peers, guest) = (self.dispatch.clone(), peers.clone(), guest.clone());
            async move {
                let answering = guest.answering();
                let answer = dispatch.answer(request, &peers).await;
                Ok::<_, Infallible>(answer.map(|body| Attended::new(body, answering, is_shared)))
            }
        });
        connection.serve(service, &keeping).await;
    }
}
