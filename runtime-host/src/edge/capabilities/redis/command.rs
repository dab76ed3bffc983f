//! Which commands a component may send over a connection that others use at the same time. Refused are those that wait
//! (everybody behind them would wait too) and those that change the connection itself.

use redis::Cmd;

use crate::edge::capabilities::bindings::redis::RedisParameter;

/// Commands that always wait for something.
const BLOCKING: [&str; 11] =
    ["BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "WAIT", "WAITAOF", "DEBUG"];
/// Commands that change what the connection is or means.
const CONNECTION: [&str; 22] = [
    "SUBSCRIBE",
    "PSUBSCRIBE",
    "SSUBSCRIBE",
    "UNSUBSCRIBE",
    "PUNSUBSCRIBE",
    "SUNSUBSCRIBE",
    "MONITOR",
    "SYNC",
    "PSYNC",
    "REPLCONF",
    "MULTI",
    "EXEC",
    "DISCARD",
    "WATCH",
    "UNWATCH",
    "SELECT",
    "AUTH",
    "HELLO",
    "RESET",
    "QUIT",
    "CLIENT",
    "ASKING",
];
/// Commands that wait when one of their options says so.
const BLOCKING_BY_OPTION: [&str; 2] = ["XREAD", "XREADGROUP"];

/// Says why a command is refused, in words for the component's author.
pub(super) fn check(name: &str, arguments: &[RedisParameter]) -> Result<(), String> {
    let is = |list: &[&str]| list.iter().any(|c| c.eq_ignore_ascii_case(name));
    let waits = is(&BLOCKING) || (is(&BLOCKING_BY_OPTION) && has_block_option(arguments));
    if waits {
        return Err(format!(
            "{name} waits, and components share one connection: poll, or leave it to the runtime host"
        ));
    }
    if is(&CONNECTION) {
        return Err(format!("{name} changes the connection, which components share: use a script for transactions"));
    }
    Ok(())
}

/// `BLOCK` counts only before `STREAMS`; after it come keys, which may be called anything.
fn has_block_option(arguments: &[RedisParameter]) -> bool {
    for argument in arguments {
        if let RedisParameter::Binary(bytes) = argument {
            if bytes.eq_ignore_ascii_case(b"STREAMS") {
                return false;
            }
            if bytes.eq_ignore_ascii_case(b"BLOCK") {
                return true;
            }
        }
    }
    false
}

pub(super) fn build(name: &str, arguments: Vec<RedisParameter>) -> Cmd {
    let mut command = redis::cmd(name);
    for argument in arguments {
        match argument {
            RedisParameter::Int64(number) => command.arg(number),
            RedisParameter::Binary(bytes) => command.arg(bytes),
        };
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> (String, Vec<RedisParameter>) {
        let mut words = text.split(' ');
        let name = words.next().unwrap().to_owned();
        (name, words.map(|w| RedisParameter::Binary(w.as_bytes().to_vec())).collect())
    }

    #[test]
    fn refuses_what_would_stall_or_change_the_shared_connection() {
        for text in ["blpop k 0", "XREAD block 0 STREAMS s $", "subscribe c", "MULTI", "Select 1", "CLIENT REPLY OFF"] {
            let (name, arguments) = words(text);
            assert!(check(&name, &arguments).is_err(), "{text}");
        }
    }

    #[test]
    fn lets_the_rest_through() {
        for text in ["GET k", "XREAD COUNT 2 STREAMS block 0", "EVALSHA abc 1 k BLOCK", "PUBLISH c m"] {
            let (name, arguments) = words(text);
            assert!(check(&name, &arguments).is_ok(), "{text}");
        }
    }
}
