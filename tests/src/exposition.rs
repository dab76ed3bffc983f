//! A strict reader of metrics text: every rule of Prometheus' format 0.0.4 and of OpenMetrics 1.0 that our metrics meet.
//! What it lets through, the official parsers do too.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `text/plain; version=0.0.4`.
    Prometheus,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

/// Samples by `name{label="value",…}`, labels in order of their names.
pub type Samples = BTreeMap<String, f64>;

#[derive(Default)]
struct Reader {
    samples: Samples,
    /// The family that is being read: its name and kind.
    family: Option<(String, String)>,
    helped: BTreeSet<String>,
    typed: BTreeSet<String>,
    /// Buckets of histograms, by series without `le`: bound and cumulative count.
    buckets: BTreeMap<String, Vec<(f64, f64)>>,
}

/// Reads a whole text.
///
/// # Errors
/// The first line that breaks a rule, and which.
pub fn parse(text: &str, dialect: Dialect) -> anyhow::Result<Samples> {
    ensure!(text.ends_with('\n'), "the last line does not end");
    let mut lines: Vec<&str> = text.lines().collect();
    if dialect == Dialect::OpenMetrics {
        ensure!(lines.pop() == Some("# EOF"), "OpenMetrics ends with # EOF");
    }
    let mut reader = Reader::default();
    for line in lines {
        reader.line(line, dialect).with_context(|| format!("in line {line:?}"))?;
    }
    reader.check_histograms()?;
    Ok(reader.samples)
}

impl Reader {
    fn line(&mut self, line: &str, dialect: Dialect) -> anyhow::Result<()> {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, _) = rest.split_once(' ').context("no help")?;
            return self.announce(name, None);
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').context("no kind")?;
            let known = ["counter", "gauge", "histogram", "info", "summary"];
            ensure!(
                known.contains(&kind) && (kind != "info" || dialect == Dialect::OpenMetrics),
                "unknown kind {kind}"
            );
            ensure!(
                kind != "counter" || name.ends_with("_total") == (dialect == Dialect::Prometheus),
                "counter's name"
            );
            return self.announce(name, Some(kind));
        }
        ensure!(!line.starts_with('#') && !line.is_empty(), "neither a sample nor HELP nor TYPE");
        self.sample(line, dialect)
    }

    fn announce(&mut self, name: &str, kind: Option<&str>) -> anyhow::Result<()> {
        ensure!(is_name(name), "{name:?} is no name");
        let seen = if kind.is_some() { &mut self.typed } else { &mut self.helped };
        ensure!(seen.insert(name.to_owned()), "{name} is announced twice");
        match kind {
            Some(kind) => self.family = Some((name.to_owned(), kind.to_owned())),
            None => self.family = None,
        }
        Ok(())
    }

    fn sample(&mut self, line: &str, dialect: Dialect) -> anyhow::Result<()> {
        let end = line.find(['{', ' ']).context("no value")?;
        let (name, rest) = line.split_at(end);
        ensure!(is_name(name), "{name:?} is no name");
        let (mut labels, rest) = labels(rest)?;
        let value: f64 = rest.strip_prefix(' ').context("no space before the value")?.parse().context("no number")?;
        let (family, kind) = self.family.clone().context("a sample before its TYPE")?;
        let suffix = name.strip_prefix(&family).context("a sample of another family")?;
        ensure!(fits(suffix, &kind, dialect), "{suffix:?} does not end a {kind}");
        ensure!(kind == "gauge" || value >= 0.0, "a {kind} is never negative");
        if kind == "summary" {
            let quantile = labels.get("quantile").map(|quantile| quantile.parse::<f64>()).transpose()?;
            ensure!(quantile.is_some() == suffix.is_empty(), "a quantile where none belongs, or none where one does");
            ensure!(quantile.is_none_or(|quantile| (0.0..=1.0).contains(&quantile)), "a quantile is a share");
        }
        if suffix == "_bucket" {
            let le = labels.remove("le").context("a bucket without le")?;
            let bound = if le == "+Inf" { f64::INFINITY } else { le.parse()? };
            ensure!(le == "+Inf" || le.contains('.'), "{le} is not written as a floating point number");
            self.buckets.entry(series(&family, &labels)).or_default().push((bound, value));
            labels.insert("le".to_owned(), le);
        }
        ensure!(self.samples.insert(series(name, &labels), value).is_none(), "a series twice");
        Ok(())
    }

    fn check_histograms(&self) -> anyhow::Result<()> {
        for (name, buckets) in &self.buckets {
            let rising = buckets.windows(2).all(|pair| match pair {
                [(bound, count), (next_bound, next_count)] => bound < next_bound && count <= next_count,
                _ => true,
            });
            ensure!(rising, "{name}: buckets are not cumulative");
            let (bound, last) = buckets.last().copied().context("no buckets")?;
            let (family, labels) =
                name.split_once('{').map_or((name.as_str(), String::new()), |(f, l)| (f, format!("{{{l}")));
            let count = self.samples.get(&format!("{family}_count{labels}"));
            ensure!(bound.is_infinite() && count == Some(&last), "{name}: its count is not that of +Inf");
            ensure!(self.samples.contains_key(&format!("{family}_sum{labels}")), "{name}: no sum");
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}

fn fits(suffix: &str, kind: &str, dialect: Dialect) -> bool {
    match (kind, dialect) {
        ("counter", Dialect::OpenMetrics) => suffix == "_total",
        ("info", _) => suffix == "_info",
        ("histogram", _) => ["_bucket", "_sum", "_count"].contains(&suffix),
        ("summary", _) => ["", "_sum", "_count"].contains(&suffix),
        _ => suffix.is_empty(),
    }
}

fn series(name: &str, labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    if pairs.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", pairs.join(",")) }
}

/// Reads `{name="value",…}` where there is one; answers what follows it.
fn labels(text: &str) -> anyhow::Result<(BTreeMap<String, String>, &str)> {
    let mut found = BTreeMap::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Ok((found, text)) };
    loop {
        let (name, after) = rest.split_once("=\"").context("no label")?;
        ensure!(is_name(name), "{name:?} is no label");
        let (value, after) = quoted(after)?;
        ensure!(found.insert(name.to_owned(), value).is_none(), "label {name} twice");
        match after.split_at_checked(1) {
            Some((",", more)) => rest = more,
            Some(("}", more)) => return Ok((found, more)),
            _ => bail!("labels do not end"),
        }
    }
}

