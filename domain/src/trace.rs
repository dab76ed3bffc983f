//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the header that ties what one request sets off together
//! across services. A caller's trace is continued; without one, or with one that cannot be read, a trace begins here.

use std::fmt;

/// Name of the header that a caller sends and that is handed on.
pub const HEADER: &str = "traceparent";

/// Name of the header that an answer has (Trace Context Level 2).
pub const ANSWER_HEADER: &str = "traceresponse";

/// One request's place in its trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: String,
    span_id: String,
    sampled: bool,
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_id(text: &str, length: usize) -> bool {
    is_hex(text, length) && text.bytes().any(|b| b != b'0')
}

impl TraceContext {
    /// Reads `00-<trace id>-<span id>-<flags>`; of later versions, the same beginning. `None` for anything else.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.splitn(5, '-');
        let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version_fits = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        if !version_fits || !is_id(trace_id, 32) || !is_id(span_id, 16) || !is_hex(flags, 2) {
            return None;
        }
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace_id: trace_id.to_owned(), span_id: span_id.to_owned(), sampled })
    }

    /// The place of a request of ours: in the caller's trace when the header can be read, else in a new one.
    #[must_use]
    pub fn accept(header: Option<&str>, trace_bits: [u8; 16], span_bits: [u8; 8]) -> Self {
        let caller = header.and_then(|header| Self::parse(header.trim()));
        let (trace_id, sampled) =
            caller.map_or_else(|| (hex::encode(trace_bits), false), |caller| (caller.trace_id, caller.sampled));
        Self { trace_id, span_id: hex::encode(span_bits), sampled }
    }

    /// The place of a request in a part that records nothing of its own, as components do not: the caller's own, which is
    /// that of the host; a new trace when there is none.
    #[must_use]
    pub fn carried(header: Option<&str>, trace_bits: [u8; 16], span_bits: [u8; 8]) -> Self {
        let caller = header.and_then(|header| Self::parse(header.trim()));
        caller.unwrap_or_else(|| Self::accept(None, trace_bits, span_bits))
    }

    /// Names the trace: 32 hex digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// Names the place in it: 16 hex digits.
    #[must_use]
    pub fn span_id(&self) -> &str {
        &self.span_id
    }

    /// Whether the trace is recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// The trace that a recorded header names; empty when there is none.
#[must_use]
pub fn trace_id(header: &str) -> &str {
    header.split('-').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn continues_the_callers_trace_in_a_span_of_its_own() {
        let own = TraceContext::accept(Some(SENT), [1; 16], [2; 8]);
        assert_eq!(own.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0202020202020202-01");
        assert_eq!((own.trace_id(), trace_id(&own.to_string())), (&SENT[3..35], &SENT[3..35]));
        let later = format!("cc-{}-{}-ff-what-comes", &SENT[3..35], &SENT[36..52]);
        assert_eq!(TraceContext::accept(Some(&later), [1; 16], [2; 8]), own);
    }

    #[test]
    fn a_part_that_records_nothing_hands_on_what_it_was_given() {
        let carried = TraceContext::carried(Some(SENT), [1; 16], [2; 8]);
        assert_eq!(carried.to_string(), SENT);
        assert_eq!((carried.span_id(), carried.is_sampled()), ("00f067aa0ba902b7", true));
        assert_eq!(TraceContext::carried(Some("x"), [1; 16], [2; 8]), TraceContext::accept(None, [1; 16], [2; 8]));
    }

    #[test]
    fn begins_a_trace_when_none_can_be_read() {
        let (zero_trace, zero_span) =
            (SENT.replace(&SENT[3..35], &"0".repeat(32)), SENT.replace(&SENT[36..52], &"0".repeat(16)));
        let (upper, longer, forbidden) = (SENT.to_uppercase(), format!("{SENT}-00"), SENT.replacen("00", "ff", 1));
        for bad in
            ["", "00", "x", &zero_trace, &zero_span, &upper, &longer, &forbidden, &SENT[..54], &SENT.replace('-', "_")]
        {
            assert!(TraceContext::parse(bad).is_none(), "{bad}");
            let own = TraceContext::accept(Some(bad), [1; 16], [2; 8]);
            assert_eq!(own.to_string(), format!("00-{}-{}-00", "01".repeat(16), "02".repeat(8)));
        }
        assert_eq!(trace_id(""), "");
    }
}
