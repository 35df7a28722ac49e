//! The values that every subject gets.

use std::sync::LazyLock;

/// The specification's default bounds (`metrics/sdk.md`, "Explicit Bucket Histogram Aggregation"), in milliseconds.
pub const BOUNDS: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0,
    10000.0,
];

/// How many different latencies there are. A power of two.
pub const LATENCIES: usize = 1024;

/// The attribute keys; a call with `n` attributes has the first `n`.
pub const KEYS: [&str; 10] = [
    "method", "status", "route", "scheme", "host", "port", "protocol", "zone", "version", "tier",
];

/// How many different attribute sets there are, at 3 attributes or more.
pub const SETS: usize = 1000;

/// The values of `method`.
pub const METHODS: [&str; 5] = ["GET", "POST", "PUT", "DELETE", "PATCH"];

/// The values of `status`.
pub const STATUSES: [&str; 5] = ["200", "201", "400", "404", "500"];

/// How many routes there are.
pub const ROUTES: usize = SETS / (METHODS.len() * STATUSES.len());

/// How many picks there are. A power of two.
const PICKS: usize = 4096;

/// How many orders of attributes there are. A power of two.
const ORDERS: usize = 8;

static TABLE: LazyLock<[f64; LATENCIES]> = LazyLock::new(|| {
    let mut random = Lcg(7);
    std::array::from_fn(|_| (random.unit() * 20_000f64.ln()).exp().ceil())
});

static ROUTE: LazyLock<[&'static str; ROUTES]> = LazyLock::new(|| {
    std::array::from_fn(|at| &*Box::leak(format!("/orders/{at}/lines").into_boxed_str()))
});

/// The latencies in milliseconds: whole numbers from 1 to 20,000, spread evenly over their logarithms, so that every
/// bucket is met and no branch predictor learns them.
pub fn latencies() -> &'static [f64; LATENCIES] {
    &TABLE
}

/// The latency of step `at`.
#[inline]
pub fn latency(table: &[f64; LATENCIES], at: u64) -> f64 {
    table[at as usize % LATENCIES]
}

/// Calls with prepared arguments: the same `n` things in the same pseudo-random order for every subject.
pub struct Calls<T> {
    things: Vec<T>,
    picks: Box<[u16; PICKS]>,
}

impl<T> Calls<T> {
    /// Of the things that `make` makes for `0..n`, `1 <= n <= 65536`.
    pub fn new(n: usize, make: impl FnMut(usize) -> T) -> Self {
        let mut random = Lcg(11);
        Self {
            things: (0..n).map(make).collect(),
            picks: Box::new(std::array::from_fn(|_| random.below(n) as u16)),
        }
    }

    /// What step `at` is called with.
    #[inline]
    pub fn at(&self, at: u64) -> &T {
        &self.things[usize::from(self.picks[at as usize % PICKS])]
    }
}

/// A route.
pub fn route(at: usize) -> &'static str {
    ROUTE[at]
}

/// The values of the attributes of set `at`, in the order of [`KEYS`].
pub fn set(at: usize) -> [&'static str; 10] {
    [
        METHODS[at % METHODS.len()],
        STATUSES[at / METHODS.len() % STATUSES.len()],
        route(at / (METHODS.len() * STATUSES.len())),
        "https",
        "shop.example",
        "443",
        "HTTP/1.1",
        "eu-central-1",
        "1.42.0",
        "gold",
    ]
}

/// The first `N` attributes of set `at`, with their keys.
pub fn pairs<const N: usize>(at: usize) -> [(&'static str, &'static str); N] {
    let values = set(at);
    std::array::from_fn(|n| (KEYS[n], values[n]))
}

/// Some orders of `n` things.
pub fn orders(n: usize) -> [Vec<usize>; ORDERS] {
    let mut random = Lcg(13);
    std::array::from_fn(|_| {
        let mut order: Vec<usize> = (0..n).collect();
        for at in (1..n).rev() {
            order.swap(at, random.below(at + 1));
        }
        order
    })
}

/// What `steps` steps that begin at the table's start add up to.
pub fn sum_of_latencies(steps: u64) -> f64 {
    let table = latencies();
    let (rounds, rest) = (steps / LATENCIES as u64, steps as usize % LATENCIES);
    rounds as f64 * table.iter().sum::<f64>() + table[..rest].iter().sum::<f64>()
}

/// Knuth's generator: enough for tables, and the same in every run.
struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    fn unit(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 31) as f64
    }
}
