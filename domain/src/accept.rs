//! The `Accept` header (RFC 9110 §12.5.1): how much a client wants each media type that is on offer.

/// What one element of the header says of a media type: the more exact element decides, then its weight counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    /// 1 `*/*`, 2 `type/*`, 3 the type itself.
    exactness: u8,
    /// Thousandths.
    weight: u16,
}

/// The weight that a client gives a media type, in thousandths: 0 when it does not take it, 1000 when it says nothing.
#[must_use]
pub fn weight(accept: Option<&str>, media_type: &str) -> u16 {
    wish(accept, media_type).map_or(0, |wish| wish.weight)
}

/// The offer that a client wants most; between equals the one it names more exactly, then the one offered first. `None`
/// when it takes none of them.
#[must_use]
pub fn preferred<'a>(accept: Option<&str>, offers: &[&'a str]) -> Option<&'a str> {
    let mut best: Option<(u16, u8, &str)> = None;
    for offer in offers {
        let Some(Wish { exactness, weight: weight @ 1.. }) = wish(accept, offer) else { continue };
        if best.is_none_or(|(most, exact, _)| (weight, exactness) > (most, exact)) {
            best = Some((weight, exactness, *offer));
        }
    }
    best.map(|(.., offer)| offer)
}

fn wish(accept: Option<&str>, media_type: &str) -> Option<Wish> {
    match accept.map(str::trim).filter(|accept| !accept.is_empty()) {
        Some(accept) => accept.split(',').filter_map(|element| read(element, media_type)).max(),
        None => Some(Wish { exactness: 1, weight: 1000 }),
    }
}

/// One element, when it covers the media type. Parameters other than the weight are not looked at.
fn read(element: &str, media_type: &str) -> Option<Wish> {
    let mut parts = element.split(';').map(str::trim);
    let range = parts.next()?;
    let exactness = match range.split_once('/')? {
        ("*", "*") => 1,
        (kind, "*") if media_type.split_once('/').is_some_and(|(own, _)| own.eq_ignore_ascii_case(kind)) => 2,
        _ if range.eq_ignore_ascii_case(media_type) => 3,
        _ => return None,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some(Wish { exactness, weight: weight.map_or(1000, thousandths) })
}

/// `1`, `0.5`, `0.125`; what is none of these counts as 1, as if it were not there.
fn thousandths(text: &str) -> u16 {
    match text.parse::<f32>() {
        Ok(number @ 0.0..=1.0) => (number * 1000.0).round() as u16,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: [&str; 2] = ["application/json", "application/zip"];

    #[test]
    fn the_client_chooses() {
        let of = |accept: &str| preferred(Some(accept), &OFFERS);
        assert_eq!(preferred(None, &OFFERS), Some("application/json"));
        assert_eq!(of("*/*"), Some("application/json"));
        assert_eq!(of("application/zip"), Some("application/zip"));
        assert_eq!(of("application/zip, */*"), Some("application/zip"));
        assert_eq!(of("application/zip;q=0.5, application/json"), Some("application/json"));
        assert_eq!(of("application/json;q=0.2, APPLICATION/ZIP;q=0.3"), Some("application/zip"));
        assert_eq!(of("application/*, application/json;q=0"), Some("application/zip"));
        assert_eq!(of("text/html,application/xhtml+xml,*/*;q=0.8"), Some("application/json"));
        assert_eq!(of("text/html"), None);
        assert_eq!(of(""), Some("application/json"));
    }

    #[test]
    fn the_most_exact_element_decides() {
        let of = |accept: &str| weight(Some(accept), "text/event-stream");
        assert_eq!(of("*/*;q=0.1, text/*;q=0.2, text/event-stream;q=0.3"), 300);
        assert_eq!(of("text/event-stream;q=0, */*"), 0);
        assert_eq!(of("application/json"), 0);
        assert_eq!(of("text/event-stream; charset=utf-8; q=0.75"), 750);
        assert_eq!(of("text/event-stream;q=most"), 1000);
        assert_eq!((of("nonsense"), of("text/event-stream;q=7")), (0, 1000));
        assert_eq!(weight(None, "text/event-stream"), 1000);
    }
}
