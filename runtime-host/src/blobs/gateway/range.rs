//! The `Range` header (RFC 9110 §14): one range of bytes. Several ranges, another unit and what cannot be read are
//! answered with the whole, as the RFC allows.

use std::ops::Range;

/// What a `Range` header asks of something `size` bytes long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything: no header, or one that may be ignored.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that are not there.
    Unsatisfiable,
}

pub(super) fn parse(header: Option<&str>, size: u64) -> Asked {
    let Some((first, last)) = header.and_then(only_range) else { return Asked::Whole };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(suffix)) if first.is_empty() => size.saturating_sub(suffix)..size,
        _ => return Asked::Whole,
    };
    if range.is_empty() { Asked::Unsatisfiable } else { Asked::Part(range) }
}

/// The two ends of the one range that `bytes=first-last` names; lists may have empty elements.
fn only_range(header: &str) -> Option<(&str, &str)> {
    let (unit, ranges) = header.split_once('=')?;
    let mut ranges = ranges.split(',').map(|range| range.trim_matches([' ', '\t'])).filter(|range| !range.is_empty());
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return None };
    unit.trim().eq_ignore_ascii_case("bytes").then(|| range.split_once('-')).flatten()
}

/// Digits and nothing else; what is too large to be counted is as large as can be.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        for (header, expected) in [
            ("bytes=0-4", Asked::Part(0..5)),
            ("bytes=5-", Asked::Part(5..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=8-99", Asked::Part(8..10)),
            ("bytes=8-99999999999999999999999999", Asked::Part(8..10)),
            ("Bytes= ,8-9 ,", Asked::Part(8..10)),
            ("bytes=10-", Asked::Unsatisfiable),
            ("bytes=99999999999999999999999999-", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=5-4", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=1 - 2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=--1", Asked::Whole),
            ("bytes", Asked::Whole),
        ] {
            assert_eq!(parse(Some(header), 10), expected, "{header}");
        }
        assert_eq!(parse(None, 10), Asked::Whole);
        assert_eq!(parse(Some("bytes=0-"), 0), Asked::Unsatisfiable);
    }

    proptest! {
        #[test]
        fn any_text_gives_bytes_that_are_there(header in "\\PC{0,40}", size in 0..u64::MAX) {
            if let Asked::Part(range) = parse(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }

        #[test]
        fn nearly_a_range_gives_bytes_that_are_there(header in "bytes=[-0-9, ]{0,24}", size in 0..1000_u64) {
            if let Asked::Part(range) = parse(Some(&header), size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }

        /// Said by picking the bytes one by one: `first-last` is every byte whose place is not before, nor after.
        #[test]
        fn picks_the_bytes_that_were_asked_for(first in 0..300_u64, length in 0..300_u64, size in 0..200_u64) {
            let last = first + length;
            let there = |wanted: &dyn Fn(u64) -> bool| (0..size).filter(|at| wanted(*at)).collect::<Vec<_>>();
            for (header, wanted) in [
                (format!("bytes={first}-{last}"), there(&|at| at >= first && at <= last)),
                (format!("bytes={first}-"), there(&|at| at >= first)),
                (format!("bytes=-{length}"), there(&|at| at + length >= size)),
            ] {
                let got = match parse(Some(&header), size) {
                    Asked::Part(range) => range.collect(),
                    Asked::Unsatisfiable => Vec::new(),
                    Asked::Whole => return Err(TestCaseError::fail(format!("{header} was ignored"))),
                };
                prop_assert_eq!(got, wanted, "{} of {}", header, size);
            }
        }
    }
}
