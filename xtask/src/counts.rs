//! Adding up what test runners print: cargo's `test result:` lines, Vitest's and Node's summaries.

use std::ops::AddAssign;

/// Tests that passed, failed and were left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Counts {
    /// What one printed line adds.
    pub fn of_line(line: &str) -> Self {
        let line = without_colours(line);
        let words: Vec<&str> = line.split([' ', '|', ';', '(', ')', ',']).filter(|w| !w.is_empty()).collect();
        let before = |word: &str| {
            let at = words.iter().position(|w| *w == word)?;
            words.get(at.checked_sub(1)?)?.parse().ok()
        };
        let after = |word: &str| {
            let at = words.iter().position(|w| *w == word)?;
            words.get(at + 1)?.parse().ok()
        };
        match words.as_slice() {
            ["test", "result:", ..] => Self {
                passed: before("passed").unwrap_or_default(),
                failed: before("failed").unwrap_or_default(),
                skipped: before("ignored").unwrap_or_default(),
            },
            ["Tests", ..] => Self {
                passed: before("passed").unwrap_or_default(),
                failed: before("failed").unwrap_or_default(),
                skipped: before("skipped").unwrap_or_default(),
            },
            [_, "pass", _] => Self { passed: after("pass").unwrap_or_default(), ..Self::default() },
            [_, "fail", _] => Self { failed: after("fail").unwrap_or_default(), ..Self::default() },
            _ => Self::default(),
        }
    }
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        if c == '\u{1b}' {
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_runner() {
        let cargo =
            "test result: FAILED. 11 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(Counts::of_line(cargo), Counts { passed: 11, failed: 2, skipped: 1 });
        assert_eq!(
            Counts::of_line("\u{1b}[2m      Tests \u{1b}[22m 1 failed | 24 passed (25)"),
            Counts { passed: 24, failed: 1, skipped: 0 }
        );
        assert_eq!(Counts::of_line("# pass 4"), Counts { passed: 4, ..Counts::default() });
        assert_eq!(Counts::of_line("ℹ fail 3"), Counts { failed: 3, ..Counts::default() });
        assert_eq!(Counts::of_line("test a ... ok"), Counts::default());
    }
}
