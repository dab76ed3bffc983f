//! TCP connections of components: to addresses that `allowed_outbound_hosts` lets through by `tcp` or any scheme, private ones
//! only where they or their range are named. Nothing is listened on; there is no UDP, and names are not resolved. Bounds: the
//! sockets of one component at a time, and of one instance. One counts until its request is done with, closed or not: nothing
//! tells when the last stream of it is gone. Its instance is not used again.

use std::net::SocketAddr;
use std::sync::Arc;

use image2model_domain::webhook::is_public;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::io::error::Error as IoError;
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket;
use wasmtime_wasi::p2::{SocketError, SocketResult, TcpSocket};
use wasmtime_wasi::p3::bindings::sockets::types as newer;
use wasmtime_wasi::sockets::{SocketAddrUse, WasiSocketsView as _};

use super::{AllowedHosts, HasHost, HostState, Reach};

/// Sockets that one component may have at a time.
const MOST: usize = 256;
/// Those of one instance: a single request does not take all places.
const MOST_OF_ONE: usize = 32;
const SCHEME: &str = "tcp";

/// What one component has of them.
pub(crate) struct SocketAccess {
    allowed: Option<Arc<AllowedHosts>>,
    places: Arc<Semaphore>,
}

/// The places that one instance has taken.
#[derive(Default)]
pub(crate) struct Taken(Vec<OwnedSemaphorePermit>);

impl Taken {
    /// Whether there is any.
    pub fn is_any(&self) -> bool {
        !self.0.is_empty()
    }
}

impl SocketAccess {
    pub fn new(allowed: &AllowedHosts) -> Self {
        let allowed = allowed.of_schemes(&[SCHEME]);
        let allowed = (!allowed.is_empty()).then(|| Arc::new(allowed));
        Self { allowed, places: Arc::new(Semaphore::new(MOST)) }
    }

    /// Lets an instance of `component` connect where it may. Without any such place it can make no socket.
    pub fn allow(&self, component: &Arc<str>, builder: &mut WasiCtxBuilder) {
        builder.allow_tcp(self.allowed.is_some()).allow_udp(false).allow_ip_name_lookup(false);
        let Some(allowed) = self.allowed.clone() else { return };
        let component = component.clone();
        builder.socket_addr_check(move |address, wanted| {
            let may = may(&allowed, address, wanted);
            if !may && matches!(wanted, SocketAddrUse::TcpConnect) {
                tracing::warn!(component = &*component, %address, "socket denied: not in allowed_outbound_hosts");
            }
            Box::pin(std::future::ready(may))
        });
    }
}

fn may(allowed: &AllowedHosts, address: SocketAddr, wanted: SocketAddrUse) -> bool {
    match wanted {
        // What connecting does by itself.
        SocketAddrUse::TcpBind => address.ip().is_unspecified() && address.port() == 0,
        SocketAddrUse::TcpConnect => match allowed.reach(SCHEME, &address.ip().to_string(), Some(address.port())) {
            Some(Reach::Anywhere) => true,
            Some(Reach::Public) => is_public(address.ip()),
            None => false,
        },
        _ => false,
    }
}

/// Has every socket counted that a guest makes. For a linker that has WASI's own already.
pub(super) fn count(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<_, HasHost>(linker, |state| state)?;
    let mut types = linker.instance("wasi:sockets/types@0.3.0")?;
    types.func_wrap("[static]tcp-socket.create", |store: StoreContextMut<'_, HostState>, (family,)| {
        create(store, family)
    })?;
    linker.allow_shadowing(false);
    Ok(())
}

type Created = Result<Resource<newer::TcpSocket>, newer::ErrorCode>;

fn create(mut store: StoreContextMut<'_, HostState>, family: newer::IpAddressFamily) -> wasmtime::Result<(Created,)> {
    let state = store.data_mut();
    let Some(place) = state.socket_place() else { return Ok((Err(newer::ErrorCode::OutOfMemory),)) };
    match newer::HostTcpSocket::create(&mut state.sockets(), family) {
        Ok(socket) => {
            state.places_taken.0.push(place);
            Ok((Ok(socket),))
        }
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

// The interface of the one that is counted says its errors by these.
impl network::Host for HostState {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        network::Host::convert_error_code(&mut self.sockets(), error)
    }

    fn network_error_code(&mut self, error: Resource<IoError>) -> wasmtime::Result<Option<ErrorCode>> {
        network::Host::network_error_code(&mut self.sockets(), error)
    }
}

impl network::HostNetwork for HostState {
    fn drop(&mut self, network: Resource<network::Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.sockets(), network)
    }
}

impl tcp_create_socket::Host for HostState {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        let place = self.socket_place().ok_or(ErrorCode::NewSocketLimit)?;
        let socket = tcp_create_socket::Host::create_tcp_socket(&mut self.sockets(), family)?;
        self.places_taken.0.push(place);
        Ok(socket)
    }
}

impl HostState {
    /// A place for one socket more, if there is one. Kept once there is a socket: who may have none leaves others theirs.
    fn socket_place(&self) -> Option<OwnedSemaphorePermit> {
        let has_room = self.places_taken.0.len() < MOST_OF_ONE;
        has_room.then(|| self.grants.sockets.places.clone().try_acquire_owned().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_lead_where_they_may_and_nothing_is_listened_on() {
        let mut allowed = AllowedHosts::default();
        for entry in ["tcp://10.0.0.0/8:5432", "*://127.0.0.1:7", "tcp://*:443", "http://10.9.9.9:80"] {
            allowed.add(entry, entry).unwrap();
        }
        let may = |address: &str, wanted| may(&allowed, address.parse().unwrap(), wanted);
        for named in ["10.1.2.3:5432", "127.0.0.1:7", "93.184.216.34:443"] {
            assert!(may(named, SocketAddrUse::TcpConnect), "{named}");
        }
        for other in ["10.1.2.3:5433", "127.0.0.1:8", "10.1.2.3:443", "[::1]:443", "169.254.169.254:443", "10.9.9.9:80"]
        {
            assert!(!may(other, SocketAddrUse::TcpConnect), "{other}");
        }
        assert!(may("0.0.0.0:0", SocketAddrUse::TcpBind) && !may("0.0.0.0:80", SocketAddrUse::TcpBind));
        for wanted in [SocketAddrUse::TcpListen, SocketAddrUse::TcpAccept, SocketAddrUse::UdpBind] {
            assert!(!may("127.0.0.1:7", wanted), "{wanted:?}");
        }
    }
}
