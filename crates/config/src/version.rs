//! Versions of products, and what changed with them. The facts stand in `versions.toml`, each with its source and date.

use serde::Deserialize;
use std::fmt;
use std::sync::OnceLock;

/// A version: numbers parted by dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// The first version in a text such as `nginx/1.22.1` or `HAProxy version 2.6.12-1+deb12u2`.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        text.split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .filter(|word| word.contains('.'))
            .find_map(Self::parse)
    }

    /// `1.29.7`, or `v3` as in `v3.1`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('v').trim_end_matches('.');
        let numbers: Option<Vec<u32>> = text.split('.').take(4).map(|number| number.parse().ok()).collect();
        numbers.filter(|numbers| !numbers.is_empty()).map(Self)
    }

    /// Older than everything.
    pub(crate) fn zero() -> Self {
        Self(vec![0])
    }

    /// Whether it is this version or a later one.
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        let width = self.0.len().max(other.0.len());
        let number = |version: &Self, at: usize| version.0.get(at).copied().unwrap_or(0);
        (0..width).map(|at| number(self, at)).ge((0..width).map(|at| number(other, at)))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&numbers.join("."))
    }
}

/// Something that came, or changed, with a version.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Short name of it, unique.
    pub id: String,
    /// The product.
    pub product: String,
    /// The first version that has it.
    pub since: String,
    /// What it is.
    pub what: String,
    /// Who says so.
    pub source: String,
    /// When that was published, or looked up.
    pub date: String,
}

#[derive(Deserialize)]
struct Table {
    known: Vec<Known>,
}

/// Everything that is known of versions.
#[must_use]
pub(crate) fn known() -> &'static [Known] {
    static TABLE: OnceLock<Vec<Known>> = OnceLock::new();
    // The file is part of the program, and a test reads it: an empty table cannot be met at run time.
    TABLE.get_or_init(|| {
        toml::from_str::<Table>(include_str!("versions.toml")).map(|table| table.known).unwrap_or_default()
    })
}

/// Whether a version has what this id names.
#[must_use]
pub(crate) fn has(version: &Version, id: &str) -> bool {
    known()
        .iter()
        .find(|known| known.id == id)
        .and_then(|known| Version::parse(&known.since))
        .is_some_and(|since| version.is_at_least(&since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_numbers() {
        let version = |text| Version::parse(text).unwrap();
        assert!(version("1.29.7").is_at_least(&version("1.9.12")));
        assert!(version("1.29").is_at_least(&version("1.29.0")));
        assert!(!version("2.4.46").is_at_least(&version("2.4.47")));
        assert_eq!(Version::find("nginx version: nginx/1.22.1").unwrap().to_string(), "1.22.1");
        assert_eq!(Version::find("HAProxy version 2.6.12-1+deb12u2 2023").unwrap().to_string(), "2.6.12");
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::find("no number"), None);
    }

    #[test]
    fn the_table_is_whole() {
        assert!(toml::from_str::<Table>(include_str!("versions.toml")).is_ok());
        for known in known() {
            assert!(Version::parse(&known.since).is_some(), "{}", known.id);
            assert!(known.date.len() >= 4 && !known.source.is_empty(), "{}", known.id);
        }
        assert!(has(&Version::parse("1.29.7").unwrap(), "nginx-upstream-http11"));
        assert!(!has(&Version::parse("1.29.6").unwrap(), "nginx-upstream-http11"));
        assert!(!has(&Version::parse("9").unwrap(), "no such id"));
    }
}
