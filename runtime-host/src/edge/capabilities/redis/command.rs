//! Which commands a component may send over a connection that others use at the same time. Refused are those that wait
//! (everybody behind them would wait too) and those that change the connection itself. Inside of scripts and functions Redis
//! itself does so: none of the commands below waits there, or is let through.

use redis::Cmd;

use crate::edge::capabilities::bindings::redis::RedisParameter;

/// Commands that always wait for something, or let everybody wait.
const BLOCKING: [&str; 15] = [
    "BLPOP",
    "BRPOP",
    "BLMOVE",
    "BRPOPLPUSH",
    "BLMPOP",
    "BZPOPMIN",
    "BZPOPMAX",
    "BZMPOP",
    "WAIT",
    "WAITAOF",
    "DEBUG",
    "FAILOVER",
    "MIGRATE",
    "SAVE",
    "SHUTDOWN",
];
/// Commands that change what the connection is or means.
const CONNECTION: [&str; 24] = [
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
    "READONLY",
    "READWRITE",
];
/// Commands that wait when one of their options says so.
const BLOCKING_BY_OPTION: [&str; 2] = ["XREAD", "XREADGROUP"];
/// Options of those, and how many words of any kind follow them.
const OPTIONS: [(&[u8], usize); 4] = [(b"GROUP", 2), (b"COUNT", 1), (b"CLAIM", 1), (b"NOACK", 0)];

/// Says why a command is refused, in words for the component's author.
pub(super) fn check(name: &str, arguments: &[RedisParameter]) -> Result<(), String> {
    let is = |list: &[&str]| list.iter().any(|c| c.eq_ignore_ascii_case(name));
    let waits = is(&BLOCKING) || (is(&BLOCKING_BY_OPTION) && has_block_option(arguments));
    if waits {
        return Err(format!(
            "{name} waits, and components share one connection: poll, or leave it to the runtime host"
        ));
    }
    // `SCRIPT DEBUG` makes a debugger of the connection.
    let debugs = name.eq_ignore_ascii_case("SCRIPT") && arguments.first().is_some_and(|first| says(first, b"DEBUG"));
    if debugs || is(&CONNECTION) {
        return Err(format!("{name} changes the connection, which components share: use a script for transactions"));
    }
    Ok(())
}

/// `BLOCK` counts only where an option may be: not as the name of a group, and not after `STREAMS`, where keys come.
fn has_block_option(arguments: &[RedisParameter]) -> bool {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if says(argument, b"STREAMS") {
            return false;
        }
        if says(argument, b"BLOCK") {
            return true;
        }
        let follow = OPTIONS.iter().find(|(option, _)| says(argument, option)).map_or(0, |(_, follow)| *follow);
        rest.by_ref().take(follow).for_each(drop);
    }
    false
}

fn says(argument: &RedisParameter, word: &[u8]) -> bool {
    matches!(argument, RedisParameter::Binary(bytes) if bytes.eq_ignore_ascii_case(word))
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
        for text in [
            "blpop k 0",
            "XREAD block 0 STREAMS s $",
            "XREADGROUP GROUP streams me BLOCK 0 STREAMS s >",
            "xreadgroup group g me count 1 noack Block 0 streams s >",
            "subscribe c",
            "MULTI",
            "Select 1",
            "CLIENT REPLY OFF",
            "client no-touch on",
            "Wait 1 0",
            "monitor",
            "script debug sync",
        ] {
            let (name, arguments) = words(text);
            assert!(check(&name, &arguments).is_err(), "{text}");
        }
    }

    #[test]
    fn lets_the_rest_through() {
        for text in [
            "GET k",
            "XREADGROUP GROUP block me STREAMS s >",
            "XREAD COUNT 2 STREAMS block 0",
            "EVALSHA abc 1 k BLOCK",
            "PUBLISH c m",
            "SCRIPT LOAD x",
        ] {
            let (name, arguments) = words(text);
            assert!(check(&name, &arguments).is_ok(), "{text}");
        }
    }
}
