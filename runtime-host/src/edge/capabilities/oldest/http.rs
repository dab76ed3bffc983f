//! Requests and answers. What 0.2.0 refuses with an error, and had none for yet, ends the guest.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::{
    self as newer, ErrorCode, Fields, FutureIncomingResponse, FutureTrailers, IncomingBody, IncomingRequest,
    IncomingResponse, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam,
};
use wasmtime_wasi_http::p2::{HttpError, bindings::http::outgoing_handler as newer_handler};

use super::bindings::wasi::http::outgoing_handler;
use super::bindings::wasi::http::types::{self, Error, Method, RequestOptions, Scheme};
use crate::edge::capabilities::HostState;

const NANOS_PER_MS: u64 = 1_000_000;

type Entries = Vec<(String, Vec<u8>)>;
type Once<T> = wasmtime::Result<Result<Resource<T>, ()>>;

fn malformed(what: &str) -> wasmtime::Error {
    wasmtime::format_err!("the guest's {what} is malformed")
}

fn accepted(done: wasmtime::Result<Result<(), ()>>, what: &str) -> wasmtime::Result<()> {
    done?.map_err(|()| malformed(what))
}

impl types::Host for HostState {}

impl types::HostFields for HostState {
    async fn new(&mut self, entries: Entries) -> wasmtime::Result<Resource<Fields>> {
        newer::HostFields::from_list(&mut self.http(), entries).map_err(|_| malformed("list of headers"))
    }

