//! Methods, schemes and errors, in the words of either version.

use wasmtime_wasi_http::p2::bindings::http::types::{self as newer, ErrorCode};

use super::bindings::wasi::http::types::{Error, Method, Scheme};

impl From<newer::Method> for Method {
    fn from(method: newer::Method) -> Self {
        match method {
            newer::Method::Get => Self::Get,
            newer::Method::Head => Self::Head,
            newer::Method::Post => Self::Post,
            newer::Method::Put => Self::Put,
            newer::Method::Delete => Self::Delete,
            newer::Method::Connect => Self::Connect,
            newer::Method::Options => Self::Options,
            newer::Method::Trace => Self::Trace,
            newer::Method::Patch => Self::Patch,
            newer::Method::Other(other) => Self::Other(other),
        }
    }
}

impl From<Method> for newer::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Head => Self::Head,
            Method::Post => Self::Post,
            Method::Put => Self::Put,
            Method::Delete => Self::Delete,
            Method::Connect => Self::Connect,
            Method::Options => Self::Options,
            Method::Trace => Self::Trace,
            Method::Patch => Self::Patch,
            Method::Other(other) => Self::Other(other),
        }
    }
}

impl From<newer::Scheme> for Scheme {
    fn from(scheme: newer::Scheme) -> Self {
        match scheme {
            newer::Scheme::Http => Self::Http,
            newer::Scheme::Https => Self::Https,
            newer::Scheme::Other(other) => Self::Other(other),
        }
    }
}

impl From<Scheme> for newer::Scheme {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Http => Self::Http,
            Scheme::Https => Self::Https,
            Scheme::Other(other) => Self::Other(other),
        }
    }
}

impl From<ErrorCode> for Error {
    fn from(code: ErrorCode) -> Self {
        let text = code.to_string();
        match code {
            ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestUriTooLong => Self::InvalidUrl(text),
            ErrorCode::DnsTimeout
            | ErrorCode::ConnectionTimeout
            | ErrorCode::ConnectionReadTimeout
            | ErrorCode::ConnectionWriteTimeout
            | ErrorCode::HttpResponseTimeout => Self::TimeoutError(text),
            ErrorCode::HttpProtocolError => Self::ProtocolError(text),
            _ => Self::UnexpectedError(text),
        }
    }
}

impl From<Error> for ErrorCode {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidUrl(_) => Self::HttpRequestUriInvalid,
            Error::TimeoutError(_) => Self::HttpResponseTimeout,
            Error::ProtocolError(_) => Self::HttpProtocolError,
            Error::UnexpectedError(text) => Self::InternalError(Some(text)),
        }
    }
}
