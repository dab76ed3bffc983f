//! What a PromQL expression reads: metrics, the labels it matches, groups by and shows. No judge of PromQL, promtool is.

use std::collections::BTreeSet;

use image2model_tests::exposition::Samples;

/// One metric in an expression, with its matchers.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    /// Label, operator, value.
    pub matchers: Vec<(String, String, String)>,
}

/// Every selector of our metrics in an expression.
pub fn selectors(expression: &str) -> Vec<Selector> {
    let selector = regex::Regex::new(r"(image2model_[a-z0-9_]+)(?:\{([^}]*)\})?").unwrap();
    let matcher = regex::Regex::new(r#"([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)""#).unwrap();
    let read = |found: regex::Captures<'_>| {
        let inner = found.get(2).map_or("", |inner| inner.as_str());
        let matchers = matcher.captures_iter(inner);
        let matchers = matchers.map(|m| (m[1].to_owned(), m[2].to_owned(), m[3].to_owned())).collect();
        Selector { metric: found[1].to_owned(), matchers }
    };
    selector.captures_iter(expression).map(read).collect()
}

/// Labels that an expression groups by, and those that a text shows as `{{label}}` or `{{ $labels.label }}`.
pub fn labels(expression: &str, texts: &[&str]) -> BTreeSet<String> {
    let by = regex::Regex::new(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)").unwrap();
    let shown = regex::Regex::new(r"\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}").unwrap();
    let grouped = by
        .captures_iter(expression)
        .flat_map(|found| found[1].split(',').map(|label| label.trim().to_owned()).collect::<Vec<_>>());
    let shown =
        texts.iter().flat_map(|text| shown.captures_iter(text).map(|found| found[1].to_owned()).collect::<Vec<_>>());
    grouped.chain(shown).collect()
}

/// What an expression names that is not exported.
pub fn unknown(expression: &str, texts: &[&str], exported: &Samples) -> Vec<String> {
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    for selector in selectors(expression) {
        let series: Vec<Vec<(String, String)>> =
            exported.keys().filter_map(|series| of(series, &selector.metric)).collect();
        if series.is_empty() {
            found.push(format!("no metric {}", selector.metric));
        }
        known.extend(series.iter().flatten().map(|(label, _)| label.clone()));
        for (label, operator, value) in &selector.matchers {
            let values: BTreeSet<&str> =
                series.iter().flatten().filter(|(name, _)| name == label).map(|(_, value)| value.as_str()).collect();
            let wanted: Vec<&str> = if operator.contains('~') { value.split('|').collect() } else { vec![value] };
            if values.is_empty() {
                found.push(format!("{} has no label {label}", selector.metric));
            } else if let Some(missing) = wanted.iter().find(|wanted| !values.contains(*wanted)) {
                found.push(format!("{}: no {label} is {missing:?}, of {values:?}", selector.metric));
            }
        }
    }
    found.extend(labels(expression, texts).difference(&known).map(|label| format!("no label {label}")));
    found
}

/// The labels of a series, when it is of this metric.
fn of(series: &str, metric: &str) -> Option<Vec<(String, String)>> {
    let labels = match series.strip_prefix(metric)? {
        "" => return Some(Vec::new()),
        rest => rest.strip_prefix('{')?.strip_suffix('}')?,
    };
    let pair = regex::Regex::new(r#"([a-z_]+)="([^"]*)""#).unwrap();
    Some(pair.captures_iter(labels).map(|found| (found[1].to_owned(), found[2].to_owned())).collect())
}

#[test]
fn what_is_not_exported_is_found() {
    let exported: Samples = [
        ("image2model_a{kind=\"x\",queue=\"q\"}", 1.0),
        ("image2model_a{kind=\"y\",queue=\"q\"}", 1.0),
        ("image2model_ab", 1.0),
    ]
    .into_iter()
    .map(|(series, value)| (series.to_owned(), value))
    .collect();
    let good = "sum by (queue) (image2model_a{kind=~\"x|y\"}) > image2model_ab";
    assert_eq!(unknown(good, &["{{queue}}", "{{ $value }} and {{ $labels.kind }}"], &exported), Vec::<String>::new());
    for (bad, text) in [
        ("image2model_b", ""),
        ("image2model_a{kind=\"z\"}", ""),
        ("image2model_a{kinds=\"x\"}", ""),
        ("image2model_ab{kind=\"x\"}", ""),
        ("sum by (lane) (image2model_a)", ""),
        ("image2model_a", "{{lane}}"),
    ] {
        assert_eq!(unknown(bad, &[text], &exported).len(), 1, "{bad} {text}");
    }
}