    async fn get(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<Vec<Vec<u8>>> {
        newer::HostFields::get(&mut self.http(), fields, name)
    }

    async fn set(&mut self, fields: Resource<Fields>, name: String, value: Vec<Vec<u8>>) -> wasmtime::Result<()> {
        newer::HostFields::set(&mut self.http(), fields, name, value).map_err(|_| malformed("header"))
    }

    async fn delete(&mut self, fields: Resource<Fields>, name: String) -> wasmtime::Result<()> {
        newer::HostFields::delete(&mut self.http(), fields, name).map_err(|_| malformed("header"))
    }

    async fn append(&mut self, fields: Resource<Fields>, name: String, value: Vec<u8>) -> wasmtime::Result<()> {
        newer::HostFields::append(&mut self.http(), fields, name, value).map_err(|_| malformed("header"))
    }

    async fn entries(&mut self, fields: Resource<Fields>) -> wasmtime::Result<Entries> {
        newer::HostFields::entries(&mut self.http(), fields)
    }

    async fn clone(&mut self, fields: Resource<Fields>) -> wasmtime::Result<Resource<Fields>> {
        newer::HostFields::clone(&mut self.http(), fields)
    }

    async fn drop(&mut self, fields: Resource<Fields>) -> wasmtime::Result<()> {
        newer::HostFields::drop(&mut self.http(), fields)
    }
}

impl types::HostIncomingRequest for HostState {
    async fn method(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<Method> {
        Ok(newer::HostIncomingRequest::method(&mut self.http(), request)?.into())
    }

    async fn path_with_query(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<Option<String>> {
        newer::HostIncomingRequest::path_with_query(&mut self.http(), request)
    }

    async fn scheme(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<Option<Scheme>> {
        Ok(newer::HostIncomingRequest::scheme(&mut self.http(), request)?.map(Scheme::from))
    }

    async fn authority(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<Option<String>> {
        newer::HostIncomingRequest::authority(&mut self.http(), request)
    }

    async fn headers(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<Resource<Fields>> {
        newer::HostIncomingRequest::headers(&mut self.http(), request)
    }

    async fn consume(&mut self, request: Resource<IncomingRequest>) -> Once<IncomingBody> {
        newer::HostIncomingRequest::consume(&mut self.http(), request)
    }

    async fn drop(&mut self, request: Resource<IncomingRequest>) -> wasmtime::Result<()> {
        newer::HostIncomingRequest::drop(&mut self.http(), request)
    }
}

impl types::HostOutgoingRequest for HostState {
    async fn new(
        &mut self,
        method: Method,
        path_with_query: Option<String>,
        scheme: Option<Scheme>,
        authority: Option<String>,
        headers: Resource<Fields>,
    ) -> wasmtime::Result<Resource<OutgoingRequest>> {
        let http = &mut self.http();
        let headers = newer::HostFields::clone(http, headers)?;
        let request = newer::HostOutgoingRequest::new(http, headers)?;
        let this = || Resource::new_borrow(request.rep());
        accepted(newer::HostOutgoingRequest::set_method(http, this(), method.into()), "method")?;
        accepted(newer::HostOutgoingRequest::set_path_with_query(http, this(), path_with_query), "path")?;
        accepted(newer::HostOutgoingRequest::set_scheme(http, this(), scheme.map(newer::Scheme::from)), "scheme")?;
        accepted(newer::HostOutgoingRequest::set_authority(http, this(), authority), "authority")?;
        Ok(request)
    }

    async fn write(&mut self, request: Resource<OutgoingRequest>) -> Once<OutgoingBody> {
        newer::HostOutgoingRequest::body(&mut self.http(), request)
    }

    async fn drop(&mut self, request: Resource<OutgoingRequest>) -> wasmtime::Result<()> {
        newer::HostOutgoingRequest::drop(&mut self.http(), request)
    }
}

impl types::HostResponseOutparam for HostState {
    async fn set(
        &mut self,
        param: Resource<ResponseOutparam>,
        response: Result<Resource<OutgoingResponse>, Error>,
    ) -> wasmtime::Result<()> {
        newer::HostResponseOutparam::set(&mut self.http(), param, response.map_err(ErrorCode::from))
    }

    async fn drop(&mut self, param: Resource<ResponseOutparam>) -> wasmtime::Result<()> {
        newer::HostResponseOutparam::drop(&mut self.http(), param)
    }
}

impl types::HostIncomingResponse for HostState {
    async fn status(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<u16> {
        newer::HostIncomingResponse::status(&mut self.http(), response)
    }

    async fn headers(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<Resource<Fields>> {
        newer::HostIncomingResponse::headers(&mut self.http(), response)
    }

    async fn consume(&mut self, response: Resource<IncomingResponse>) -> Once<IncomingBody> {
        newer::HostIncomingResponse::consume(&mut self.http(), response)
    }

    async fn drop(&mut self, response: Resource<IncomingResponse>) -> wasmtime::Result<()> {
        newer::HostIncomingResponse::drop(&mut self.http(), response)
    }
}

impl types::HostIncomingBody for HostState {
    async fn stream(&mut self, body: Resource<IncomingBody>) -> Once<DynInputStream> {
        newer::HostIncomingBody::stream(&mut self.http(), body)
    }

    async fn finish(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<Resource<FutureTrailers>> {
        newer::HostIncomingBody::finish(&mut self.http(), body)
    }

    async fn drop(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<()> {
        newer::HostIncomingBody::drop(&mut self.http(), body)
    }
}

impl types::HostFutureTrailers for HostState {
    async fn subscribe(&mut self, future: Resource<FutureTrailers>) -> wasmtime::Result<Resource<DynPollable>> {
        newer::HostFutureTrailers::subscribe(&mut self.http(), future)
    }

    async fn get(
        &mut self,
        future: Resource<FutureTrailers>,
    ) -> wasmtime::Result<Option<Result<Resource<Fields>, Error>>> {
        let http = &mut self.http();
        Ok(match newer::HostFutureTrailers::get(http, future)? {
            None => None,
            Some(Ok(Ok(Some(trailers)))) => Some(Ok(trailers)),
            Some(Ok(Ok(None))) => Some(Ok(newer::HostFields::new(http)?)),
            Some(Ok(Err(error))) => Some(Err(error.into())),
            Some(Err(())) => Some(Err(Error::UnexpectedError("the trailers have been taken".into()))),
        })
    }

    async fn drop(&mut self, future: Resource<FutureTrailers>) -> wasmtime::Result<()> {
        newer::HostFutureTrailers::drop(&mut self.http(), future)
    }
}

impl types::HostOutgoingResponse for HostState {
    async fn new(&mut self, status: u16, headers: Resource<Fields>) -> wasmtime::Result<Resource<OutgoingResponse>> {
        let http = &mut self.http();
        let headers = newer::HostFields::clone(http, headers)?;
        let response = newer::HostOutgoingResponse::new(http, headers)?;
        let this = Resource::new_borrow(response.rep());
        accepted(newer::HostOutgoingResponse::set_status_code(http, this, status), "status")?;
        Ok(response)
    }

    async fn write(&mut self, response: Resource<OutgoingResponse>) -> Once<OutgoingBody> {
        newer::HostOutgoingResponse::body(&mut self.http(), response)
    }

    async fn drop(&mut self, response: Resource<OutgoingResponse>) -> wasmtime::Result<()> {
        newer::HostOutgoingResponse::drop(&mut self.http(), response)
    }
}

impl types::HostOutgoingBody for HostState {
    async fn write(&mut self, body: Resource<OutgoingBody>) -> Once<DynOutputStream> {
        newer::HostOutgoingBody::write(&mut self.http(), body)
    }

    async fn finish(
        &mut self,
        body: Resource<OutgoingBody>,
        trailers: Option<Resource<Fields>>,
    ) -> wasmtime::Result<()> {
        newer::HostOutgoingBody::finish(&mut self.http(), body, trailers).map_err(|_| malformed("body"))
    }

    async fn drop(&mut self, body: Resource<OutgoingBody>) -> wasmtime::Result<()> {
        newer::HostOutgoingBody::drop(&mut self.http(), body)
    }
}

impl types::HostFutureIncomingResponse for HostState {
    async fn get(
        &mut self,
        future: Resource<FutureIncomingResponse>,
    ) -> wasmtime::Result<Option<Result<Result<Resource<IncomingResponse>, Error>, ()>>> {
        let response = newer::HostFutureIncomingResponse::get(&mut self.http(), future)?;
        Ok(response.map(|once| once.map(|response| response.map_err(Error::from))))
    }

    async fn subscribe(&mut self, future: Resource<FutureIncomingResponse>) -> wasmtime::Result<Resource<DynPollable>> {
        newer::HostFutureIncomingResponse::subscribe(&mut self.http(), future)
    }

    async fn drop(&mut self, future: Resource<FutureIncomingResponse>) -> wasmtime::Result<()> {
        newer::HostFutureIncomingResponse::drop(&mut self.http(), future)
    }
}

impl outgoing_handler::Host for HostState {
    async fn handle(
        &mut self,
        request: Resource<OutgoingRequest>,
        options: Option<RequestOptions>,
    ) -> wasmtime::Result<Result<Resource<FutureIncomingResponse>, Error>> {
        let http = &mut self.http();
        let options = options.map(|wanted| options_of(http, &wanted)).transpose()?;
        let lent = options.as_ref().map(|options| Resource::new_own(options.rep()));
        let asked = newer_handler::Host::handle(http, request, lent);
        if let Some(options) = options {
            newer::HostRequestOptions::drop(http, options)?;
        }
        match asked {
            Ok(future) => Ok(Ok(future)),
            Err(error) => Ok(Err(HttpError::downcast(error)?.into())),
        }
    }
}

fn options_of(
    http: &mut wasmtime_wasi_http::WasiHttpCtxView<'_>,
    wanted: &RequestOptions,
) -> wasmtime::Result<Resource<newer::RequestOptions>> {
    let nanos = |ms: Option<u32>| ms.map(|ms| u64::from(ms) * NANOS_PER_MS);
    let options = newer::HostRequestOptions::new(http)?;
    let this = || Resource::new_borrow(options.rep());
    let (connect, first) = (nanos(wanted.connect_timeout_ms), nanos(wanted.first_byte_timeout_ms));
    accepted(newer::HostRequestOptions::set_connect_timeout(http, this(), connect), "timeout")?;
    accepted(newer::HostRequestOptions::set_first_byte_timeout(http, this(), first), "timeout")?;
    let between = nanos(wanted.between_bytes_timeout_ms);
    accepted(newer::HostRequestOptions::set_between_bytes_timeout(http, this(), between), "timeout")?;
    Ok(options)
}
