//! The shape of a path: ids and file names taken out, so that requests to one route count as one.

/// What stands for an id.
const ID: &str = ":id";
/// What stands for the name of a file.
const NAME: &str = ":file";
/// Segments that are looked at; a longer path ends in `…`.
const MOST_SEGMENTS: usize = 10;

/// `/api/v1/status/1f…9c` becomes `/api/v1/status/:id`. A segment counts as an id when it is one of ours (32 hex digits or
/// a UUID) or is longer than any word of a route.
#[must_use]
pub fn path_shape(path: &str) -> String {
    let mut shape = String::with_capacity(path.len().min(128));
    for (at, segment) in path.trim_matches('/').split('/').enumerate() {
        shape.push('/');
        if at == MOST_SEGMENTS {
            shape.push('…');
            break;
        }
        shape.push_str(shape_of(segment));
    }
    shape
}

fn shape_of(segment: &str) -> &str {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hex_or_hyphen = segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let plain = segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if (hex_or_hyphen && segment.len() >= 16) || (digits >= 4 && digits * 2 > segment.len()) {
        ID
    } else if !plain || segment.len() > 32 || segment.contains('.') && !segment.starts_with('.') {
        NAME
    } else {
        segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names_are_taken_out() {
        let job = "0123456789abcdef0123456789abcdef";
        assert_eq!(path_shape(&format!("/api/v1/status/{job}/")), "/api/v1/status/:id");
        assert_eq!(
            path_shape("/api/v1/status/tasks/01234567-89ab-cdef-0123-456789abcdef/stream"),
            "/api/v1/status/tasks/:id/stream"
        );
        assert_eq!(path_shape(&format!("/api/v1/download/{job}/chair%20one.glb")), "/api/v1/download/:id/:file");
        assert_eq!(path_shape("/api/v1/models/generate-single"), "/api/v1/models/generate-single");
        assert_eq!(path_shape("/"), "/");
        assert_eq!(path_shape("/.well-known/spin/health"), "/.well-known/spin/health");
        assert_eq!(path_shape("/a/b/c/d/e/f/g/h/i/j/k/l"), "/a/b/c/d/e/f/g/h/i/j/…");
        assert_eq!(path_shape(&format!("/{}", "x".repeat(500))), "/:file");
    }
}
