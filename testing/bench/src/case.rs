//! A case and who takes part in it.

use crate::work::Workload;

/// One question, asked of several subjects.
pub struct Case {
    /// Such as `counter/bound`.
    pub name: &'static str,
    /// At how many threads at once.
    pub threads: &'static [usize],
    /// Who answers, ours first.
    pub subjects: Vec<Subject>,
}

/// One of those who answer.
pub struct Subject {
    /// Such as `throughline` or `prometheus-client`. Ours begin with `throughline`.
    pub name: &'static str,
    make: Box<dyn Fn() -> Box<dyn Workload>>,
}

impl Case {
    pub(crate) fn new(name: &'static str, subjects: Vec<Subject>) -> Self {
        Self {
            name,
            threads: &[1],
            subjects,
        }
    }

    pub(crate) fn threads(self, threads: &'static [usize]) -> Self {
        Self { threads, ..self }
    }
}

impl Subject {
    pub(crate) fn new(name: &'static str, make: impl Fn() -> Box<dyn Workload> + 'static) -> Self {
        Self {
            name,
            make: Box::new(make),
        }
    }

    /// Whether it is ours.
    pub fn is_ours(&self) -> bool {
        self.name.starts_with("throughline")
    }

    /// Sets it up, with nothing counted yet.
    pub fn make(&self) -> Box<dyn Workload> {
        (self.make)()
    }
}
