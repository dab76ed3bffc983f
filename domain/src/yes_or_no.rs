//! What people write for yes and no in forms and queries.

/// True, false, or neither of them; an empty text is neither.
#[must_use]
pub fn yes_or_no(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_one_of(["true", "1", "yes", "on"]) {
        Some(true)
    } else if is_one_of(["false", "0", "no", "off"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::yes_or_no;

    #[test]
    fn words_of_either_case_are_understood_and_nothing_else() {
        for (yes, no) in [("true", "false"), ("1", "0"), ("Yes", "NO"), ("on", "Off")] {
            assert_eq!((yes_or_no(yes), yes_or_no(no)), (Some(true), Some(false)));
        }
        for neither in ["", " ", "2", "maybe", "tru", "yes "] {
            assert_eq!(yes_or_no(neither), None, "{neither:?}");
        }
    }
}
