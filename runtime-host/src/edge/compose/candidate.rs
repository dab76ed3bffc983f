//! Components made for release candidates of WASI: that of 0.3 (Spin 4.0 and its SDKs), and the last one of 0.2. Their
//! interfaces are those of the release under another version, so such a component is read as one of the release. What Spin 2's
//! SDK makes asks for an older candidate, which is offered by itself, and is only called by the release's name. Only the names
//! at a component's outside are changed, where it is joined with others; its bytes, and so its digest, stay what they are.

use std::borrow::Cow;

use wasmparser::{BinaryReader, ComponentExportSectionReader, ComponentImportSectionReader};

/// The candidates' versions.
pub(crate) const CANDIDATE: &str = "0.3.0-rc-2026-03-15";
pub(crate) const OLDER: &str = "0.2.0-rc-2023-11-10";
pub(crate) const OLDEST: &str = "0.2.0-rc-2023-10-18";
/// What becomes what: the interfaces whose names begin so, of this version, and that of the release.
const BECOME: [Renaming; 3] = [
    Renaming { begins: "wasi:", from: CANDIDATE, to: "0.3.0" },
    // A component may import the release beside its candidate, most likely as 0.2.0.
    Renaming { begins: "wasi:", from: OLDER, to: "0.2.1" },
    Renaming { begins: "wasi:http/incoming-handler@", from: OLDEST, to: "0.2.0" },
];

#[derive(Clone, Copy)]
struct Renaming {
    begins: &'static str,
    from: &'static str,
    to: &'static str,
}

/// How a component begins, and the sections of it that name what it imports and what it exports.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const IMPORTS: u8 = 10;
const EXPORTS: u8 = 11;

/// The component as one of the release. What is no component is left as it is, for whoever reads it next to say so.
pub(crate) fn as_final(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut read = Cow::Borrowed(bytes);
    for renaming in BECOME {
        let is_named = bytes.windows(renaming.from.len()).any(|window| window == renaming.from.as_bytes());
        if is_named && let Some(renamed) = renamed(&read, renaming) {
            read = Cow::Owned(renamed);
        }
    }
    read
}

/// The component with some interfaces of one version named as those of another.
fn renamed(bytes: &[u8], renaming: Renaming) -> Option<Vec<u8>> {
    let mut rest = bytes.strip_prefix(COMPONENT)?;
    let mut out = COMPONENT.to_vec();
    while let Some((id, after)) = rest.split_first() {
        let (size, width) = number(after)?;
        let content = after.get(width..width.checked_add(size)?)?;
        let starts = match *id {
            IMPORTS => starts(ComponentImportSectionReader::new(BinaryReader::new(content, 0)).ok()?),
            EXPORTS => starts(ComponentExportSectionReader::new(BinaryReader::new(content, 0)).ok()?),
            _ => Vec::new(),
        };
        let content = section(content, &starts, renaming)?;
        out.push(*id);
        put_number(content.len(), &mut out);
        out.extend_from_slice(&content);
        rest = after.get(width + size..)?;
    }
    Some(out)
}

/// Where the entries of a section begin.
fn starts<'a, T: wasmparser::FromReader<'a>>(section: wasmparser::SectionLimited<'a, T>) -> Vec<usize> {
    section.into_iter_with_offsets().map_while(|entry| Some(entry.ok()?.0)).collect()
}

fn section<'a>(content: &'a [u8], starts: &[usize], renaming: Renaming) -> Option<Cow<'a, [u8]>> {
    let Some(first) = starts.first() else { return Some(Cow::Borrowed(content)) };
    // The number of entries stands before them.
    let mut out = content.get(..*first)?.to_vec();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(content.len());
        entry(content.get(*start..end)?, renaming, &mut out)?;
    }
    Some(Cow::Owned(out))
}

