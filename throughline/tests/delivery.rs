//! What leaves, and that it arrives.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    dead_code
)]

#[path = "support/collector.rs"]
mod collector;

use std::time::Duration;

use collector::{Collector, shown};
use throughline::{Otlp, Telemetry, TelemetryBuilder};

throughline::attributes! {
    struct Charge { provider: Provider => "card.provider" }
    enum Provider { Visa => "visa", Mastercard => "mastercard" }
}

const LIMIT: Duration = Duration::from_secs(10);

fn quiet(service: &str) -> TelemetryBuilder {
    Telemetry::builder(service)
        .environment(|_| None)
        .without_console()
}

#[test]
fn one_operation_arrives_as_span_and_metrics_whose_exemplar_is_the_span() {
    for over in [Otlp::grpc, Otlp::http] {
        let collector = Collector::start();
        let telemetry = quiet("checkout")
            .otlp(over(collector.url()))
            .build()
            .unwrap();
        let charge = telemetry
            .operation("charge card")
            .attributes::<Charge>()
            .build();
        let visa = || {
            charge.with(Charge {
                provider: Provider::Visa,
            })
        };
        visa().span_attribute("order.id", 4711).run(|| ());
        visa()
            .try_run(|| Err::<(), _>(std::fmt::Error))
            .unwrap_err();
        charge
            .with(Charge {
                provider: Provider::Mastercard,
            })
            .run(|| ());
        telemetry.shutdown(LIMIT).unwrap();

        let spans = collector.spans();
        assert_eq!(spans.len(), 3);
        assert_eq!(
            shown(&spans[0].attributes),
            "card.provider=visa,order.id=4711"
        );
        assert_eq!(spans[1].status.as_ref().unwrap().code, 2);

        let calls = collector.numbers("charge_card.calls");
        assert_eq!(calls["card.provider=visa,outcome=success"], 1.0);
        assert_eq!(calls["card.provider=mastercard,outcome=success"], 1.0);
        assert_eq!(
            calls["card.provider=visa,error.type=core::fmt::Error,outcome=error"],
            1.0
        );
        assert_eq!(
            collector.numbers("charge_card.active")["card.provider=visa"],
            0.0
        );

        let mut exemplars = Vec::new();
        for point in collector.histogram("charge_card.duration") {
            assert_eq!(point.count, 1);
            let [exemplar] = &point.exemplars[..] else {
                panic!("{point:?}")
            };
            exemplars.push((exemplar.trace_id.clone(), exemplar.span_id.clone()));
        }
        let mut expected: Vec<_> = spans
            .into_iter()
            .map(|it| (it.trace_id, it.span_id))
            .collect();
        exemplars.sort();
        expected.sort();
        assert_eq!(exemplars, expected);
    }
}
