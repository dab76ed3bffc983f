//! A component as Spin's SDKs of 2024 and 2025 make them: wasi:http 0.2, and stores and variables by the interfaces of that
//! time. `/older/store/set/key/value` does that by `fermyon:spin/key-value`, `/wasi/store/set/key/value` by `wasi:keyvalue`,
//! `/config/name` and `/config` read variables by `wasi:config`.

mod older {
    wit_bindgen::generate!({
        inline: "
            package conformance:drafts;
            world older {
                import fermyon:spin/key-value@2.0.0;
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:config/store@0.2.0-draft-2024-09-27;
            }
        ",
        path: [
            "../../../../wit/deps/fermyon-spin@2.0.0",
            "../../../../wit/deps/wasi-keyvalue@0.2.0-draft2",
            "../../../../wit/deps/wasi-config@0.2.0-draft-2024-09-27",
        ],
        generate_all,
    });
}

use older::fermyon::spin::key_value::Store;
use older::wasi::config::store as config;
use older::wasi::keyvalue::atomics::{Cas, CasError, increment, swap};
use older::wasi::keyvalue::batch::{delete_many, get_many, set_many};
use older::wasi::keyvalue::store::open;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};

struct Drafts;

wasip2::http::proxy::export!(Drafts);

impl Guest for Drafts {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let words: Vec<&str> = path.split('/').skip(1).collect();
        let text = match words.as_slice() {
            ["config"] => format!("{:?}", config::get_all()),
            ["config", name] => format!("{:?}", config::get(name)),
            ["older", label, rest @ ..] => by_spin(label, rest),
            ["wasi", label, rest @ ..] => by_wasi(label, rest),
            _ => "none".to_owned(),
        };
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        let stream = body.write().unwrap();
        stream.blocking_write_and_flush(text.as_bytes()).unwrap();
        drop(stream);
        OutgoingBody::finish(body, None).unwrap();
    }
}

fn text(value: Option<Vec<u8>>) -> Option<String> {
    value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn by_spin(label: &str, words: &[&str]) -> String {
    let store = match Store::open(label) {
        Ok(store) => store,
        Err(error) => return format!("open: {error:?}"),
    };
    match words {
        ["set", key, value] => format!("{:?}", store.set(key, value.as_bytes())),
        ["get", key] => format!("{:?}", store.get(key).map(text)),
        ["exists", key] => format!("{:?}", store.exists(key)),
        ["delete", key] => format!("{:?}", store.delete(key)),
        ["keys"] => format!("{:?}", store.get_keys()),
        // Each takes one of the places that an instance has.
        ["open", count] => {
            let opened: Vec<_> = (0..count.parse().unwrap()).map(|_| Store::open(label)).collect();
            format!("{} refused", opened.iter().filter(|opened| opened.is_err()).count())
        }
        _ => "none".to_owned(),
    }
}

fn by_wasi(label: &str, words: &[&str]) -> String {
    let bucket = match open(label) {
        Ok(bucket) => bucket,
        Err(error) => return format!("open: {error:?}"),
    };
    match words {
        ["set", key, value] => format!("{:?}", bucket.set(key, value.as_bytes())),
        ["get", key] => format!("{:?}", bucket.get(key).map(text)),
        ["exists", key] => format!("{:?}", bucket.exists(key)),
        ["delete", key] => format!("{:?}", bucket.delete(key)),
        ["keys"] => format!("{:?}", bucket.list_keys(None).map(|listed| (listed.keys, listed.cursor))),
        ["keys", cursor] => format!("{:?}", bucket.list_keys(Some(cursor)).map(|listed| listed.keys)),
        ["put", pairs @ ..] => {
            let pairs: Vec<_> = pairs.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].as_bytes().to_vec())).collect();
            format!("{:?}", set_many(&bucket, &pairs))
        }
        ["take", keys @ ..] => {
            let taken = get_many(&bucket, &owned(keys));
            format!("{:?}", taken.map(|all| all.into_iter().map(|(key, value)| (key, text(value))).collect::<Vec<_>>()))
        }
        ["remove", keys @ ..] => format!("{:?}", delete_many(&bucket, &owned(keys))),
        // More of the same value than an instance may have carried for it.
        ["large", count] => {
            bucket.set("large", &vec![b'x'; 1 << 20]).unwrap();
            let keys = vec!["large".to_owned(); count.parse().unwrap()];
            format!("{:?}", get_many(&bucket, &keys).map(|all| all.len()))
        }
        ["add", key, delta] => format!("{:?}", increment(&bucket, key, delta.parse().unwrap())),
        ["swap", key, value] => swapped(Cas::new(&bucket, key).unwrap(), value),
        ["beaten", key, value] => {
            let cas = Cas::new(&bucket, key).unwrap();
            bucket.set(key, b"of another").unwrap();
            swapped(cas, value)
        }
        ["again", key, value] => {
            let cas = Cas::new(&bucket, key).unwrap();
            bucket.set(key, b"of another").unwrap();
            let seen = text(cas.current().unwrap());
            format!("{seen:?} {}", swapped(cas, value))
        }
        _ => "none".to_owned(),
    }
}

/// Tries once more where somebody was faster.
fn swapped(cas: Cas, value: &str) -> String {
    match swap(cas, value.as_bytes()) {
        Ok(()) => "swapped".to_owned(),
        Err(CasError::CasFailed(newer)) => format!("failed, then {:?}", swap(newer, value.as_bytes()).is_ok()),
        Err(CasError::StoreError(error)) => format!("{error:?}"),
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
