//! Where files come from: the disk (in the shell) or memory (in tests).

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A way to the files, and the hands to read many of them.
pub trait Files: Sync {
    /// The bytes of a file.
    ///
    /// # Errors
    /// Why it cannot be read, as the system says it.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// The files that a pattern with `*`, `?` and `[…]` names, sorted; a pattern without any of these names itself,
    /// if it is there.
    fn list(&self, pattern: &str) -> Vec<String>;

    /// Does a piece of work for each number below `count`, in any order: who has several cores may do several at a time.
    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..count).for_each(work);
    }
}

/// What is made for each number below `count`, in the order of the numbers, by the hands of [`Files::each`].
pub fn make_each<T: Send + Sync>(
    files: &dyn Files,
    count: usize,
    make: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let made: Vec<OnceLock<T>> = (0..count).map(|_| OnceLock::new()).collect();
    files.each(count, &|number| {
        made[number].get_or_init(|| make(number));
    });
    made.into_iter().filter_map(OnceLock::into_inner).collect()
}

/// Files in memory.
#[derive(Debug, Clone, Default)]
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Memory {
    /// One file.
    #[must_use]
    pub fn one(path: &str, text: impl Into<Vec<u8>>) -> Self {
        Self::default().with(path, text)
    }

    /// One more file.
    #[must_use]
    pub fn with(mut self, path: &str, text: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.to_owned(), text.into());
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.0.get(path).cloned().ok_or_else(|| "No such file or directory".to_owned())
    }

    fn list(&self, pattern: &str) -> Vec<String> {
        self.0.keys().filter(|path| glob(pattern, path)).cloned().collect()
    }
}

/// Whether a shell pattern matches a path. `*` and `?` do not match `/`, as in glob(7).
#[must_use]
pub fn glob(pattern: &str, path: &str) -> bool {
    matches(pattern.as_bytes(), path.as_bytes())
}

fn matches(pattern: &[u8], path: &[u8]) -> bool {
    // The last star and where its match began; going back to it is enough, because a later star makes an earlier one
    // redundant up to the next slash.
    let (mut p, mut s) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while s < path.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, s));
                p += 1;
                continue;
            }
            Some(b'?') if path[s] != b'/' => Some(p + 1),
            Some(b'[') => class(&pattern[p..], path[s]).map(|length| p + length),
            Some(b'\\') if pattern.get(p + 1) == Some(&path[s]) => Some(p + 2),
            Some(byte) if *byte == path[s] && *byte != b'?' => Some(p + 1),
            _ => None,
        };
        match (step, star) {
            (Some(next), _) => {
                p = next;
                s += 1;
            }
            (None, Some((at, from))) if path[from] != b'/' => {
                star = Some((at, from + 1));
                p = at + 1;
                s = from + 1;
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// The length of a class such as `[a-z]` or `[!0]` if it has this byte.
fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let first = 1 + usize::from(negated);
    let end = first + 1 + pattern.get(first + 1..)?.iter().position(|byte| *byte == b']')?;
    let set = &pattern[first..end];
    let mut found = false;
    let mut at = 0;
    while at < set.len() {
        if at + 2 < set.len() && set[at + 1] == b'-' {
            found |= (set[at]..=set[at + 2]).contains(&byte);
            at += 3;
        } else {
            found |= set[at] == byte;
            at += 1;
        }
    }
    (found != negated && byte != b'/').then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, path, expected) in [
            ("/etc/nginx/conf.d/*.conf", "/etc/nginx/conf.d/a.conf", true),
            ("/etc/nginx/conf.d/*.conf", "/etc/nginx/conf.d/sub/a.conf", false),
            ("/etc/nginx/*/*.conf", "/etc/nginx/conf.d/a.conf", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b", "aXc", false),
            ("*", "", true),
            ("a\\*", "a*", true),
            ("[", "[", false),
        ] {
            assert_eq!(glob(pattern, path), expected, "{pattern} {path}");
        }
    }
}
