//! A component as Spin 2's SDK makes them, of WASI's first release candidate: answers with the method, the path, the header
//! `x-said` and the body that it was sent, which it writes piece by piece. With a header `url` it sends all of that there and
//! answers with what comes back, or with the kind of error.

wit_bindgen::generate!({
    inline: "
        package conformance:oldest;
        world oldest {
            import wasi:http/outgoing-handler@0.2.0-rc-2023-10-18;
            export wasi:http/incoming-handler@0.2.0-rc-2023-10-18;
        }
    ",
    path: ["../../../../wit/deps/wasi-io@0.2.0-rc-2023-10-18", "../../../../wit/deps/wasi-http@0.2.0-rc-2023-10-18"],
    generate_all,
});

use exports::wasi::http::incoming_handler::Guest;
use wasi::http::outgoing_handler::handle;
use wasi::http::types::{
    Error, Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingRequest, OutgoingResponse,
    RequestOptions, ResponseOutparam, Scheme,
};
use wasi::io::poll::{poll_list, poll_one};
use wasi::io::streams::StreamError;

struct Oldest;

export!(Oldest);

impl Guest for Oldest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let header = |name: &str| {
            let value = request.headers().get(name).into_iter().next();
            value.map(|value| String::from_utf8_lossy(&value).into_owned())
        };
        let sent = read(request.consume().unwrap());
        let (said, url) = (header("x-said").unwrap_or_default(), header("url"));
        let path = request.path_with_query().unwrap_or_default();
        let text = match url {
            Some(url) => fetch(&url, &sent).unwrap_or_else(|error| format!("{error:?}")).into_bytes(),
            None => [format!("{:?} {path} {said} ", request.method()).as_bytes(), sent.as_slice()].concat(),
        };
        let headers = Fields::new(&[]);
        headers.set("x-answered", &[b"first".to_vec()]);
        headers.append("x-answered", b"second");
        let response = OutgoingResponse::new(203, &headers);
        let body = response.write().unwrap();
        ResponseOutparam::set(out, Ok(response));
        write(body, &text);
    }
}

fn read(body: IncomingBody) -> Vec<u8> {
    let stream = body.stream().unwrap();
    let mut all = Vec::new();
    loop {
        poll_one(&stream.subscribe());
        match stream.read(65_536) {
            Ok(piece) => all.extend(piece),
            Err(StreamError::Closed) => return all,
            Err(StreamError::LastOperationFailed(error)) => panic!("{}", error.to_debug_string()),
        }
    }
}

fn write(body: OutgoingBody, text: &[u8]) {
    {
        let stream = body.write().unwrap();
        let mut rest = text;
        while !rest.is_empty() {
            assert_eq!(poll_list(&[&stream.subscribe()]), [0]);
            let room = usize::try_from(stream.check_write().unwrap()).unwrap().min(rest.len());
            stream.write(&rest[..room]).unwrap();
            rest = &rest[room..];
        }
        stream.blocking_flush().unwrap();
    }
    OutgoingBody::finish(body, None);
}

fn fetch(url: &str, body: &[u8]) -> Result<String, Error> {
    let (authority, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let headers = Fields::new(&[("x-said".to_owned(), b"on the way".to_vec())]);
    let (path, scheme) = (format!("/{path}"), Some(&Scheme::Http));
    let request = OutgoingRequest::new(&Method::Put, Some(&path), scheme, Some(authority), &headers);
    write(request.write().unwrap(), body);
    let options =
        RequestOptions { connect_timeout_ms: Some(2000), first_byte_timeout_ms: None, between_bytes_timeout_ms: None };
    let future = handle(request, Some(options))?;
    poll_one(&future.subscribe());
    let response = future.get().unwrap().unwrap()?;
    let status = response.status();
    Ok(format!("{status}: {}", String::from_utf8_lossy(&read(response.consume().unwrap()))))
}
