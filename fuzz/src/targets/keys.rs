//! The short texts that decide who may do what, and the names that go into headers and answers. The first byte of an input
//! chooses which.

use http::HeaderValue;
use image2model_domain::bearer::{Presented, presented};
use image2model_domain::options::Options;
use image2model_domain::trace::TraceContext;
use image2model_domain::{FileId, JobId, access_token, file_name, ids, request_id};

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
        b"\"",
    ],
    mend: None,
    longest: 2048,
};

const SECRET: &str = "a secret of the fuzzer";

fn run(input: &[u8]) -> Result<Outcome, Complaint> {
    let Some((kind, text)) = input.split_first() else { return Ok(Outcome::of("nothing")) };
    let text = String::from_utf8_lossy(text);
    match kind % 7 {
        0 => id(&text),
        1 => token(&text),
        2 => request(&text),
        3 => name(&text),
        4 => option(&text),
        5 => bearer(&text),
        _ => trace(&text),
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
