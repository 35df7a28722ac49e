//! The run: open the shop, let customers in, close, show what was seen.

use std::error::Error;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use throughline::model::KeepReason;
use throughline::samplers::probability::{
    ComposableParentThreshold, ComposableProbability, CompositeSampler,
};
use throughline::{Outliers, Prometheus, Selector, Telemetry};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::arguments::Arguments;
use crate::database::Database;
use crate::ledger::Ledger;
use crate::load;
use crate::pool::Pool;
use crate::progress::Progress;
use crate::receiver::Receiver;
use crate::shop::Shop;
use crate::stop::Stop;

/// The stock is recounted this often.
const AUDIT_EVERY: Duration = Duration::from_secs(4);
/// How long the last telemetry may take on its way out.
const DELIVERY: Duration = Duration::from_secs(10);

/// What to make of the report, and where to go on.
const NEXT: &str = "\
Orders that came while the stock audit held the database's write lock had to wait for it.
--stay keeps /metrics up when the customers have gone; --forever keeps them coming.
cargo run --release --bin throughline-viewer shows a service of your own in the same way.";

/// Runs the quickstart from opening to closing.
#[tokio::main]
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let receiver = Receiver::start().await?;
    let telemetry = install(&receiver, arguments.sample)?;
    let mut out = std::io::stdout();
    writeln!(out, "telemetry  {}", receiver.address())?;
    if telemetry.is_disabled() {
        writeln!(
            out,
            "           disabled by OTEL_SDK_DISABLED: nothing will arrive"
        )?;
    }
    for notice in telemetry.describe().notices() {
        writeln!(out, "note       {notice}")?;
    }
    if let Some(address) = telemetry.prometheus_addr() {
        writeln!(out, "metrics    http://{address}/metrics")?;
    }

    let folder = tempfile::tempdir()?;
    let database = Arc::new(Database::create(folder.path(), &telemetry)?);
    let pool = telemetry.register(Pool(Arc::clone(&database)))?;
    let shop = Shop::open(Arc::clone(&database), &telemetry);
    let stop = Stop::on_ctrl_c();
    let (address, server) = serve(&shop, stop.clone()).await?;
    writeln!(out, "shop       http://{address}/products/1\n")?;

    let ledger = Arc::new(Ledger::default());
    let end = arguments.duration().map(|length| Instant::now() + length);
    let auditor = tokio::spawn(audit(Arc::clone(&shop), stop.clone()));
    let progress = Progress::new(arguments.duration());
    tokio::select! {
        () = load::run(address, arguments.rate, end, stop.clone(), &ledger) => {}
        () = progress.follow(&ledger) => {}
    }
    progress.end();
    writeln!(
        out,
        "{} requests, {} of them refused\n",
        ledger.total(),
        ledger.refused()
    )?;
    if let Some(file) = &arguments.ledger {
        std::fs::write(file, serde_json::to_vec_pretty(&ledger.to_json())?)?;
    }
    if arguments.stay {
        writeln!(out, "the customers have gone; Ctrl-C closes the shop\n")?;
        stop.wait().await;
    }

    // The shop closes first, then what it recorded is delivered.
    stop.now();
    auditor.await?;
    server.await??;
    writeln!(
        out,
        "delivering the last telemetry to {}\n",
        receiver.address()
    )?;
    telemetry.shutdown_async(DELIVERY).await?;
    pool.unregister();

    if let Some(report) = receiver.report(arguments.outliers).await {
        writeln!(out, "{report}\n{NEXT}")?;
    }
    if let Some(kept) = kept(&telemetry) {
        writeln!(out, "{kept}")?;
    }
    Ok(())
}

/// Telemetry to `receiver`, of which a `share` is sampled; and `/metrics` where the environment says or on a free port.
fn install(receiver: &Receiver, share: f64) -> Result<Telemetry, throughline::Error> {
    let chosen = [
        "OTEL_EXPORTER_PROMETHEUS_HOST",
        "OTEL_EXPORTER_PROMETHEUS_PORT",
    ];
    // Empty is unset.
    let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.trim().is_empty());
    let metrics = if chosen.iter().any(|name| is_set(name)) {
        Prometheus::new()
    } else {
        Prometheus::at("127.0.0.1:0")
    };
    let mut telemetry = receiver.connect(Telemetry::builder("shop"));
    if !is_set("OTEL_TRACES_SAMPLER") {
        let sampler = ComposableParentThreshold::new(ComposableProbability::new(share)?);
        telemetry = telemetry.sampler(CompositeSampler::new(sampler));
    }
    telemetry
        .version(env!("CARGO_PKG_VERSION"))
        // The slowest in a hundred, known after the first hundred: a run is short.
        .outliers(Selector::name("*.duration"), Outliers::quantile(0.99))
        .prometheus(metrics)
        .without_console()
        .install()
}

/// Which traces were kept, and why; `None` where all were sampled, so that there was nothing to decide.
fn kept(telemetry: &Telemetry) -> Option<String> {
    let parts = telemetry.retention()?.counts().parts;
    let reasons = KeepReason::ALL.iter().zip(parts.kept_by);
    let reasons = reasons.filter(|(_, count)| *count > 0);
    let reasons: Vec<_> = reasons
        .map(|(why, count)| format!("{count} {why}"))
        .collect();
    (parts.unselected > 0).then(|| {
        format!(
            "{} of {} traces were kept: {}; the others by the sampler (--sample).",
            parts.kept,
            parts.started,
            reasons.join(", ")
        )
    })
}

/// Opens the shop's doors on a free port.
async fn serve(
    shop: &Arc<Shop>,
    stop: Stop,
) -> std::io::Result<(SocketAddr, JoinHandle<std::io::Result<()>>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let server = axum::serve(listener, shop.router())
        .with_graceful_shutdown(async move { stop.wait().await });
    Ok((address, tokio::spawn(server.into_future())))
}

/// Recounts the stock every now and then, until the shop closes.
async fn audit(shop: Arc<Shop>, stop: Stop) {
    let mut due = tokio::time::interval(AUDIT_EVERY);
    due.tick().await; // the first one is at once
    loop {
        tokio::select! {
            () = stop.wait() => break,
            _ = due.tick() => {}
        }
        let shop = Arc::clone(&shop);
        if let Err(crashed) = tokio::task::spawn_blocking(move || shop.audit()).await {
            tracing::error!(%crashed, "the stock audit crashed");
        }
    }
}
