//! Columns and colours for terminals. Colours strengthen; what they mean stands there in letters, too.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

/// Widest line that is written.
pub(crate) const WIDTH: usize = 80;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();

/// The colour of a status or a severity.
pub(crate) fn of(status: &str) -> Style {
    match status {
        "ok" => AnsiColor::Green.on_default(),
        "warn" | "warning" => AnsiColor::Yellow.on_default(),
        "fail" | "error" => AnsiColor::Red.on_default().bold(),
        _ => DIM,
    }
}

/// `text` in `style`.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Columns that a text takes: Chinese characters take two.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// `text` with blanks up to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks a text into lines of at most `columns`, between words; Chinese breaks anywhere.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for piece in pieces(paragraph) {
            let fits = width(&line) + width(piece.trim_end()) <= columns;
            if !fits && !line.is_empty() {
                lines.push(line.trim_end().to_owned());
                line.clear();
            }
            if line.is_empty() {
                line.push_str(piece.trim_start());
            } else {
                line.push_str(piece);
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// Parts of a text between which a line may break.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut previous = ' ';
    for (at, character) in text.char_indices() {
        let after_blank = previous == ' ' && character != ' ';
        // Closing punctuation never begins a line.
        let wide = is_wide(character) && !"，。；：！？）》”、".contains(character);
        if at > start
            && (after_blank
                || wide
                || (is_wide(previous)
                    && character != ' '
                    && !is_wide(character)
                    && !"，。；：！？）》”、".contains(character)))
        {
            out.push(&text[start..at]);
            start = at;
        }
        previous = character;
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}

fn is_wide(character: char) -> bool {
    unicode_width::UnicodeWidthChar::width(character) == Some(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_wider_than_asked_in_either_language() {
        let english = "The reply says \"server: nginx/1.28.0\", the body is the app's own text.";
        let chinese =
            "响应头是 nginx，响应内容却是应用自己的文字，说明请求到了应用，但应用收到的是普通请求。";
        for text in [english, chinese] {
            for columns in [20, 30, 60] {
                let lines = wrap(text, columns);
                assert!(lines.iter().all(|line| width(line) <= columns + 2), "{lines:#?}");
                let joined: String = lines.join("");
                assert_eq!(joined.replace(' ', ""), text.replace(' ', ""));
            }
        }
    }

    #[test]
    fn a_word_longer_than_the_line_stays_whole() {
        assert_eq!(
            wrap("a https://example.com/very/long b", 10),
            ["a", "https://example.com/very/long", "b"]
        );
    }

    #[test]
    fn columns_count_chinese_twice() {
        assert_eq!(width(&pad("失败", 6)), 6);
        assert_eq!(width(&pad("FAIL", 6)), 6);
    }
}
