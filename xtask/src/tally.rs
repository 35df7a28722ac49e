//! Counts tests by the closing lines of `cargo test`.

#[cfg(test)]
mod tests;

/// How many tests ran, and the lines that say so (those of runs without a test left out).
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: Counts,
    closing_lines: Vec<String>,
}

/// What one or more closing lines add up to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Tally {
    /// Takes one line of a test run's output; all but closing lines are passed over.
    pub(crate) fn read(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(counts) = Counts::parse(line) {
            self.counts.passed += counts.passed;
            self.counts.failed += counts.failed;
            self.counts.ignored += counts.ignored;
            if counts != Counts::default() {
                self.closing_lines.push(line.to_owned());
            }
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
                (number, "ignored") => result.ignored = number.parse().ok()?,
                _ => break,
            }
        }
        Some(result)
    }
}
