//! A real Prometheus with the configuration that users get, and its query interface.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;

use crate::{Attributes, Failure, Look, Process, Scratch, get, ports, until};

const CONFIGURATION: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../collector-config/prometheus.yml"
);
const READY_WITHIN: Duration = Duration::from_secs(30);

/// A running Prometheus that keeps exemplars.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    address: SocketAddr,
}

/// One series and its value in the answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its labels, `__name__` among them.
    pub labels: Attributes,
    /// Its value.
    pub value: f64,
}

/// An exemplar as Prometheus stored it.
#[derive(Debug, Clone, PartialEq)]
pub struct PrometheusExemplar {
    /// The labels of the series that it belongs to, `__name__` among them.
    pub series: Attributes,
    /// Its own labels, `trace_id` and `span_id` among them.
    pub labels: Attributes,
    /// The value.
    pub value: f64,
}

impl Prometheus {
    /// Starts `program` on a free loopback port to scrape `target` every second, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, ends early, or is not ready within 30 seconds.
    pub fn start(program: &Path, target: SocketAddr, scratch: &Scratch) -> Result<Self, Failure> {
        let [address] = ports::free()?;
        let file = scratch.path("prometheus.yml");
        fs::write(&file, configuration(target)?).map_err(Failure::doing(file.display()))?;
        let mut command = Command::new(program);
        command.arg("--enable-feature=exemplar-storage");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!(
            "--storage.tsdb.path={}",
            scratch.path("prometheus").display()
        ));
        command.arg(format!("--web.listen-address={address}"));
        let mut process =
            Process::start("Prometheus", &mut command, &scratch.path("prometheus.log"))?;
        until("Prometheus to be ready", READY_WITHIN, || {
            process.still_runs()?;
            Ok(match get(address, "/-/ready") {
                Ok(answer) if answer.status == 200 => Look::Found(()),
                Ok(answer) => Look::NotYet(format!("it answers {}", answer.status)),
                Err(failure) => Look::NotYet(failure.to_string()),
            })
        })?;
        Ok(Self { process, address })
    }

    /// The value now of every series that a selector such as `shop_orders_total{outcome="success"}`, or any other
    /// expression with a vector for its result, gives.
    ///
    /// # Errors
    /// It does not answer, or refuses the query.
    pub fn query(&self, expression: &str) -> Result<Vec<Sample>, Failure> {
        #[derive(Deserialize)]
        struct Vector {
            result: Vec<Element>,
        }
        #[derive(Deserialize)]
        struct Element {
            metric: BTreeMap<String, String>,
            value: (f64, String),
        }
        let vector: Vector = self.ask(&format!("/api/v1/query?query={}", encoded(expression)))?;
        let sample = |element: Element| {
            Ok(Sample {
                labels: element.metric,
                value: number(&element.value.1)?,
            })
        };
        vector.result.into_iter().map(sample).collect()
    }

    /// Every exemplar of the last hour of the series that a selector gives.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub fn exemplars(&self, selector: &str) -> Result<Vec<PrometheusExemplar>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Series {
            series_labels: BTreeMap<String, String>,
            exemplars: Vec<Stored>,
        }
        #[derive(Deserialize)]
        struct Stored {
            labels: BTreeMap<String, String>,
            value: String,
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_err(|error| Failure::new(error.to_string()))?
            .as_secs();
        let path = format!(
            "/api/v1/query_exemplars?query={}&start={}&end={}",
            encoded(selector),
            now - 3600,
            now + 60
        );
        let all: Vec<Series> = self.ask(&path)?;
        let mut found = Vec::new();
        for series in all {
            for stored in series.exemplars {
                found.push(PrometheusExemplar {
                    series: series.series_labels.clone(),
                    labels: stored.labels,
                    value: number(&stored.value)?,
                });
            }
        }
        Ok(found)
    }

    /// What the last scrape of the target failed with; `None` if it went well, `Some("")` before the first.
    ///
    /// # Errors
    /// It does not answer.
    pub fn scrape_error(&self) -> Result<Option<String>, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Targets {
            active_targets: Vec<Target>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Target {
            health: String,
            last_error: String,
        }
        let targets: Targets = self.ask("/api/v1/targets")?;
        Ok(match targets.active_targets.first() {
            Some(target) if target.health == "up" => None,
            Some(target) => Some(target.last_error.clone()),
            None => Some(String::new()),
        })
    }

    /// Fails if it has ended.
    ///
    /// # Errors
    /// It has ended.
    pub fn still_runs(&mut self) -> Result<(), Failure> {
        self.process.still_runs()
    }

    fn ask<T: for<'de> Deserialize<'de>>(&self, target: &str) -> Result<T, Failure> {
        #[derive(Deserialize)]
        struct Answer<T> {
            data: T,
        }
        let body = get(self.address, target)?
            .ok()
            .map_err(|failure| Failure::new(format!("Prometheus, {target}: {failure}")))?;
        let answer: Answer<T> = serde_json::from_str(&body)
            .map_err(|error| Failure::new(format!("Prometheus, {target}: {error}: {body}")))?;
        Ok(answer.data)
    }
}

/// The configuration in `collector-config/` with the target's address and a short interval put in.
fn configuration(target: SocketAddr) -> Result<String, Failure> {
    let mut text = fs::read_to_string(CONFIGURATION).map_err(Failure::doing(CONFIGURATION))?;
    let changes = [
        ("127.0.0.1:9464", target.to_string()),
        ("scrape_interval: 15s", "scrape_interval: 1s".to_owned()),
        ("scrape_timeout: 10s", "scrape_timeout: 1s".to_owned()),
    ];
    for (from, to) in changes {
        if text.matches(from).count() != 1 {
            return Err(Failure::new(format!(
                "{CONFIGURATION}: `{from}` does not stand there once"
            )));
        }
        text = text.replace(from, &to);
    }
    Ok(text)
}

/// Prometheus writes numbers as text, `NaN` and `+Inf` among them.
fn number(text: &str) -> Result<f64, Failure> {
    text.parse()
        .map_err(|error| Failure::new(format!("{text:?} is no number: {error}")))
}

/// Percent-encoding of everything but letters and digits.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