fn quoted(text: &str) -> anyhow::Result<(String, &str)> {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('\\' | '"'))) => escaped,
                _ => bail!("an unknown escape"),
            }),
            _ => value.push(c),
        }
    }
    bail!("a value does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaches_are_found() {
        let good = "# HELP a A.\n# TYPE a gauge\na{x=\"1\\\"\",b=\"2\"} 1.5\n";
        assert_eq!(parse(good, Dialect::Prometheus).unwrap()["a{b=\"2\",x=\"1\\\"\"}"], 1.5);
        for (what, bad) in [
            ("no type", "a 1\n"),
            ("twice", "# TYPE a gauge\na 1\na 2\n"),
            ("another family", "# TYPE a gauge\nb 1\n"),
            ("counter's name", "# TYPE a counter\na 1\n"),
            ("negative", "# TYPE a_total counter\na_total -1\n"),
            ("label", "# TYPE a gauge\na{1=\"x\"} 1\n"),
            ("escape", "# TYPE a gauge\na{b=\"\\x\"} 1\n"),
            (
                "not cumulative",
                "# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
            ),
            ("no +Inf", "# TYPE a histogram\na_bucket{le=\"1.0\"} 2\na_sum 1\na_count 2\n"),
            ("without a quantile", "# TYPE a summary\na 1\n"),
            ("quantile of a sum", "# TYPE a summary\na_sum{quantile=\"0.5\"} 1\n"),
            ("no share", "# TYPE a summary\na{quantile=\"50\"} 1\n"),
            ("unfinished", "# TYPE a gauge\na 1"),
        ] {
            assert!(parse(bad, Dialect::Prometheus).is_err(), "{what}");
        }
        assert!(parse(good, Dialect::OpenMetrics).is_err(), "no EOF");
    }
}
