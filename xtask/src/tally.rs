//! Counts tests by the closing lines of `cargo test`.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

/// How many tests ran, and the lines that say so (those of runs without a test left out).
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Counts,
    closing_lines: Vec<String>,
    /// Tests of the program that runs now which said that they were skipped. Its closing line has them among those
    /// that passed.
    skipped: BTreeSet<String>,
}

/// What one or more closing lines add up to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Takes one line of a test run's output. What counts are closing lines, and lines such as
    /// `SKIPPED name_of_the_test: why`, which `throughline-e2e` prints for a test whose tool is missing.
    pub(crate) fn read(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some((name, _)) = line
            .split_once("SKIPPED ")
            .and_then(|(_, said)| said.split_once(": "))
        {
            self.skipped.insert(name.to_owned());
        }
        let Some(counts) = Counts::parse(line) else {
            return;
        };
        let skipped = u64::try_from(self.skipped.len())
            .unwrap_or(u64::MAX)
            .min(counts.passed);
        self.skipped.clear();
        self.counts.passed += counts.passed - skipped;
        self.counts.failed += counts.failed;
        self.counts.skipped += counts.skipped + skipped;
        if counts != Counts::default() {
            self.closing_lines.push(line.to_owned());
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn failed(&self) -> u64 {
        self.counts.failed
    }

    pub(crate) fn closing_lines(&self) -> &[String] {
        &self.closing_lines
    }
}

impl Counts {
    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut result = Self::default();
        for part in counts.split("; ") {
            match part.split_once(' ')? {
                (number, "passed") => result.passed = number.parse().ok()?,
                (number, "failed") => result.failed = number.parse().ok()?,
                (number, "ignored") => result.skipped = number.parse().ok()?,
                _ => break,
            }
        }
        Some(result)
    }
}
