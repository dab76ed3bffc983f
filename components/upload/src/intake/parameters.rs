//! A header's value with parameters, as clients really write it: `Content-Type` and `Content-Disposition` (RFC 2045,
//! RFC 6266, RFC 7578). Takes names in UTF-8 and in the form of RFC 8187. Work and memory are linear in the header.

use percent_encoding::percent_decode_str;

/// The value before the first semicolon, in lower case, and what follows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    pub value: String,
    list: Vec<(String, String)>,
}

impl Parameters {
    /// Reads anything; what makes no sense is left out.
    pub(super) fn parse(header: &[u8]) -> Self {
        let text = String::from_utf8_lossy(header);
        let (value, mut rest) = text.split_once(';').unwrap_or((&text, ""));
        let mut list = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c == ';' || c.is_whitespace());
            let Some(end) = rest.find(['=', ';']) else { break };
            let (name, after) = rest.split_at(end);
            let Some(after) = after.strip_prefix('=') else {
                rest = after;
                continue;
            };
            let (parameter, after) = parameter(after.trim_start());
            list.push((name.trim().to_ascii_lowercase(), parameter));
            rest = after;
        }
        Self { value: value.trim().to_ascii_lowercase(), list }
    }

    /// The parameter of this name; the extended form (`name*=UTF-8''…`) is preferred where it can be read.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let of = |wanted: &str| self.list.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
        of(&format!("{name}*")).and_then(extended).or_else(|| of(name).map(str::to_owned))
    }
}

/// A token or a quoted string, and what follows it.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
        return (token.trim().to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (c, chars.peek()) {
            ('"', _) => return (value, quoted.get(at + 1..).unwrap_or_default()),
            // Only these are escaped by anybody; old browsers send Windows paths with single backslashes.
            ('\\', Some((_, escaped @ ('"' | '\\')))) => {
                value.push(*escaped);
                chars.next();
            }
            _ => value.push(c),
        }
    }
    (value, "")
}

/// `charset'language'percent-encoded` (RFC 8187).
fn extended(text: &str) -> Option<String> {
    let (charset, rest) = text.split_once('\'')?;
    let (_, encoded) = rest.split_once('\'')?;
    let decoded = percent_decode_str(encoded);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => decoded.decode_utf8().ok().map(|name| name.into_owned()),
        "iso-8859-1" => Some(decoded.map(char::from).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filename(header: &str) -> Option<String> {
        Parameters::parse(header.as_bytes()).get("filename")
    }

    #[test]
    fn reads_what_clients_write() {
        let parsed = Parameters::parse(b"Form-Data ; NAME = files;x; filename=\"a; name=b.jpg\"");
        assert_eq!(parsed.value, "form-data");
        assert_eq!((parsed.get("name"), parsed.get("x")), (Some("files".into()), None));
        assert_eq!(parsed.get("filename").as_deref(), Some("a; name=b.jpg"));
        let quoted = Parameters::parse(b"multipart/form-data; boundary=\"a b;c\"; charset=utf-8");
        assert_eq!((quoted.get("boundary"), quoted.get("charset")), (Some("a b;c".into()), Some("utf-8".into())));
    }

    #[test]
    fn names_come_in_many_forms() {
        assert_eq!(filename("form-data; filename=\"стул.jpg\"").as_deref(), Some("стул.jpg"));
        assert_eq!(filename("form-data; filename*=UTF-8''%E2%82%AC.jpg; filename=\"e.jpg\"").as_deref(), Some("€.jpg"));
        assert_eq!(
            filename("form-data; filename=\"e.jpg\"; filename*=utf-8'en'%E2%82%AC.jpg").as_deref(),
            Some("€.jpg")
        );
        assert_eq!(filename("form-data; filename*=iso-8859-1''%E9.jpg").as_deref(), Some("é.jpg"));
        assert_eq!(filename("form-data; filename=\"e.jpg\"; filename*=UTF-8''%FF").as_deref(), Some("e.jpg"));
        assert_eq!(
            filename(r#"form-data; filename="C:\photos\a \"b\".jpg""#).as_deref(),
            Some(r#"C:\photos\a "b".jpg"#)
        );
        assert_eq!(filename("form-data; filename=plain name.jpg ; x=1").as_deref(), Some("plain name.jpg"));
        assert_eq!(filename("form-data; filename=\"never closed").as_deref(), Some("never closed"));
        assert_eq!(filename("form-data; xfilename=\"a\""), None);
    }

    #[test]
    fn nonsense_is_no_harm() {
        for header in
            [&b""[..], b";", b"=", b";=", b"a;b=\"", b"a; =x", b"\xff; name=\xff\xfe", b"a;filename*='", b";;;;=;="]
        {
            Parameters::parse(header).get("filename");
        }
    }
}
