//! A component of wasi:http 0.2, as the older SDKs make them: answers with the method, the path and the length of the body;
//! `/variable/name` with that variable, `/redis/SET/key/value` with what the Redis of the variable `redis_url` says to it.
//! `/fields/n` has so many headers of 100 kB at a time, `/random/n` wants so many random bytes at once, `/unfinished/text`
//! lets go of its body after this text without finishing it.

mod older {
    wit_bindgen::generate!({
        inline: "
            package conformance:http02;
            world older { import fermyon:spin/redis@2.0.0; import fermyon:spin/variables@2.0.0; }
        ",
        path: "../../../../wit/deps/fermyon-spin@2.0.0",
        generate_all,
    });
}

use older::fermyon::spin::redis::{Connection, RedisParameter};
use older::fermyon::spin::variables;

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
        let path = request.path_with_query().unwrap_or_default();
        let mut words = path.split('/').skip(1);
        let is_finished = !path.starts_with("/unfinished");
        let text = match words.next() {
            Some("variable") => format!("{:?}", variables::get(words.next().unwrap_or_default())),
            Some("redis") => command(words.map(str::to_owned).collect()),
            Some("fields") => format!("{} fields", fields(number(words.next()))),
            Some("unfinished") => words.next().unwrap_or_default().to_owned(),
            Some("random") => format!("{} bytes", wasip2::random::random::get_random_bytes(number(words.next())).len()),
            _ => format!("{:?} {path} {bytes}", request.method()),
        };
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        stream.blocking_write_and_flush(text.as_bytes()).unwrap();
        drop(stream);
        if is_finished {
            OutgoingBody::finish(body, None).unwrap();
        }
    }
}

fn number(word: Option<&str>) -> u64 {
    word.and_then(|word| word.parse().ok()).unwrap_or_default()
}

fn fields(count: u64) -> usize {
    let value = vec![b'x'; 100_000];
    let filled = |_| {
        let fields = Fields::new();
        fields.append("a", &value).unwrap();
        fields
    };
    (0..count).map(filled).collect::<Vec<_>>().len()
}

fn command(words: Vec<String>) -> String {
    let address = variables::get("redis_url").unwrap_or_default();
    let connection = match Connection::open(&address) {
        Ok(connection) => connection,
        Err(error) => return format!("open: {error:?}"),
    };
    let (name, arguments) = words.split_first().unwrap();
    if name == "get" {
        return format!("{:?}", connection.get(&arguments[0]).map(|value| value.map(String::from_utf8)));
    }
    let arguments: Vec<_> = arguments.iter().map(|word| RedisParameter::Binary(word.clone().into_bytes())).collect();
    format!("{:?}", connection.execute(name, &arguments))
}
