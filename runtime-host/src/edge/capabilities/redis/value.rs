//! Redis's answers in the shapes of `spin:redis`: arrays are flattened, maps are refused, as Spin does. An answer above
//! `MAX_RESULT` is not handed on; one that is larger by itself is not even read.

use redis::Value;

use crate::edge::capabilities::bindings::redis::{Error, RedisResult};
use crate::redis::home::LARGEST_ANSWER;

/// The most one command may bring into a component, Spin's own cap.
const MAX_RESULT: usize = LARGEST_ANSWER;

/// The answer of `GET`.
pub(super) fn payload(value: Value) -> Result<Option<Vec<u8>>, Error> {
    match value {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) if bytes.len() <= MAX_RESULT => Ok(Some(bytes)),
        Value::BulkString(_) => Err(too_large()),
        _ => Err(Error::TypeError),
    }
}

/// The answer of `SMEMBERS`, if it is not too large.
pub(super) fn members(value: Value) -> Result<Value, Error> {
    let (Value::Array(items) | Value::Set(items)) = &value else { return Ok(value) };
    let size: usize = items.iter().map(|item| std::mem::size_of::<String>() + text_len(item)).sum();
    if size > MAX_RESULT { Err(too_large()) } else { Ok(value) }
}

/// The answer of any command.
pub(super) fn flatten(value: Value) -> Result<Vec<RedisResult>, Error> {
    let mut out = Vec::new();
    let mut room = MAX_RESULT;
    push(value, &mut out, &mut room)?;
    Ok(out)
}

fn push(value: Value, out: &mut Vec<RedisResult>, room: &mut usize) -> Result<(), Error> {
    let size = std::mem::size_of::<RedisResult>() + text_len(&value);
    *room = room.checked_sub(size).ok_or_else(too_large)?;
    out.push(match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::Okay => RedisResult::Status("OK".into()),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::Array(items) | Value::Set(items) => {
            return items.into_iter().try_for_each(|item| push(item, out, room));
        }
        Value::Map(_) => return Err(Error::Other("maps are not supported: ask for a list".into())),
        _ => return Err(Error::Other("this kind of answer is not supported".into())),
    });
    Ok(())
}

fn text_len(value: &Value) -> usize {
    match value {
        Value::BulkString(bytes) => bytes.len(),
        Value::SimpleString(text) => text.len(),
        _ => 0,
    }
}

fn too_large() -> Error {
    Error::Other(super::ANSWER_TOO_LARGE.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattens_arrays_in_order() {
        let nested = Value::Array(vec![
            Value::Int(1),
            Value::Array(vec![Value::Nil, Value::Okay]),
            Value::BulkString(b"x".to_vec()),
        ]);
        let flat = flatten(nested).unwrap();
        assert!(matches!(
            flat.as_slice(),
            [RedisResult::Int64(1), RedisResult::Nil, RedisResult::Status(ok), RedisResult::Binary(x)] if ok == "OK" && x == b"x"
        ));
    }

    #[test]
    fn refuses_maps_and_wrong_types() {
        assert!(matches!(flatten(Value::Map(vec![])), Err(Error::Other(_))));
        assert!(matches!(payload(Value::Int(1)), Err(Error::TypeError)));
    }

    #[test]
    fn refuses_what_is_too_large() {
        assert!(payload(Value::BulkString(vec![0; MAX_RESULT + 1])).is_err());
        let set = |half: usize| Value::Array(vec![Value::BulkString(vec![0; half]), Value::BulkString(vec![0; half])]);
        assert!(members(set(MAX_RESULT / 2)).is_err() && members(set(MAX_RESULT / 4)).is_ok());
    }
}
