//! The tables of operations and of other metrics.

use super::clean::width;
use super::paint::{Canvas, Style};
use super::units;
use crate::data::Attributes;
use crate::report::{NumberRow, NumberValue, OperationRow, Quantile, Report};

/// Widths of the columns right of the name: count, rate, three quantiles, errors.
const COLUMNS: [(usize, &str); 6] = [
    (10, "count"),
    (9, "rate"),
    (9, "p50"),
    (9, "p99"),
    (9, "p99.9"),
    (13, "errors"),
];

pub(super) fn operations(report: &Report, canvas: &mut Canvas) {
    let columns: usize = COLUMNS.iter().map(|(width, _)| width).sum();
    let name = canvas.width.saturating_sub(columns).max(12);
    let mut header = canvas.left("OPERATIONS", name);
    for (width, title) in COLUMNS {
        header.push_str(&canvas.right(title, width));
    }
    canvas.line(&[(Style::Heading, &header)]);
    if report.operations.is_empty() {
        canvas.line(&[(
            Style::Dim,
            "  none yet: a histogram whose unit is a time makes a row",
        )]);
    }
    let mut rest = report.operations.as_slice();
    while let Some(first) = rest.first() {
        let same =
            |row: &OperationRow| (&row.service, &row.metric) == (&first.service, &first.metric);
        let (stream, others) = rest.split_at(rest.iter().take_while(|row| same(row)).count());
        rest = others;
        let title = title(canvas, &first.service, &first.metric);
        let alone = stream.len() == 1 && first.attributes.is_empty();
        if alone && width(&title) < name {
            operation(&title, first, name, canvas);
            continue;
        }
        canvas.line(&[(Style::Plain, &title)]);
        for row in stream {
            operation(&format!("  {}", label(&row.attributes)), row, name, canvas);
        }
    }
    more(report.operations.len(), report.operations_total, canvas);
}

fn operation(label: &str, row: &OperationRow, name: usize, canvas: &mut Canvas) {
    let ascii = canvas.ascii;
    let quantile = |quantile: Option<Quantile>| match quantile {
        None => "-".to_owned(),
        Some(Quantile {
            seconds,
            at_least: true,
        }) => format!(">{}", units::seconds(seconds, ascii)),
        Some(Quantile { seconds, .. }) => units::seconds(seconds, ascii),
    };
    let values = [
        units::count(row.count),
        row.per_second.map_or("-".to_owned(), units::rate),
        quantile(row.p50),
        quantile(row.p99),
        quantile(row.p999),
    ];
    let mut label = canvas.fit(label, canvas.width);
    if width(&label) >= name {
        // A label that is too long for its column has a line of its own: what is cut cannot be told apart.
        canvas.line(&[(Style::Plain, &label)]);
        label.clear();
    }
    let mut line = canvas.left(&label, name);
    for ((width, _), value) in COLUMNS.iter().zip(values) {
        line.push_str(&canvas.right(&value, *width));
    }
    let errors = match row.errors {
        None | Some(0) => "-".to_owned(),
        Some(errors) => format!(
            "{} ({})",
            units::count(errors),
            units::percent(errors, row.count)
        ),
    };
    let style = if errors == "-" {
        Style::Dim
    } else {
        Style::Error
    };
    let errors = canvas.right(&errors, COLUMNS[5].0);
    canvas.line(&[(Style::Plain, &line), (style, &errors)]);
}

/// Counters, gauges and other histograms, but for what the table of operations says already: the calls, and how
/// many are under way now, of an operation that has a row.
pub(super) fn numbers(report: &Report, canvas: &mut Canvas) {
    let told = |row: &&NumberRow| {
        let name = row.metric.strip_suffix(".calls");
        let name = name.or_else(|| row.metric.strip_suffix(".active"));
        name.is_some_and(|name| {
            report.operations.iter().any(|operation| {
                operation.service == row.service
                    && operation.metric.strip_suffix(".duration") == Some(name)
            })
        })
    };
    let rows: Vec<&NumberRow> = report.numbers.iter().filter(|row| !told(row)).collect();
    if rows.is_empty() {
        return;
    }
    canvas.blank();
    canvas.line(&[(Style::Heading, "COUNTERS AND GAUGES")]);
    let value = 40.min(canvas.width / 2);
    let name = canvas.width - value;
    let mut rest = rows.as_slice();
    while let Some(first) = rest.first() {
        let same =
            |row: &&&NumberRow| (&row.service, &row.metric) == (&first.service, &first.metric);
        let (stream, others) = rest.split_at(rest.iter().take_while(same).count());
        rest = others;
        let title = title(canvas, &first.service, &first.metric);
        let alone = stream.len() == 1 && first.attributes.is_empty();
        if alone && width(&title) < name {
            number(&title, first, (name, value), canvas);
            continue;
        }
        canvas.line(&[(Style::Plain, &title)]);
        for row in stream {
            number(
                &format!("  {}", label(&row.attributes)),
                row,
                (name, value),
                canvas,
            );
        }
    }
    more(report.numbers.len(), report.numbers_total, canvas);
}

fn number(label: &str, row: &NumberRow, (name, columns): (usize, usize), canvas: &mut Canvas) {
    let ascii = canvas.ascii;
    let in_unit = |number: f64| units::value(number, &row.unit, ascii);
    let value = match row.value {
        NumberValue::Counter { total, per_second } => {
            let rate = per_second.map(|rate| format!("  {}", units::rate(rate)));
            format!("{}{}", in_unit(total), rate.unwrap_or_default())
        }
        NumberValue::Level(level) => in_unit(level),
        NumberValue::Distribution { count, p50, p99 } => {
            let quantile = |name, value: Option<f64>| {
                value
                    .map(|value| format!("  {name} {}", in_unit(value)))
                    .unwrap_or_default()
            };
            let (p50, p99) = (quantile("p50", p50), quantile("p99", p99));
            format!("{} values{p50}{p99}", units::count(count))
        }
    };
    let mut label = canvas.fit(label, canvas.width);
    if width(&label) >= name {
        canvas.line(&[(Style::Plain, &label)]);
        label.clear();
    }
    let label = canvas.left(&label, name);
    // The unit is the sender's.
    let value = canvas.fit(&value, columns);
    let value = canvas.right(&value, columns);
    canvas.line(&[(Style::Plain, &label), (Style::Plain, &value)]);
}

/// The service and the metric.
fn title(canvas: &Canvas, service: &str, metric: &str) -> String {
    let dot = if canvas.ascii { "/" } else { "·" };
    canvas.fit(service, 40) + " " + dot + " " + &canvas.fit(metric, canvas.width)
}

/// What sets the row apart: a request as people write it, the rest as it is.
fn label(attributes: &Attributes) -> String {
    if attributes.is_empty() {
        return "(no attributes)".to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let request = ["http.request.method", "http.route", "url.template"];
    for key in request {
        words.extend(attributes.get(key).map(|value| value.to_string()));
    }
    let others = attributes.iter().filter(|(key, _)| !request.contains(key));
    words.extend(others.map(|(key, value)| format!("{key}={value}")));
    words.join(" ")
}

fn more(shown: usize, total: usize, canvas: &mut Canvas) {
    if total > shown {
        let more = units::count((total - shown) as u64);
        canvas.line(&[(Style::Dim, &format!("  and {more} more"))]);
    }
}
