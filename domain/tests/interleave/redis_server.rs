//! A real redis-server with the real scripts. Two things are put in the place of Redis' own, here only: the clock, and what
//! tells one Redis from another. Losing the last writes is done by going back to a copy of everything.

use image2model_domain::Keyspace;
use image2model_domain::script::{Arg, Command, Replies, Value};
use image2model_processes::RedisServer as Server;
use std::collections::HashMap;

const CLOCK: &str = "  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
";
const OWN_CLOCK: &str = "  return tonumber(redis.call('GET', 'test:now'))\n";
const IDENTITY: &str = "  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
";
const OWN_IDENTITY: &str = "  return redis.call('GET', 'test:identity')\n";

/// Copies every key of one database to another that is empty.
const COPY_ALL: &str =
    "for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', ARGV[1]) end";

/// Killed when dropped.
pub struct RedisServer {
    _server: Server,
    connection: redis::Connection,
    keys: Keyspace,
    /// As it was set last.
    clock: Option<i64>,
    loaded: HashMap<&'static str, String>,
}

impl RedisServer {
    pub fn start() -> Self {
        // Nothing outlives the test: what is written needs no disk.
        let server = Server::start(&["--appendonly", "no"]).unwrap();
        let connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
        Self {
            _server: server,
            connection,
            keys: Keyspace::with_prefix("{p1}:").unwrap(),
            clock: None,
            loaded: HashMap::new(),
        }
    }

    pub fn keys(&self) -> &Keyspace {
        &self.keys
    }

    pub fn query<T: redis::FromRedisValue>(&mut self, parts: &[&str]) -> T {
        let mut command = redis::cmd(parts[0]);
        command.arg(&parts[1..]);
        command.query(&mut self.connection).unwrap()
    }

    /// Everything new.
    pub fn reset(&mut self) {
        self.query::<()>(&["FLUSHALL"]);
        self.clock = None;
    }

    pub fn set_clock(&mut self, now: i64) {
        if self.clock != Some(now) {
            self.query::<()>(&["SET", "test:now", &now.to_string()]);
            self.clock = Some(now);
        }
    }

    pub fn set_identity(&mut self, identity: &str) {
        self.query::<()>(&["SET", "test:identity", identity]);
    }

    /// Runs a step as the host does.
    pub fn run<C: Command>(&mut self, command: &C) -> C::Reply {
        let call = command.call(&self.keys);
        let sha = self.loaded.entry(call.script.name()).or_insert_with(|| {
            let source = call.script.source();
            let asks = source.contains("redis_identity()");
            assert!(source.contains(CLOCK) && asks == source.contains(IDENTITY), "the preludes read them otherwise");
            let source = source.replace(CLOCK, OWN_CLOCK).replace(IDENTITY, OWN_IDENTITY);
            redis::cmd("SCRIPT").arg("LOAD").arg(source).query(&mut self.connection).unwrap()
        });
        let mut evalsha = redis::cmd("EVALSHA");
        evalsha.arg(sha.as_str()).arg(1).arg(&call.key);
        for arg in &call.args {
            match arg {
                Arg::Int(n) => evalsha.arg(n),
                Arg::Bytes(bytes) => evalsha.arg(bytes.as_slice()),
            };
        }
        let answer: redis::Value = evalsha.query(&mut self.connection).unwrap_or_else(|error| {
            panic!("{}: {error}", call.script.name());
        });
        let mut values = Vec::new();
        flatten(answer, &mut values);
        command.read(Replies::new(call.script, values)).unwrap()
    }

    /// Keeps a copy of everything.
    pub fn snapshot(&mut self) {
        self.query::<()>(&["SELECT", "1"]);
        self.query::<()>(&["FLUSHDB"]);
        self.query::<()>(&["SELECT", "0"]);
        self.query::<()>(&["EVAL", COPY_ALL, "0", "1"]);
    }

    /// Another Redis takes over, which has heard of nothing since the copy was made.
    pub fn fail_over(&mut self, now: i64, identity: &str) {
        self.query::<()>(&["FLUSHDB"]);
        self.query::<()>(&["SWAPDB", "0", "1"]);
        self.clock = None;
        self.set_clock(now);
        self.set_identity(identity);
    }
}

fn flatten(value: redis::Value, into: &mut Vec<Value>) {
    match value {
        redis::Value::Array(all) => all.into_iter().for_each(|one| flatten(one, into)),
        redis::Value::Nil => into.push(Value::Nil),
        redis::Value::Int(n) => into.push(Value::Int(n)),
        redis::Value::BulkString(bytes) => into.push(Value::Bytes(bytes)),
        redis::Value::SimpleString(text) => into.push(Value::Bytes(text.into_bytes())),
        other => panic!("a reply spin:redis would refuse: {other:?}"),
    }
}
