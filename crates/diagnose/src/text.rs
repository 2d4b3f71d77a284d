//! Sentences for people: an English template in the code, its translation in `locales/`.

use std::collections::BTreeMap;
use std::fmt;

/// A sentence with its values still apart, so that it can be said in any language.
///
/// The English template is the key of the translation. Made by [`text!`](crate::text).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    template: &'static str,
    args: Vec<(&'static str, Arg)>,
}

/// A value in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// Never translated: names, numbers, headers, addresses.
    Plain(String),
    /// A sentence or a word that is translated itself.
    Text(Text),
    /// The title of the page of the cause with this id.
    Title(&'static str),
    /// What the page of this cause says is to be done.
    ToDo(&'static str),
}

/// Makes a [`Text`]: `text!("port {port} is closed", port = 8080)`.
///
/// Placeholders are plain names in braces; each argument must have its placeholder (checked in debug builds).
#[macro_export]
macro_rules! text {
    ($template:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::Text::new($template, vec![$((stringify!($name), $crate::Arg::from($value))),*])
    };
}

impl Text {
    /// Used by [`text!`](crate::text).
    #[must_use]
    pub fn new(template: &'static str, args: Vec<(&'static str, Arg)>) -> Self {
        if cfg!(debug_assertions) {
            let wanted = placeholders(template);
            for (name, _) in &args {
                debug_assert!(wanted.contains(name), "\"{template}\" has no placeholder {{{name}}}");
            }
            for name in wanted {
                debug_assert!(
                    args.iter().any(|(given, _)| *given == name),
                    "\"{template}\" lacks a value for {{{name}}}"
                );
            }
        }
        Self { template, args }
    }

    /// The English template, which is the key of its translations.
    #[must_use]
    pub fn template(&self) -> &'static str {
        self.template
    }

    /// The sentence in English.
    #[must_use]
    pub fn english(&self) -> String {
        self.say(&Locale::english())
    }

    /// The sentence in the language of `locale`; English where it has no translation.
    #[must_use]
    pub fn say(&self, locale: &Locale) -> String {
        let template = locale.translate(self.template);
        let mut out = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some(start) = rest.find('{') {
            out.push_str(&rest[..start]);
            let after = &rest[start + 1..];
            let value = after.find('}').and_then(|end| {
                self.args.iter().find(|(name, _)| *name == &after[..end]).map(|(_, arg)| (end, arg))
            });
            match value {
                Some((end, arg)) => {
                    let value = match arg {
                        Arg::Plain(text) => text.clone(),
                        Arg::Text(text) => text.say(locale),
                        Arg::Title(id) => crate::causes::find(id)
                            .map_or_else(|| (*id).to_owned(), |cause| cause.page(locale).title),
                        Arg::ToDo(id) => {
                            crate::causes::find(id).map(|cause| cause.what_to_do(locale)).unwrap_or_default()
                        }
                    };
                    rest = &after[end + 1..];
                    // Chinese typography sets a blank between a Latin word and the characters around it.
                    if out.chars().last().is_some_and(is_han) && value.starts_with(is_latin) {
                        out.push(' ');
                    }
                    out.push_str(&value);
                    if value.ends_with(is_latin) && rest.starts_with(is_han) {
                        out.push(' ');
                    }
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.english())
    }
}

impl From<Text> for Arg {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

macro_rules! plain_args {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Arg {
            fn from(value: $kind) -> Self {
                Self::Plain(value.to_string())
            }
        }
    )*};
}
plain_args!(&str, &String, u8, u16, u32, u64, usize, i64, std::net::IpAddr, std::net::SocketAddr);

fn is_latin(character: char) -> bool {
    character.is_ascii_alphanumeric()
}

fn is_han(character: char) -> bool {
    ('\u{3400}'..='\u{9fff}').contains(&character)
}

/// The names in braces of a template.
fn placeholders(template: &str) -> Vec<&str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}').map(|(name, _)| name))
        .filter(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        })
        .collect()
}

