//! A component of wasi:http 0.2, as the older SDKs make them: answers with the method, the path and the length of the body.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Http02;

wasip2::http::proxy::export!(Http02);

impl Guest for Http02 {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let mut bytes = 0;
        let body = request.consume().unwrap();
        {
            let stream = body.stream().unwrap();
            while let Ok(chunk) = stream.blocking_read(65_536) {
                bytes += chunk.len();
            }
        }
        let text = format!("{:?} {} {bytes}", request.method(), request.path_with_query().unwrap_or_default());
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        stream.blocking_write_and_flush(text.as_bytes()).unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}
