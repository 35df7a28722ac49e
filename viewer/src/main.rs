//! `throughline-viewer`: takes OTLP in, and prints which operations are slow and which traces show why.

mod flags;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use flags::Flags;
use throughline_viewer::Viewer;

#[tokio::main]
async fn main() -> ExitCode {
    let flags = Flags::parse();
    match run(&flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("throughline-viewer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: &Flags) -> Result<(), Box<dyn std::error::Error>> {
    // Before the ports are open, so that a signal is never missed.
    let mut stop = Stop::listen()?;
    let viewer = Viewer::start(flags.settings()).await?;
    let mut out = std::io::stdout();
    let terminal = out.is_terminal();
    writeln!(
        out,
        "Taking OTLP over gRPC at http://{grpc} and over HTTP at http://{http}\n\n    \
         export OTEL_EXPORTER_OTLP_ENDPOINT=http://{http} OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n    \
         export OTEL_EXPORTER_OTLP_ENDPOINT=http://{grpc} OTEL_EXPORTER_OTLP_PROTOCOL=grpc\n\n\
         points a service here. Ctrl-C prints the report and ends.",
        grpc = viewer.grpc_addr(),
        http = viewer.http_addr(),
    )?;
    out.flush()?;

    let report = |viewer: &Viewer| {
        let report = viewer.store().report(&flags.report());
        report.text(&flags.text(terminal))
    };
    if let Some(every) = flags.report_every {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
        // That of an empty store: what came before the first tick is news.
        let mut shown = 0;
        loop {
            tokio::select! {
                () = stop.wait() => break,
                _ = ticks.tick() => {}
            }
            // Nothing new, nothing printed.
            let version = viewer.store().version();
            if std::mem::replace(&mut shown, version) == version {
                continue;
            }
            // A terminal keeps one report in view, and its scrollback; a file gets one after the other.
            let before = if terminal { "\u{1b}[H\u{1b}[2J" } else { "\n" };
            write!(out, "{before}{}", report(&viewer))?;
            out.flush()?;
        }
    } else {
        stop.wait().await;
    }
    let store = std::sync::Arc::clone(viewer.store());
    viewer.shutdown().await;
    // After the shutdown, so that what was under way is in it.
    let report = store.report(&flags.report()).text(&flags.text(terminal));
    write!(out, "\n{report}")?;
    out.flush()?;
    Ok(())
}

/// Ctrl-C, and where there is such a thing SIGTERM.
struct Stop {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn wait(&mut self) {
        // Without a handler the signal ends the process, so there is nothing left to wait for.
        drop(tokio::signal::ctrl_c().await);
    }
}
