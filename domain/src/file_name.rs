//! File names are data: kept for people to read, never used as a path.

/// The longest name kept, in bytes.
const MAX_BYTES: usize = 200;

/// A name that is safe to show and to offer for download: the last path segment, without control characters, direction
/// overrides and characters that file systems refuse, at most 200 bytes, its extension kept. Empty names become `image`;
/// names that Windows keeps for devices get an underscore in front.
#[must_use]
pub fn sanitize(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !is_refused(*c)).collect();
    let trimmed = kept.trim_matches(|c: char| c == '.' || c.is_whitespace());
    match trimmed {
        "" => "image".to_owned(),
        name if is_device(name) => shorten(&format!("_{name}")),
        name => shorten(name),
    }
}

/// Windows opens a device for these names, whatever their extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let numbered =
        |of: &str| stem.strip_prefix(of).is_some_and(|rest| "123456789¹²³".chars().any(|c| rest.chars().eq([c])));
    matches!(stem.as_str(), "con" | "prn" | "aux" | "nul" | "conin$" | "conout$") || numbered("com") || numbered("lpt")
}

fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn shorten(name: &str) -> String {
    if name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let (stem, extension) = split_extension(name);
    let room = MAX_BYTES.saturating_sub(extension.len().min(16) + 1);
    let mut cut = room.min(stem.len());
    while !stem.is_char_boundary(cut) {
        cut -= 1;
    }
    let stem = stem.get(..cut).unwrap_or_default();
    if extension.is_empty() || extension.len() > 16 {
        stem.trim_end_matches(|c: char| c == '.' || c.is_whitespace()).to_owned()
    } else {
        format!("{stem}.{extension}")
    }
}

/// A name, or a part of one, as names are compared in any case. Letter by letter, so that a part is found wherever it stands; by way
/// of the capitals, which letters of one capital share: `ß` and `SS`, both small sigmas.
#[must_use]
pub fn in_any_case(name: &str) -> String {
    let small = name.chars().flat_map(char::to_lowercase);
    small.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Splits `chair.front.jpg` into `chair.front` and `jpg`; a name without a dot has an empty extension.
#[must_use]
pub fn split_extension(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, extension),
        _ => (name, ""),
    }
}

/// `Content-Disposition` with both forms of the name (RFC 6266): plain ASCII for old clients, UTF-8 for the others.
#[must_use]
pub fn content_disposition(kind: &str, name: &str) -> String {
    let ascii: String = name
        .chars()
        .map(|c| if c.is_ascii() && !c.is_ascii_control() && c != '"' && c != '\\' { c } else { '_' })
        .collect();
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        // attr-char of RFC 5987
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_are_no_other_letters() {
        for (one, other) in
            [("CHAIR", "chair"), ("STÜHLE", "Stühle"), ("ΟΔΟΣ", "οδος"), ("Straße", "STRASSE"), ("Ж", "ж")]
        {
            assert_eq!(in_any_case(one), in_any_case(other), "{one}");
        }
        assert!(in_any_case("ΟΔΟΣ.jpg").contains(&in_any_case("οδος")), "also where a word does not end");
        assert_ne!(in_any_case("Stuhle"), in_any_case("Stühle"));
    }

    #[test]
    fn keeps_what_people_read_and_drops_what_paths_mean() {
        assert_eq!(sanitize("../../etc/passwd"), "passwd");
        assert_eq!(sanitize("C:\\photos\\chair.jpg"), "chair.jpg");
        assert_eq!(sanitize("ch\0air\u{202e}gpj.png"), "chairgpj.png");
        assert_eq!(sanitize("стул 🪑.jpg"), "стул 🪑.jpg");
        assert_eq!(sanitize(".."), "image");
        assert_eq!(
            (sanitize("NUL.png"), sanitize("com1 .jpg"), sanitize("LPT².jpg")),
            ("_NUL.png".into(), "_com1 .jpg".into(), "_LPT².jpg".into())
        );
        assert_eq!((sanitize("console.jpg"), sanitize("com10.jpg")), ("console.jpg".into(), "com10.jpg".into()));
        let long = sanitize(&format!("{}.jpeg", "é".repeat(300)));
        assert!(long.len() <= MAX_BYTES && long.ends_with("é.jpeg"));
    }

    #[test]
    fn offers_both_forms_of_a_name() {
        assert_eq!(
            content_disposition("attachment", "a \"b\".glb"),
            "attachment; filename=\"a _b_.glb\"; filename*=UTF-8''a%20%22b%22.glb"
        );
        assert_eq!(content_disposition("inline", "é.glb"), "inline; filename=\"_.glb\"; filename*=UTF-8''%C3%A9.glb");
    }
}
