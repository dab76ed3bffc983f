//! WASI as the SDK of Spin 2 asks for it (`0.2.0-rc-2023-10-18`): HTTP and streams, which were not yet as they are in 0.2.0. Each
//! call comes to one of those. The rest of that candidate, which no SDK uses by itself, is not offered.

mod convert;
mod http;
mod io;

use wasmtime::component::Linker;

use super::{HasHost, HostState};
use bindings::wasi::{http as oldest_http, io as oldest_io};

pub(super) mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package image2model:host;
            world oldest-capabilities {
                import wasi:io/poll@0.2.0-rc-2023-10-18;
                import wasi:io/streams@0.2.0-rc-2023-10-18;
                import wasi:http/types@0.2.0-rc-2023-10-18;
                import wasi:http/outgoing-handler@0.2.0-rc-2023-10-18;
            }
        ",
        path: ["../wit/deps/wasi-io@0.2.0-rc-2023-10-18", "../wit/deps/wasi-http@0.2.0-rc-2023-10-18"],
        imports: { default: async | trappable },
        with: {
            "wasi:io/poll.pollable": wasmtime_wasi::p2::DynPollable,
            "wasi:io/streams.error": wasmtime_wasi::p2::bindings::io::error::Error,
            "wasi:io/streams.input-stream": wasmtime_wasi::p2::DynInputStream,
            "wasi:io/streams.output-stream": wasmtime_wasi::p2::DynOutputStream,
            "wasi:http/types.fields": wasmtime_wasi_http::p2::bindings::http::types::Fields,
            "wasi:http/types.incoming-request": wasmtime_wasi_http::p2::bindings::http::types::IncomingRequest,
            "wasi:http/types.outgoing-request": wasmtime_wasi_http::p2::bindings::http::types::OutgoingRequest,
            "wasi:http/types.response-outparam": wasmtime_wasi_http::p2::bindings::http::types::ResponseOutparam,
            "wasi:http/types.incoming-response": wasmtime_wasi_http::p2::bindings::http::types::IncomingResponse,
            "wasi:http/types.incoming-body": wasmtime_wasi_http::p2::bindings::http::types::IncomingBody,
            "wasi:http/types.future-trailers": wasmtime_wasi_http::p2::bindings::http::types::FutureTrailers,
            "wasi:http/types.outgoing-response": wasmtime_wasi_http::p2::bindings::http::types::OutgoingResponse,
            "wasi:http/types.outgoing-body": wasmtime_wasi_http::p2::bindings::http::types::OutgoingBody,
            "wasi:http/types.future-incoming-response":
                wasmtime_wasi_http::p2::bindings::http::types::FutureIncomingResponse,
        },
    });
}

/// Offers it.
pub(super) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    oldest_io::poll::add_to_linker::<_, HasHost>(linker, |state| state)?;
    oldest_io::streams::add_to_linker::<_, HasHost>(linker, |state| state)?;
    oldest_http::types::add_to_linker::<_, HasHost>(linker, |state| state)?;
    oldest_http::outgoing_handler::add_to_linker::<_, HasHost>(linker, |state| state)
}