/// A language: what each English sentence is in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Locale {
    name: String,
    sentences: BTreeMap<String, String>,
    pages: BTreeMap<String, String>,
}

/// Why a locale file is not usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocaleError(String);

impl fmt::Display for LocaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LocaleError {}

impl Locale {
    /// English, which stands in the code.
    #[must_use]
    pub fn english() -> Self {
        Self { name: "en".to_owned(), ..Self::default() }
    }

    /// An empty language of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// `en`, `zh-CN`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a file: `[text]` maps English sentences to translations; in a file named after a cause, `page` is
    /// its page.
    ///
    /// # Errors
    /// Says where the text is no such file, or which sentence was there already with another translation.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), LocaleError> {
        let table: toml::Table =
            toml::from_str(text).map_err(|error| LocaleError(format!("{file}: {error}")))?;
        for (key, value) in table {
            match (key.as_str(), value) {
                ("page", toml::Value::String(page)) => {
                    self.pages.insert(file.to_owned(), page);
                }
                ("text", toml::Value::Table(sentences)) => {
                    for (english, value) in sentences {
                        let toml::Value::String(translated) = value else {
                            return Err(LocaleError(format!(
                                "{file}: the translation of \"{english}\" is no text"
                            )));
                        };
                        if placeholders(&english).iter().collect::<std::collections::BTreeSet<_>>()
                            != placeholders(&translated).iter().collect()
                        {
                            return Err(LocaleError(format!(
                                "{file}: \"{english}\" has other placeholders than its translation"
                            )));
                        }
                        let before = self.sentences.insert(english.clone(), translated.clone());
                        if before.is_some_and(|before| before != translated) {
                            return Err(LocaleError(format!("{file}: \"{english}\" has two translations")));
                        }
                    }
                }
                (key, _) => return Err(LocaleError(format!("{file}: unknown key \"{key}\""))),
            }
        }
        Ok(())
    }

    /// The translation of an English template, or the template itself.
    #[must_use]
    pub fn translate<'a>(&'a self, english: &'a str) -> &'a str {
        self.sentences.get(english).map_or(english, String::as_str)
    }

    /// Whether a template has a translation.
    #[must_use]
    pub fn knows(&self, english: &str) -> bool {
        self.sentences.contains_key(english)
    }

    /// The page of a cause, where this language has one of its own.
    #[must_use]
    pub fn page(&self, id: &str) -> Option<&str> {
        self.pages.get(id).map(String::as_str)
    }

    /// All English sentences that have a translation.
    pub fn sentences(&self) -> impl Iterator<Item = &str> {
        self.sentences.keys().map(String::as_str)
    }

    /// Ids of all pages.
    pub fn page_ids(&self) -> impl Iterator<Item = &str> {
        self.pages.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_their_names_stood() {
        let text = text!("{who} answered {status}", who = text!("the proxy"), status = 426_u16);
        assert_eq!(text.english(), "the proxy answered 426");
        let mut locale = Locale::named("zh-CN");
        let file = "[text]\n\"the proxy\" = \"代理\"\n\"{who} answered {status}\" = \"{who}返回 {status}\"\n";
        assert_eq!(locale.add("report", file), Ok(()));
        assert_eq!(text.say(&locale), "代理返回 426");
        let latin = text!("{who} answered {status}", who = "nginx", status = 426_u16);
        assert_eq!(latin.say(&locale), "nginx 返回 426");
    }

    #[test]
    fn braces_that_are_no_placeholders_stay() {
        assert_eq!(text!("location / { … }").english(), "location / { … }");
    }

    #[test]
    fn wrong_files_are_refused() {
        for (file, why) in [
            ("[text]\n\"a {x}\" = \"b\"\n", "other placeholders"),
            ("[text]\na = 1\n", "is no text"),
            ("foo = 1\n", "unknown key"),
            ("[text\n", "x:"),
        ] {
            let error = Locale::named("zz").add("x", file).expect_err("it must be refused");
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
