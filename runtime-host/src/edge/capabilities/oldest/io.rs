//! Streams, and waiting for them.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::io::{error as newer_error, poll as newer_poll, streams as newer};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamError as Broken, StreamResult};

use super::bindings::wasi::io::{poll, streams};
use crate::edge::capabilities::HostState;

type Input = Resource<DynInputStream>;
type Output = Resource<DynOutputStream>;
type Pollable = Resource<DynPollable>;
type Answer<T> = wasmtime::Result<Result<T, streams::StreamError>>;

impl HostState {
    /// What went wrong with a stream, as the guest is told.
    fn told<T>(&mut self, done: StreamResult<T>) -> Answer<T> {
        match done {
            Ok(done) => Ok(Ok(done)),
            Err(Broken::Closed) => Ok(Err(streams::StreamError::Closed)),
            Err(Broken::LastOperationFailed(error)) => {
                Ok(Err(streams::StreamError::LastOperationFailed(self.table.push(error)?)))
            }
            Err(Broken::Trap(error)) => Err(error),
        }
    }
}

impl poll::Host for HostState {
    async fn poll_list(&mut self, all: Vec<Pollable>) -> wasmtime::Result<Vec<u32>> {
        newer_poll::Host::poll(&mut self.table, all).await
    }

    async fn poll_one(&mut self, one: Pollable) -> wasmtime::Result<()> {
        newer_poll::HostPollable::block(&mut self.table, one).await
    }
}

impl poll::HostPollable for HostState {
    async fn drop(&mut self, pollable: Pollable) -> wasmtime::Result<()> {
        newer_poll::HostPollable::drop(&mut self.table, pollable)
    }
}

impl streams::Host for HostState {}

impl streams::HostError for HostState {
    async fn to_debug_string(&mut self, error: Resource<newer_error::Error>) -> wasmtime::Result<String> {
        newer_error::HostError::to_debug_string(&mut self.table, error)
    }

    async fn drop(&mut self, error: Resource<newer_error::Error>) -> wasmtime::Result<()> {
        newer_error::HostError::drop(&mut self.table, error)
    }
}

impl streams::HostInputStream for HostState {
    async fn read(&mut self, stream: Input, len: u64) -> Answer<Vec<u8>> {
        let done = newer::HostInputStream::read(&mut self.table, stream, len);
        self.told(done)
    }

    async fn blocking_read(&mut self, stream: Input, len: u64) -> Answer<Vec<u8>> {
        let done = newer::HostInputStream::blocking_read(&mut self.table, stream, len).await;
        self.told(done)
    }

    async fn skip(&mut self, stream: Input, len: u64) -> Answer<u64> {
        let done = newer::HostInputStream::skip(&mut self.table, stream, len);
        self.told(done)
    }

    async fn blocking_skip(&mut self, stream: Input, len: u64) -> Answer<u64> {
        let done = newer::HostInputStream::blocking_skip(&mut self.table, stream, len).await;
        self.told(done)
    }

    async fn subscribe(&mut self, stream: Input) -> wasmtime::Result<Pollable> {
        newer::HostInputStream::subscribe(&mut self.table, stream)
    }

    async fn drop(&mut self, stream: Input) -> wasmtime::Result<()> {
        newer::HostInputStream::drop(&mut self.table, stream).await
    }
}

impl streams::HostOutputStream for HostState {
    async fn check_write(&mut self, stream: Output) -> Answer<u64> {
        let done = newer::HostOutputStream::check_write(&mut self.table, stream);
        self.told(done)
    }

    async fn write(&mut self, stream: Output, contents: Vec<u8>) -> Answer<()> {
        let done = newer::HostOutputStream::write(&mut self.table, stream, contents);
        self.told(done)
    }

    async fn blocking_write_and_flush(&mut self, stream: Output, contents: Vec<u8>) -> Answer<()> {
        let done = newer::HostOutputStream::blocking_write_and_flush(&mut self.table, stream, contents).await;
        self.told(done)
    }

    async fn flush(&mut self, stream: Output) -> Answer<()> {
        let done = newer::HostOutputStream::flush(&mut self.table, stream);
        self.told(done)
    }

    async fn blocking_flush(&mut self, stream: Output) -> Answer<()> {
        let done = newer::HostOutputStream::blocking_flush(&mut self.table, stream).await;
        self.told(done)
    }

    async fn subscribe(&mut self, stream: Output) -> wasmtime::Result<Pollable> {
        newer::HostOutputStream::subscribe(&mut self.table, stream)
    }

    async fn write_zeroes(&mut self, stream: Output, len: u64) -> Answer<()> {
        let done = newer::HostOutputStream::write_zeroes(&mut self.table, stream, len);
        self.told(done)
    }

    async fn blocking_write_zeroes_and_flush(&mut self, stream: Output, len: u64) -> Answer<()> {
        let done = newer::HostOutputStream::blocking_write_zeroes_and_flush(&mut self.table, stream, len).await;
        self.told(done)
    }

    async fn splice(&mut self, stream: Output, source: Input, len: u64) -> Answer<u64> {
        let done = newer::HostOutputStream::splice(&mut self.table, stream, source, len);
        self.told(done)
    }

    async fn blocking_splice(&mut self, stream: Output, source: Input, len: u64) -> Answer<u64> {
        let done = newer::HostOutputStream::blocking_splice(&mut self.table, stream, source, len).await;
        self.told(done)
    }

    /// Nobody has ever made one, here or on Spin.
    async fn forward(&mut self, _: Output, _: Input) -> Answer<u64> {
        Err(wasmtime::format_err!("streams are not forwarded: read and write"))
    }

    async fn drop(&mut self, stream: Output) -> wasmtime::Result<()> {
        newer::HostOutputStream::drop(&mut self.table, stream).await
    }
}
