//! Scrapes of 50 families.

use std::hint::black_box;
use std::time::Instant;

use throughline_prometheus::{Format, Options, render};

use super::Line;
use crate::rigs::key_values;
use crate::rigs::ours::Engine;

/// How many families there are: 30 counters, 10 gauges, 10 histograms of 15 bounds.
const FAMILIES: usize = 50;

/// What a scraper asks for.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

/// How often a scrape is done.
const SCRAPES: usize = 200;

/// 50 families, each of so many series with 3 attributes.
pub(super) fn families(series: usize) -> Engine {
    let engine = Engine::new();
    let meter = engine.meter();
    for family in 0..FAMILIES {
        for at in 0..series {
            let set = key_values(3, at);
            match family % 5 {
                0..3 => meter
                    .u64_counter(format!("family_{family}"))
                    .build()
                    .add(1, &set),
                3 => meter
                    .i64_gauge(format!("family_{family}"))
                    .build()
                    .record(1, &set),
                _ => {
                    let histogram = meter.f64_histogram(format!("family_{family}")).build();
                    (0..20u32).for_each(|at| histogram.record(f64::from(at * at * 20), &set));
                }
            }
        }
    }
    engine
}

/// How long a scrape takes, and how much it gives.
pub(super) fn lines(families_of_ten: &Engine, lines: &mut Vec<Line>) -> Result<(), String> {
    let one = families(1);
    for (engine, series) in [(&one, 1), (families_of_ten, 10)] {
        let (ns, bytes) = scrape(engine);
        let of = if series == 1 {
            "of one series each"
        } else {
            "of 10 series each"
        };
        let name = format!("a scrape of 50 families {of}, collected and written");
        lines.push(Line::new(&name, Some(100.0), ns / 1e3, "µs"));
        let name = format!("exposed per series, 50 families {of}");
        let each = bytes as f64 / (FAMILIES * series) as f64;
        lines.push(Line::new(&name, Some(1024.0), each, "bytes"));
    }
    Ok(())
}

fn scrape(engine: &Engine) -> (f64, usize) {
    let format = Format::negotiate(Some(ACCEPT));
    let (mut fastest, mut bytes) = (f64::INFINITY, 0);
    for _ in 0..SCRAPES {
        let started = Instant::now();
        let text = render(&engine.collect(), format, &Options::default()).text;
        fastest = fastest.min(started.elapsed().as_nanos() as f64);
        bytes = black_box(text).len();
    }
    (fastest, bytes)
}
