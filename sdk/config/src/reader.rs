//! Reads one variable after another and gathers what is wrong with them.

use std::ffi::OsString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::pairs::{self, Headers};
use crate::words::Word;
use crate::{Endpoint, Invalid};

/// A timeout that is written as 0: practically forever (2³¹ − 1 ms, almost 25 days).
///
/// The specification lets an implementation put a very long time for "no limit"
/// (`configuration/common.md`, Timeout); this one can be added to any clock without overflow.
pub(crate) const NO_LIMIT: Duration = Duration::from_millis(i32::MAX as u64);

/// The largest integer that every implementation understands (`configuration/common.md`, Integer).
pub(crate) const MAX: u32 = i32::MAX as u32;

pub(crate) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<OsString>,
    invalid: Vec<Invalid>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<OsString>) -> Self {
        Self {
            lookup,
            invalid: Vec::new(),
        }
    }

    pub(crate) fn finish(self) -> Vec<Invalid> {
        self.invalid
    }

    pub(crate) fn refuse(&mut self, invalid: Invalid) {
        self.invalid.push(invalid);
    }

    /// The value without surrounding white space; `None` if nothing remains.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.text_showing(name, |value| value.to_string_lossy().into_owned())
    }

    /// As [`Reader::text`], for a value that must not be shown.
    fn secret(&mut self, name: &'static str) -> Option<String> {
        self.text_showing(name, |_| pairs::REDACTED.to_owned())
    }

    fn text_showing(
        &mut self,
        name: &'static str,
        show: impl Fn(&OsString) -> String,
    ) -> Option<String> {
        match (self.lookup)(name)?.into_string() {
            Ok(value) => {
                let value = value.trim();
                (!value.is_empty()).then(|| value.to_owned())
            }
            Err(value) => {
                self.refuse(Invalid::new(name, show(&value), "valid UTF-8"));
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let value = self.text(name)?;
        let is_true = value.eq_ignore_ascii_case("true");
        if !is_true && !value.eq_ignore_ascii_case("false") {
            self.refuse(Invalid::new(
                name,
                value,
                "true or false; any other value means false",
            ));
        }
        Some(is_true)
    }

    pub(crate) fn word<W: Word>(&mut self, name: &'static str) -> Option<W> {
        let value = self.text(name)?;
        let word = W::from_word(&value);
        if word.is_none() {
            self.refuse(Invalid::new(name, value, W::expected("one of", |_| true)));
        }
        word
    }

    /// A comma-separated list, each word once. `none` stands alone and gives an empty list; a list of
    /// which nothing was understood counts as unset.
    pub(crate) fn words<W: Word>(
        &mut self,
        name: &'static str,
        allowed: impl Fn(W) -> bool,
    ) -> Option<Vec<W>> {
        let value = self.text(name)?;
        if value.eq_ignore_ascii_case("none") {
            return Some(Vec::new());
        }
        let mut words = Vec::new();
        for item in value.split(',').map(str::trim).filter(|i| !i.is_empty()) {
            match W::from_word(item).filter(|word| allowed(*word)) {
                Some(word) if words.contains(&word) => {}
                Some(word) => words.push(word),
                None => {
                    let expected = W::expected("none alone, or a list of", &allowed);
                    self.refuse(Invalid::new(name, item, expected));
                }
            }
        }
        (!words.is_empty()).then_some(words)
    }

    /// A comma-separated list of names, each once, in the case they have.
    pub(crate) fn names(&mut self, name: &'static str) -> Option<Vec<String>> {
        let value = self.text(name)?;
        let mut names: Vec<String> = Vec::new();
        for item in value.split(',').map(str::trim).filter(|i| !i.is_empty()) {
            if !names.iter().any(|known| known == item) {
                names.push(item.to_owned());
            }
        }
        (!names.is_empty()).then_some(names)
    }

    pub(crate) fn integer<T>(&mut self, name: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd + Display + Copy,
    {
        self.number(name, "an integer", range)
    }

    /// A span of time that may be as short as `least` milliseconds.
    pub(crate) fn duration(&mut self, name: &'static str, least: u32) -> Option<Duration> {
        self.number(name, "milliseconds, an integer", least..=MAX)
            .map(|ms: u32| Duration::from_millis(ms.into()))
    }

    /// A limit on time: 0 is none.
    pub(crate) fn timeout(&mut self, name: &'static str) -> Option<Duration> {
        self.duration(name, 0).map(|timeout| match timeout {
            Duration::ZERO => NO_LIMIT,
            timeout => timeout,
        })
    }

    fn number<T>(&mut self, name: &'static str, what: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: std::str::FromStr + PartialOrd + Display + Copy,
    {
        let value = self.text(name)?;
        let number = value.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let expected = format!("{what} from {} to {}", range.start(), range.end());
            self.refuse(Invalid::new(name, value, expected));
        }
        number
    }

    pub(crate) fn endpoint(&mut self, name: &'static str) -> Option<String> {
        let value = self.text_showing(name, |value| {
            pairs::without_credentials(&value.to_string_lossy()).into_owned()
        })?;
        if Endpoint::is_plausible(&value) {
            return Some(value);
        }
        let shown = pairs::without_credentials(&value).into_owned();
        self.refuse(Invalid::new(
            name,
            shown,
            "an http:// or https:// URL, or host:port for gRPC",
        ));
        None
    }

    pub(crate) fn headers(&mut self, name: &'static str) -> Option<Headers> {
        let value = self.secret(name)?;
        Some(Headers::parse(&value, |shown, expected| {
            self.refuse(Invalid::new(name, shown, expected));
        }))
    }

    /// Key-value pairs. An error discards them all, as `resource/sdk.md` asks.
    pub(crate) fn attributes(&mut self, name: &'static str) -> Vec<(String, String)> {
        let Some(value) = self.text(name) else {
            return Vec::new();
        };
        let parsed: Result<Vec<_>, _> = pairs::split(&value).map(pairs::decode).collect();
        parsed.unwrap_or_else(|broken| {
            self.refuse(Invalid::new(
                name,
                broken.shown(),
                format!("{}; the whole list is ignored", broken.expected),
            ));
            Vec::new()
        })
    }
}
