//! Words of a command line, as a POSIX shell or Windows' cmd reads them.

/// Splits a command into its words; only its first command counts.
pub(super) fn split(text: &str) -> Vec<String> {
    if text.contains("^\"") || text.lines().any(|line| line.trim_end().ends_with(" ^")) {
        return posix(&without_carets(text), true);
    }
    posix(text, false)
}

/// Most words that a command may have.
const MOST: usize = 1000;

/// cmd: a caret makes the next character an ordinary one, and joins lines.
fn without_carets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(character) = chars.next() {
        if character != '^' {
            out.push(character);
            continue;
        }
        match chars.next() {
            Some('\r') => {
                let _ = chars.next_if_eq(&'\n');
                out.push(' ');
            }
            Some('\n') | None => out.push(' '),
            Some(next) => out.push(next),
        }
    }
    out
}

fn posix(text: &str, windows: bool) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut inside = false;
    let mut chars = text.chars().peekable();
    while let Some(character) = chars.next() {
        match character {
            '\'' if !windows => {
                inside = true;
                word.extend(chars.by_ref().take_while(|c| *c != '\''));
            }
            '$' if !windows && chars.peek() == Some(&'\'') => {
                let _ = chars.next();
                inside = true;
                ansi(&mut chars, &mut word);
            }
            '"' => {
                inside = true;
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => match chars.next() {
                            Some('\n') => {}
                            Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                            Some(c) => word.extend(['\\', c]),
                            None => {}
                        },
                        c => word.push(c),
                    }
                }
            }
            '\\' if !windows => match chars.next() {
                Some('\n') | None => {}
                Some('\r') => {
                    let _ = chars.next_if_eq(&'\n');
                }
                Some(c) => {
                    inside = true;
                    word.push(c);
                }
            },
            // The end of the command.
            '\n' if !words.is_empty() || inside => {
                if inside {
                    words.push(std::mem::take(&mut word));
                }
                return words;
            }
            '|' | ';' | '&' if !inside && !windows => return words,
            c if c.is_whitespace() => {
                if inside {
                    words.push(std::mem::take(&mut word));
                    inside = false;
                }
                if words.len() >= MOST {
                    return words;
                }
            }
            c => {
                inside = true;
                word.push(c);
            }
        }
    }
    if inside {
        words.push(word);
    }
    words
}

/// The inside of `$'…'`.
fn ansi(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, word: &mut String) {
    while let Some(character) = chars.next() {
        match character {
            '\'' => return,
            '\\' => match chars.next() {
                Some('n') => word.push('\n'),
                Some('r') => word.push('\r'),
                Some('t') => word.push('\t'),
                Some(kind @ ('u' | 'x')) => {
                    let most = if kind == 'u' { 4 } else { 2 };
                    let mut code = 0;
                    for _ in 0..most {
                        let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)) else { break };
                        code = code * 16 + digit;
                        let _ = chars.next();
                    }
                    word.extend(char::from_u32(code));
                }
                Some(c) => word.push(c),
                None => return,
            },
            c => word.push(c),
        }
    }
}

/// A word in quotes where a shell needs them.
pub(super) fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-:/@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shells_and_cmd() {
        for (text, words) in [
            ("curl 'a b' \"c \\\"d\" e\\ f", &["curl", "a b", "c \"d", "e f"][..]),
            ("curl \\\n  a", &["curl", "a"]),
            ("curl $'a\\u0021b\\'c'", &["curl", "a!b'c"]),
            ("curl a\nnext command", &["curl", "a"]),
            ("curl a | head", &["curl", "a"]),
            ("curl ^\"a^&b^\" ^\r\n  c", &["curl", "a&b", "c"]),
            ("curl 'unfinished", &["curl", "unfinished"]),
        ] {
            assert_eq!(split(text), words, "{text}");
        }
    }

    proptest! {
        #[test]
        fn anything_is_split(text in "\\PC{0,80}") {
            let _ = split(&text);
        }

        #[test]
        fn a_quoted_word_comes_back(text in "[a-z '\"$\\\\!]{1,20}") {
            prop_assert_eq!(split(&format!("curl {}", quote(&text))), ["curl".to_owned(), text]);
        }
    }
}
