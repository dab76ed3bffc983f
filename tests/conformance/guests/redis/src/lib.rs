//! Sends the command in the path, `/SET/key/value`, to the Redis that the variable `redis_url` names, or to the one in
//! the query, and answers with what came back. `/store/name/set/key/value` does the same with a key-value store.

use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use spin_sdk::key_value::Store;
use spin_sdk::redis::{Connection, RedisParameter, RedisResult};

#[http_service]
async fn command(request: Request) -> anyhow::Result<impl IntoResponse> {
    if let Some(path) = request.uri().path().strip_prefix("/store/") {
        return Ok(stored(path.split('/').collect()).await);
    }
    let address = match request.uri().query() {
        Some(address) => address.to_owned(),
        None => spin_sdk::variables::get("redis_url").await?,
    };
    let connection = match Connection::open(&address).await {
        Ok(connection) => connection,
        Err(error) => return Ok(format!("open: {error:?}")),
    };
    let mut words = request.uri().path().split('/').skip(1);
    let name = words.next().unwrap_or_default().to_owned();
    if name == "get" {
        return Ok(match connection.get(words.next().unwrap_or_default()).await {
            Ok(value) => format!("{:?}", value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) => format!("error: {error:?}"),
        });
    }
    let arguments: Vec<_> = words.map(|word| RedisParameter::Binary(word.as_bytes().to_vec())).collect();
    Ok(match connection.execute(&name, arguments).await {
        Ok(values) => values.iter().map(show).collect::<Vec<_>>().join(" "),
        Err(error) => format!("error: {error:?}"),
    })
}

fn show(value: &RedisResult) -> String {
    match value {
        RedisResult::Nil => "nil".to_owned(),
        RedisResult::Status(text) => format!("status {text}"),
        RedisResult::Int64(number) => number.to_string(),
        RedisResult::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

async fn stored(words: Vec<&str>) -> String {
    let store = match Store::open(words[0]).await {
        Ok(store) => store,
        Err(error) => return format!("open: {error:?}"),
    };
    match words[1..] {
        ["get", key] => format!("{:?}", store.get(key).await.map(|value| value.map(String::from_utf8))),
        ["set", key, value] => format!("{:?}", store.set(key, value.as_bytes()).await),
        ["large", key] => format!("{:?}", store.set(key, &vec![0; 2 << 20]).await),
        ["delete", key] => format!("{:?}", store.delete(key).await),
        ["exists", key] => format!("{:?}", store.exists(key).await),
        ["keys"] => format!("{:?}", store.get_keys().await.collect().await),
        _ => "what?".to_owned(),
    }
}
