//! The short texts that decide who may do what, and the names that go into headers and answers. The first byte of an input
//! chooses which.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use image2model_domain::bearer::{Presented, presented};
use image2model_domain::client_address::Proxies;
use image2model_domain::options::Options;
use image2model_domain::trace::TraceContext;
use image2model_domain::{FileId, JobId, access_token, api_key, file_name, ids, request_id};
use image2model_upload::idempotency;
use sha2::{Digest, Sha256};

use crate::{Complaint, Outcome, Target};

pub(super) const TARGET: Target = Target {
    name: "keys",
    run,
    dictionary: &[
        b"Bearer ",
        b"bearer",
        b"00000000-0000-0000-0000-000000000000",
        b"abababababababababababababababab",
        b"-",
        b".",
        b"..",
        b"/",
        b"\\",
        b"7fffffffffffffff.",
        b"ffffffffffffffff",
        b"\xe2\x80\xae",
        b"\xef\xbb\xbf",
        b"\0",
        b"\r\n",
        b".jpg",
        b"CON",
        b"face_limit",
        b"true",
        b"500000",
        b"\xc2\xb9",
        b"%2e%2e",
        b"i2m_",
        b"10.0.0.1",
        b"[::1]:80",
        b"::ffff:10.0.0.1",
        b"192.0.2.7:443",
        b", ",
        b"\n",
        b"/8",
        b"\"",
    ],
    mend: None,
    longest: 2048,
};

const SECRET: &str = "a secret of the fuzzer";

fn run(input: &[u8]) -> Result<Outcome, Complaint> {
    let Some((kind, text)) = input.split_first() else { return Ok(Outcome::of("nothing")) };
    let text = String::from_utf8_lossy(text);
    match kind % 10 {
        0 => id(&text),
        1 => token(&text),
        2 => request(&text),
        3 => name(&text),
        4 => option(&text),
        5 => bearer(&text),
        6 => trace(&text),
        7 => issued(&text),
        8 => forwarded(&text),
        _ => idempotent(&text),
    }
}

fn require(holds: bool, what: &str, text: &str) -> Result<(), Complaint> {
    if holds { Ok(()) } else { Err(format!("{what}: {text:?}")) }
}

/// An id is 32 lower-case hex digits and reads back from both of its forms.
fn id(text: &str) -> Result<Outcome, Complaint> {
    let job = JobId::parse(text);
    require(job.is_ok() == FileId::parse(text).is_ok(), "one kind of id is not another", text)?;
    let task = ids::parse_task_id(text);
    require(task.is_err() || task == job, "a task is another job", text)?;
    let Ok(job) = job else { return Ok(Outcome::of(("no id", text.len().min(40)))) };
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    require(job.as_str().len() == 32 && job.as_str().bytes().all(hex), "not an id's form", job.as_str())?;
    require(JobId::parse(job.as_str()).as_ref() == Ok(&job), "does not read back", text)?;
    require(ids::parse_task_id(&job.as_task_id()) == Ok(job), "does not read back as a task", text)?;
    Ok(Outcome::of(("id", task.is_ok())))
}

/// Nothing opens a job but what was issued for it.
fn token(text: &str) -> Result<Outcome, Complaint> {
    let job = JobId::from_random([7; 16]);
    let opens = access_token::verify(SECRET, &job, text, 1000);
    let expiry = text.split('.').next().and_then(|expiry| u64::from_str_radix(expiry, 16).ok());
    let issued = expiry.map(|at| access_token::issue(SECRET, &job, at)).unwrap_or_default();
    let good = expiry.is_some_and(|at| at > 1000);
    // The digits of its seal may be written in either case.
    require(!opens || (good && issued.eq_ignore_ascii_case(text)), "a token that was never issued", text)?;
    require(opens || !good || issued != text, "a token that was issued and does not open", text)?;
    require(!access_token::verify("another", &job, text, 0), "a token of another secret", text)?;
    require(!access_token::verify(SECRET, &JobId::from_random([8; 16]), text, 0), "a token of another job", text)?;
    Ok(Outcome::of(("token", opens, expiry.is_some())))
}

/// An id that is taken over is safe in a header and in a line of the log.
fn request(text: &str) -> Result<Outcome, Complaint> {
    let taken = request_id::is_acceptable(text);
    let safe =
        HeaderValue::from_str(text).is_ok() && !text.contains(|c: char| c.is_whitespace() || "\"'{}\\".contains(c));
    require(!taken || safe, "a request id that is not safe", text)?;
    Ok(Outcome::of(("request", taken)))
}

/// A cleaned name has nothing of a path, nothing unseen, an end, and stays as it is when cleaned again.
fn name(text: &str) -> Result<Outcome, Complaint> {
    let clean = file_name::sanitize(text);
    let bad = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    require(!clean.is_empty() && clean.len() <= 200 && !clean.contains(bad), "a name that is not clean", &clean)?;
    require(!clean.starts_with('.') && !clean.ends_with(['.', ' ']), "a name that some systems cannot store", &clean)?;
    let again = file_name::sanitize(&clean);
    require(again == clean, "cleaned twice it is another", &format!("{clean} and {again}"))?;
    let (stem, extension) = file_name::split_extension(&clean);
    require(clean == stem || clean == format!("{stem}.{extension}"), "it splits into something else", &clean)?;
    let header = file_name::content_disposition("attachment", &clean);
    require(HeaderValue::from_str(&header).is_ok() && header.is_ascii(), "a header that cannot be sent", &header)?;
    require(header.matches('"').count() == 2, "a name that leaves its quotes", &header)?;
    Ok(Outcome::of(("name", clean == text, extension.len().min(6), clean.is_ascii())))
}