/// One entry: how its name is written, the name's length, the name, and what it names.
fn entry(bytes: &[u8], Renaming { begins, from, to }: Renaming, out: &mut Vec<u8>) -> Option<()> {
    let (kind, rest) = bytes.split_first()?;
    let (length, width) = number(rest)?;
    let end = width.checked_add(length)?;
    let name = std::str::from_utf8(rest.get(width..end)?).ok()?;
    let path = name.strip_suffix(from).filter(|path| path.starts_with(begins) && path.ends_with('@'));
    let name = path.map_or_else(|| name.to_owned(), |path| format!("{path}{to}"));
    out.push(*kind);
    put_number(name.len(), out);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(rest.get(end..)?);
    Some(())
}

/// A number as the format writes it (LEB128).
fn put_number(mut number: usize, out: &mut Vec<u8>) {
    while number > 0x7f {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// The number at the beginning of `bytes`, and how many of them it takes.
fn number(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut number = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((number, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(version: &str) -> Vec<u8> {
        let text = format!(
            "(component
                (import \"wasi:http/types@{version}\" (instance $t (export \"f\" (func))))
                (import \"own:http/types@{version}\" (instance))
                (component (import \"wasi:http/types@{version}\" (instance)))
                (instance $out (export \"f\" (func $t \"f\")))
                (export \"wasi:http/handler@{version}\" (instance $out)))"
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn names_at_the_outside_become_those_of_the_release() {
        let read = as_final(&component(CANDIDATE)).into_owned();
        assert_eq!(super::super::exports("x", &read).unwrap(), ["wasi:http/handler@0.3.0"]);
        let imports = super::super::imports_of("x", &read).unwrap();
        assert_eq!(imports, ["wasi:http/types@0.3.0", "own:http/types@0.3.0-rc-2026-03-15"], "somebody else's stays");
        let back = Renaming { begins: "wasi:", from: "0.3.0", to: CANDIDATE };
        let there_and_back = renamed(&read, back).unwrap();
        assert_eq!(as_final(&there_and_back), as_final(&component(CANDIDATE)));
    }

    #[test]
    fn what_is_called_by_an_older_name_is_called_by_that_of_the_release() {
        for (version, release, imports) in
            [(OLDER, "0.2.1", "wasi:http/types@0.2.1"), (OLDEST, "0.2.0", "wasi:http/types@0.2.0-rc-2023-10-18")]
        {
            let text = format!(
                "(component
                    (import \"wasi:http/types@{version}\" (instance $t (export \"f\" (func))))
                    (instance $out (export \"handle\" (func $t \"f\")))
                    (export \"wasi:http/incoming-handler@{version}\" (instance $out)))"
            );
            let read = as_final(&wat::parse_str(text).unwrap()).into_owned();
            let exports = super::super::exports("x", &read).unwrap();
            assert_eq!(exports, [format!("wasi:http/incoming-handler@{release}")]);
            assert_eq!(super::super::imports_of("x", &read).unwrap(), [imports]);
        }
    }

    #[test]
    fn what_it_asks_for_is_linked() {
        let text = format!(
            "(component
                (import \"wasi:random/random@{CANDIDATE}\" (instance (export \"get-random-u64\" (func (result u64)))))
                (import \"wasi:http/types@{CANDIDATE}\" (instance (export \"request\" (type (sub resource)))))
                (import \"wasi:filesystem/preopens@{CANDIDATE}\" (instance)))"
        );
        let bytes = wat::parse_str(text).unwrap();
        let engine = wasmtime::Engine::new(wasmtime::Config::new().wasm_component_model_async(true)).unwrap();
        let linker = crate::edge::capabilities::linker(&engine).unwrap();
        let links = |bytes: &[u8]| {
            linker.instantiate_pre(&wasmtime::component::Component::from_binary(&engine, bytes).unwrap()).is_ok()
        };
        assert!(links(&as_final(&bytes)) && !links(&bytes));
    }

    #[test]
    fn anything_else_stays_as_it_is() {
        let of_release = component("0.3.0");
        assert!(matches!(as_final(&of_release), Cow::Borrowed(_)));
        for odd in [&b""[..], b"rubbish 0.3.0-rc-2026-03-15", &component(CANDIDATE)[..60]] {
            assert_eq!(as_final(odd), odd);
        }
    }
}
