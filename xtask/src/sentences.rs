//! Finds the sentences in the source: every `text!("…")`, as the compiler would read the literal.

/// The templates of all `text!` calls in a source text.
pub(crate) fn templates(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find("text!(") {
        let before = rest[..at].chars().next_back();
        rest = &rest[at + "text!(".len()..];
        // `plaintext!(` would be another macro; a doc comment quotes one with backticks.
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '`') {
            continue;
        }
        if let Some(literal) = rest.trim_start().strip_prefix('"')
            && let Some(template) = unquoted(literal)
        {
            found.push(template);
        }
    }
    found
}

/// A string literal without its quotes, escapes resolved; `literal` begins behind the opening quote.
fn unquoted(literal: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = literal.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Some(out),
            '\\' => match characters.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                '\n' => {
                    while characters.peek().is_some_and(|next| next.is_whitespace()) {
                        characters.next();
                    }
                }
                'u' => {
                    let number: String = characters.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    out.push(char::from_u32(u32::from_str_radix(&number, 16).ok()?)?);
                }
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::templates;

    #[test]
    fn literals_are_read_as_the_compiler_reads_them() {
        let source = "a(text!(\"one {x}\", x = 1)); text!(\n    \"say \\\"hi\\\" \\\n     there\"); plaintext!(\"no\"); `text!(\"doc\")`";
        assert_eq!(templates(source), ["one {x}", "say \"hi\" there"]);
    }
}