/// A key is never empty, has no white space around it and is the same whoever sends it.
fn bearer(text: &str) -> Result<Outcome, Complaint> {
    let found = presented(Some(text));
    if let Presented::Key(key) = found {
        require(!key.is_empty() && key.trim() == key && text.contains(key), "a key that was not sent", text)?;
        require(presented(Some(&format!("Bearer {key}"))) == found, "a key that is not read back", text)?;
    }
    Ok(Outcome::of(("bearer", std::mem::discriminant(&found), text.len().min(20))))
}

/// A trace that is read is written the same way; whatever is sent, what is handed on is a trace.
fn trace(text: &str) -> Result<Outcome, Complaint> {
    let read = TraceContext::parse(text);
    if let Some(trace) = &read {
        require(
            TraceContext::parse(&trace.to_string()).as_ref() == Some(trace),
            "a trace that is not read back",
            text,
        )?;
    }
    let own = TraceContext::accept(Some(text), [1; 16], [2; 8]).to_string();
    require(TraceContext::parse(&own).is_some() && HeaderValue::from_str(&own).is_ok(), "no trace is handed on", &own)?;
    Ok(Outcome::of(("trace", read.is_some(), own.len())))
}

/// `name=value`: what is taken reads back from what is stored.
fn option(text: &str) -> Result<Outcome, Complaint> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let mut options = Options::default();
    let taken = options.set_field(name, value);
    require(Options::from_json(&options.to_json()) == options, "does not read back", text)?;
    let in_range = options.face_limit().is_none_or(|limit| (1000..=500_000).contains(&limit));
    require(in_range, "out of its range", text)?;
    Ok(Outcome::of(("option", taken.map_err(|refusal| refusal.message), options.to_json().len())))
}

/// What is looked up as an issued key can be sent as one and has an issued key's form; every key that is made is looked up.
fn issued(text: &str) -> Result<Outcome, Complaint> {
    let may = api_key::may_be_issued(text);
    if may {
        let sent = format!("Bearer {text}");
        require(HeaderValue::from_str(&sent).is_ok(), "a key that cannot be sent", text)?;
        require(presented(Some(&sent)) == Presented::Key(text), "a key that is read as another", text)?;
        require(text.len() == api_key::from_random([0; 32]).len(), "a key of another length", text)?;
    }
    let made = api_key::from_random(Sha256::digest(text).into());
    require(api_key::may_be_issued(&made), "a key that was made and is not looked up", &made)?;
    let longer = format!("{made}{}", text.chars().next().unwrap_or('A'));
    require(!api_key::may_be_issued(&longer), "a key with something after its end", &longer)?;
    let hash = api_key::hash_of(text);
    require(hash.len() == 64 && hash.starts_with(api_key::id_of(&hash)), "a key without an id", &hash)?;
    Ok(Outcome::of(("issued", may, text.starts_with(api_key::PREFIX), text.len().min(60))))
}

/// The first line is the socket's other end, the rest what `X-Forwarded-For` says. Only what our own proxies added counts,
/// whatever stands before it.
fn forwarded(text: &str) -> Result<Outcome, Complaint> {
    let (peer, header) = text.split_once('\n').unwrap_or(("10.0.0.1:80", text));
    let ours = Proxies::parse(&["10.0.0.0/8".to_owned(), "::1".to_owned()]);
    let client = ours.client(peer, Some(header));
    let address: Option<IpAddr> = client.parse().ok();
    let written = address.map(|address| address.to_canonical().to_string());
    require(client == "unknown" || written.as_ref() == Some(&client), "an address that is none", &client)?;
    let socket = Proxies::default().client(peer, None);
    require(Proxies::default().client(peer, Some(header)) == socket, "a word that nobody may give", text)?;
    require((client == "unknown") == (socket == "unknown"), "a client out of nowhere", text)?;
    let is_ours = match address {
        Some(IpAddr::V4(v4)) => v4.octets().starts_with(&[10]),
        Some(IpAddr::V6(v6)) => v6.is_loopback(),
        None => false,
    };
    let longer = ours.client(peer, Some(&format!("198.51.100.1,{header}")));
    require(is_ours || longer == client, "what stands further left changes it", text)?;
    let added = ours.client("10.0.0.1:80", Some(&format!("{header}, 192.0.2.9")));
    require(added == "192.0.2.9", "what our proxy added is not believed", text)?;
    let others = Proxies::parse(&header.split(',').map(str::to_owned).collect::<Vec<_>>());
    let judged = others.client("203.0.113.9:1", Some("192.0.2.9"));
    require(["203.0.113.9", "192.0.2.9"].contains(&&*judged), "an address that nobody named", text)?;
    Ok(Outcome::of(("forwarded", is_ours, address.map(|a| a.is_ipv4()), client == socket, judged == "192.0.2.9")))
}

/// A key that is taken is the one that was sent, short and visible; sent twice it is refused, like any other.
fn idempotent(text: &str) -> Result<Outcome, Complaint> {
    let Ok(value) = HeaderValue::from_str(text) else { return Ok(Outcome::of("no header")) };
    let mut headers = HeaderMap::new();
    require(idempotency::key(&headers) == Ok(None), "a key that was not sent", text)?;
    headers.append("idempotency-key", value.clone());
    let taken = match idempotency::key(&headers) {
        Ok(key) => {
            require(key == Some(text), "another key than was sent", text)?;
            require(
                text.len() <= 128 && text.chars().all(|c| c.is_ascii_graphic()),
                "a key that is not visible",
                text,
            )?;
            true
        }
        Err(problem) => {
            require(problem.status() == 400, "a refusal of another kind", text)?;
            false
        }
    };
    headers.append("idempotency-key", value);
    require(idempotency::key(&headers).is_err(), "a key that was sent twice", text)?;
    Ok(Outcome::of(("idempotent", taken, text.len().min(140))))
}
