//! Which of many patterns match one text, in one pass.

use std::collections::HashMap;

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, BuildError, dfa, nfa::contiguous};
use foldhash::fast::FixedState;

use super::bits::Bits;
use super::memo::Memo;
use super::pattern::{Form, TextPattern};

/// Patterns of texts, each with the rules that want it.
///
/// Whole texts are looked up by their hash. For everything else, one automaton goes over the text once and
/// finds every *needle*, the longest literal part of a pattern; where that has to stand, its case and the
/// rest of a glob are checked on the spot. Each thread remembers what it found for the texts of late.
#[derive(Default)]
pub(super) struct TextIndex<const W: usize> {
    exact: HashMap<Box<str>, Bits<W>, FixedState>,
    /// Bit `n % 64` is set if one of them has n bytes: what is of no such length needs no look-up.
    lengths: u64,
    needles: Option<Needles<W>>,
    /// Those without a literal part.
    others: Vec<(TextPattern, Bits<W>)>,
    memo: Memo,
}

struct Needles<const W: usize> {
    automaton: Either,
    /// By their number in the automaton.
    patterns: Vec<(TextPattern, Bits<W>)>,
}

enum Either {
    /// A load for each byte of the text.
    Table(dfa::DFA),
    /// Smaller and slower.
    Compact(contiguous::NFA),
}

/// In bytes of all needles: up to here, a table takes a megabyte or two at most.
const LARGEST_TABLE: usize = 4096;

impl<const W: usize> TextIndex<W> {
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = (&'a TextPattern, usize)>) -> Self {
        let mut index = Self::default();
        let mut inexact: HashMap<&TextPattern, Bits<W>> = HashMap::new();
        for (pattern, rule) in patterns {
            let bits = if pattern.form == Form::Exact && !pattern.ignore_case {
                index.lengths |= 1 << (pattern.text.len() % 64);
                index.exact.entry(pattern.text.clone()).or_default()
            } else {
                inexact.entry(pattern).or_default()
            };
            bits.insert(rule);
        }
        let owned = |(pattern, bits): (&TextPattern, Bits<W>)| (pattern.clone(), bits);
        let (needles, others): (Vec<_>, Vec<_>) = inexact
            .into_iter()
            .map(owned)
            .partition(|(pattern, _)| !pattern.needle().is_empty());
        index.others = others;
        match Either::new(&needles) {
            Ok(automaton) if !needles.is_empty() => {
                let patterns = needles;
                index.needles = Some(Needles {
                    automaton,
                    patterns,
                });
            }
            // More than an automaton can hold are tried one by one.
            _ => index.others.extend(needles),
        }
        index
    }

    /// The rules that want this text.
    #[inline]
    pub(super) fn of(&self, text: &str) -> Bits<W> {
        if self.needles.is_some() || !self.others.is_empty() {
            return self.memo.of(text, |text| self.search(text));
        }
        self.exact_of(text)
    }

    #[inline]
    fn exact_of(&self, text: &str) -> Bits<W> {
        if self.lengths >> (text.len() % 64) & 1 == 0 {
            return Bits::NONE;
        }
        self.exact.get(text).copied().unwrap_or_default()
    }

    #[cold]
    fn search(&self, text: &str) -> Bits<W> {
        let mut found = self.exact_of(text);
        if let Some(needles) = &self.needles {
            match &needles.automaton {
                Either::Table(automaton) => needles.scan(automaton, text, &mut found),
                Either::Compact(automaton) => needles.scan(automaton, text, &mut found),
            }
        }
        for (pattern, rules) in &self.others {
            if pattern.matches(text) {
                found = found.or(rules);
            }
        }
        found
    }
}

impl<const W: usize> Needles<W> {
    #[inline]
    fn scan<A: Automaton>(&self, automaton: &A, text: &str, found: &mut Bits<W>) {
        // An error is for automata that were built for anchored searches alone.
        let Ok(mut state) = automaton.start_state(Anchored::No) else {
            return;
        };
        for (at, byte) in text.bytes().enumerate() {
            state = automaton.next_state(Anchored::No, state, byte);
            // Dead states are special too; an unanchored search for all matches has none.
            if automaton.is_special(state) && automaton.is_match(state) {
                for number in 0..automaton.match_len(state) {
                    let pattern = automaton.match_pattern(state, number);
                    let start = at + 1 - automaton.pattern_len(pattern);
                    let (pattern, rules) = &self.patterns[pattern.as_usize()];
                    if pattern.holds_with_needle(text, start, at + 1) {
                        *found = found.or(rules);
                    }
                }
            }
        }
    }
}

impl Either {
    fn new<const W: usize>(patterns: &[(TextPattern, Bits<W>)]) -> Result<Self, BuildError> {
        let needles = || patterns.iter().map(|(pattern, _)| pattern.needle());
        let any_case = patterns.iter().any(|(pattern, _)| pattern.ignore_case);
        if needles().map(str::len).sum::<usize>() <= LARGEST_TABLE {
            let mut table = dfa::Builder::new();
            let table = table.prefilter(false).ascii_case_insensitive(any_case);
            return table.build(needles()).map(Self::Table);
        }
        let mut compact = contiguous::Builder::new();
        let compact = compact.prefilter(false).ascii_case_insensitive(any_case);
        compact.build(needles()).map(Self::Compact)
    }
}

impl TextPattern {
    /// The longest part of it that stands in every text that it matches, but for the case.
    fn needle(&self) -> &str {
        match self.form {
            Form::Exact | Form::Prefix | Form::Contains => &self.text,
            Form::Glob => {
                let parts = self.text.split(['*', '?']);
                parts.max_by_key(|part| part.len()).unwrap_or_default()
            }
        }
    }

    /// Whether it matches, given that its needle, in whatever case, stands from `start` to `end`.
    fn holds_with_needle(&self, text: &str, start: usize, end: usize) -> bool {
        let in_place = match self.form {
            Form::Exact => start == 0 && end == text.len(),
            Form::Prefix => start == 0,
            Form::Contains => true,
            Form::Glob => return self.matches(text),
        };
        in_place && self.same(&text.as_bytes()[start..end], self.text.as_bytes())
    }
}

#[cfg(test)]
mod tests;
