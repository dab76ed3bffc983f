//! Names of interfaces, `namespace:package/interface@version`, and when two of them are the same contract: the same name
//! in the same line of compatible versions (0.2.x among themselves, 1.x among themselves).

use semver::Version;

/// A name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InterfaceName<'a> {
    /// `namespace:package`, or the whole name when it is a plain one.
    pub package: &'a str,
    pub interface: Option<&'a str>,
    pub version: Option<Version>,
}

impl<'a> InterfaceName<'a> {
    pub fn parse(name: &'a str) -> Self {
        let (name, version) = match name.split_once('@') {
            Some((name, version)) => (name, Version::parse(version).ok()),
            None => (name, None),
        };
        match name.split_once('/') {
            Some((package, interface)) => Self { package, interface: Some(interface), version },
            None => Self { package: name, interface: None, version },
        }
    }

    /// Package and interface without the version.
    pub fn path(&self) -> String {
        self.interface.map_or_else(|| self.package.to_owned(), |interface| format!("{}/{interface}", self.package))
    }

    /// Whether both are the same contract.
    pub fn is_compatible(&self, other: &Self) -> bool {
        self.package == other.package
            && self.interface == other.interface
            && match (&self.version, &other.version) {
                (Some(a), Some(b)) => same_track(a, b),
                (None, None) => true,
                _ => false,
            }
    }
}

fn same_track(a: &Version, b: &Version) -> bool {
    if !a.pre.is_empty() || !b.pre.is_empty() {
        return a == b;
    }
    if a.major != 0 || b.major != 0 {
        a.major == b.major
    } else {
        a.minor == b.minor && (a.minor != 0 || a.patch == b.patch)
    }
}

/// Whether two interface names are the same contract.
pub(super) fn compatible(a: &str, b: &str) -> bool {
    a == b || InterfaceName::parse(a).is_compatible(&InterfaceName::parse(b))
}

/// Whether a dependency's key, an interface or a whole package with or without version, means `import`.
pub(crate) fn covers(key: &str, import: &str) -> bool {
    if key == import {
        return true;
    }
    let (key, import) = (InterfaceName::parse(key), InterfaceName::parse(import));
    key.package == import.package
        && (key.interface.is_none() || key.interface == import.interface)
        && match (&key.version, &import.version) {
            (Some(a), Some(b)) => same_track(a, b),
            (None, _) => true,
            (Some(_), None) => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_one_track_are_the_same_contract() {
        assert!(compatible("wasi:io/poll@0.2.12", "wasi:io/poll@0.2.3"));
        assert!(!compatible("wasi:io/poll@0.2.0", "wasi:io/poll@0.3.0"));
        assert!(compatible("a:b/c@1.0.0", "a:b/c@1.4.0"));
        assert!(!compatible("a:b/c@1.0.0", "a:b/d@1.0.0"));
        assert!(!compatible("a:b/c@0.3.0-rc-1", "a:b/c@0.3.0"));
        assert!(!compatible("a:b/c", "a:b/c@1.0.0"));
    }

    #[test]
    fn a_key_may_name_a_package() {
        assert!(covers("a:b@1.0.0", "a:b/c@1.0.1"));
        assert!(covers("a:b/c", "a:b/c@1.0.0"));
        assert!(!covers("a:b/d@1.0.0", "a:b/c@1.0.0"));
        assert!(covers("plain", "plain"));
    }
}
