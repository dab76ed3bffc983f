//! Reads typed values and collects what is wrong instead of stopping at the first problem.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use secrecy::SecretString;
use url::Url;

use super::table::variables;
use super::variable::{Fallback, Variable};
use super::{Problem, Source};

pub(super) struct Reader<'a> {
    source: &'a Source,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self { source, problems: Vec::new() }
    }

    /// What was wrong, in the table's order.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|p| variables().position(|v| v.name == p.name));
        self.problems
    }

    /// Notes something that concerns more than one value.
    pub(super) fn complain(&mut self, name: &'static str, expected: impl Into<String>) {
        self.problems.push(Problem { name, expected: expected.into() });
    }

    /// The value as set.
    pub(super) fn set_text(&self, name: &'static str) -> Option<&'a str> {
        self.source.get(name)
    }

    /// The value as set, or its default; empty when there is none.
    pub(super) fn text(&self, name: &'static str) -> &'a str {
        self.source.get(name).unwrap_or(match variable(name).map(|v| &v.fallback) {
            Some(Fallback::Value(value)) => value,
            _ => "",
        })
    }

    /// A value that `read` understands, set or by default.
    pub(super) fn value<T>(&mut self, name: &'static str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name);
        if text.is_empty() {
            return None;
        }
        let value = read(text);
        if value.is_none() {
            let expected = variable(name).map_or("another value", |v| v.expects);
            self.complain(name, format!("expected {expected}"));
        }
        value
    }

    pub(super) fn parsed<T: FromStr>(&mut self, name: &'static str) -> Option<T> {
        self.value(name, |text| text.parse().ok())
    }

    /// A number within bounds; the lower bound stands in for a value that was complained about.
    pub(super) fn number<T>(&mut self, name: &'static str, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let value = self.value(name, |text| text.parse().ok().filter(|n| range.contains(n)));
        value.unwrap_or(*range.start())
    }

    pub(super) fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.set_text(name).map(SecretString::from)
    }

    /// Words between commas, each of which `accept` must like.
    pub(super) fn list(&mut self, name: &'static str, accept: impl Fn(&str) -> bool) -> Vec<String> {
        let read = |text: &str| {
            let words: Vec<String> = text.split(',').map(|w| w.trim().to_owned()).filter(|w| !w.is_empty()).collect();
            words.iter().all(|word| accept(word)).then_some(words)
        };
        self.value(name, read).unwrap_or_default()
    }

    /// An `http` or `https` URL without a slash at its end.
    pub(super) fn http_url(&mut self, name: &'static str) -> Option<String> {
        self.value(name, |text| {
            let url = Url::parse(text).ok().filter(is_http)?;
            url.query().is_none().then(|| text.trim_end_matches('/').to_owned())
        })
    }
}

/// Whether requests go there. A user's name and password have no place in an address, which is shown and logged.
pub(super) fn is_http(url: &Url) -> bool {
    let anonymous = url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && anonymous && url.fragment().is_none()
}

fn variable(name: &str) -> Option<&'static Variable> {
    variables().find(|v| v.name == name)
}
