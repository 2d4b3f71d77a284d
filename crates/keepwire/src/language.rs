//! Which language to speak, and its sentences.

use diagnose::Locale;
use std::ffi::OsStr;

/// Languages that every sentence exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Simplified Chinese.
    Chinese,
}

const FILES: &[(&str, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/locales.rs"));

impl Language {
    /// `en`, `zh-CN`, and what people and systems write for them (`zh_CN.UTF-8`, `zh`, `C`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let tag = lower.split(['.', '@']).next().unwrap_or_default().replace('_', "-");
        match tag.split('-').next().unwrap_or_default() {
            "zh" | "chinese" => Some(Self::Chinese),
            "en" | "c" | "posix" | "english" => Some(Self::English),
            _ => None,
        }
    }

    /// The option, else the environment in the order of POSIX; English where nothing is said or known.
    #[must_use]
    pub fn detect<'a>(option: Option<&str>, environment: impl Fn(&str) -> Option<String> + 'a) -> Self {
        if let Some(language) = option.and_then(Self::parse) {
            return language;
        }
        ["KEEPWIRE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(environment)
            .find(|value| !value.is_empty())
            .and_then(|value| Self::parse(&value))
            .unwrap_or(Self::English)
    }

    /// The value of `--lang` in raw arguments: needed before they are parsed, because the help speaks it, too.
    #[must_use]
    pub fn option_in<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> Option<String> {
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let argument = argument.to_str()?;
            if argument == "--lang" {
                return arguments.next()?.to_str().map(str::to_owned);
            }
            if let Some(value) = argument.strip_prefix("--lang=") {
                return Some(value.to_owned());
            }
        }
        None
    }

    /// `en`, `zh-CN`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Its sentences.
    #[must_use]
    pub fn locale(self) -> Locale {
        match self {
            Self::English => Locale::english(),
            // A test loads every file, so none is refused here.
            Self::Chinese => catalogue(self).unwrap_or_else(|_| Locale::english()),
        }
    }
}

/// The sentences of a language.
///
/// # Errors
/// If one of its files is not usable.
pub fn catalogue(language: Language) -> Result<Locale, diagnose::LocaleError> {
    let mut locale = Locale::named(language.id());
    for (of, name, text) in FILES {
        if *of == language.id() {
            locale.add(name, text)?;
        }
    }
    Ok(locale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_recognised_as_systems_write_them() {
        for (text, language) in [
            ("zh_CN.UTF-8", Some(Language::Chinese)),
            ("zh-CN", Some(Language::Chinese)),
            ("zh", Some(Language::Chinese)),
            ("en_US.UTF-8", Some(Language::English)),
            ("C", Some(Language::English)),
            ("fr_FR", None),
            ("", None),
        ] {
            assert_eq!(Language::parse(text), language, "{text}");
        }
    }

    #[test]
    fn the_option_wins_then_the_environment() {
        let chinese = |name: &str| (name == "LANG").then(|| "zh_CN.UTF-8".to_owned());
        assert_eq!(Language::detect(None, chinese), Language::Chinese);
        assert_eq!(Language::detect(Some("en"), chinese), Language::English);
        assert_eq!(Language::detect(None, |_| None), Language::English);
        let french = |name: &str| match name {
            "LC_ALL" => Some("fr_FR".to_owned()),
            "LANG" => Some("zh_CN".to_owned()),
            _ => None,
        };
        assert_eq!(Language::detect(None, french), Language::English);
    }

    #[test]
    fn every_file_is_usable() {
        let locale = catalogue(Language::Chinese).expect("all files load");
        assert!(locale.sentences().count() > 100);
    }
}
