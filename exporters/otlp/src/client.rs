//! One signal's connection: bytes out, bytes back, whichever protocol carries them.
//!
//! ```text
//! exporter ── encoded request ──▶ Client ── retry::run ──▶ Transport ── Grpc | Http ──▶ receiver
//!          ◀─ response or PushError ──┘   one attempt each ◀──┘
//! ```
//!
//! A batch is encoded once and its bytes are shared by all attempts. The client does not know what the
//! bytes mean; the exporters decode the response.

mod grpc;
mod http;
mod outage;
mod suppress;

use self::grpc::Grpc;
pub(crate) use self::grpc::channel;
pub(crate) use self::http::{ExchangeError, Http};
pub(crate) use self::outage::Outage;
pub(crate) use self::suppress::suppressed;

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use opentelemetry::{Context, KeyValue};
use throughline_model::{Clock, PushError, Random};
use tokio::runtime::Handle;

use crate::retry::{self, Attempt, Failure, Verdict};
use crate::{Endpoint, Error, Protocol, Signal, outcome};

/// Sends encoded batches of one signal to one endpoint.
#[derive(Debug)]
pub(crate) struct Client {
    endpoint: Endpoint,
    transport: Transport,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    /// The receiver's newest warning.
    warned: Mutex<String>,
    outage: Outage,
}

#[derive(Debug)]
enum Transport {
    Grpc(Box<Grpc>),
    Http(Box<Http>),
}

/// The outcome of a batch.
#[derive(Debug)]
pub(crate) struct Sent {
    /// The body of the response that ended it well, or why it failed.
    pub(crate) result: Result<Bytes, PushError>,
    /// The protocol's status of the last attempt that had one, as self-telemetry reports it.
    pub(crate) status: Option<KeyValue>,
}

/// The answer to one attempt.
pub(crate) struct Answer {
    pub(crate) result: Result<Bytes, Failure>,
    pub(crate) status: Option<KeyValue>,
}

impl Client {
    /// `method` is the gRPC method's path: `/package.Service/Export`. Over HTTP the endpoint's URL says all.
    pub(crate) fn new(
        signal: Signal,
        endpoint: Endpoint,
        method: &'static str,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, Error> {
        let transport = match endpoint.protocol() {
            Protocol::Grpc => Transport::Grpc(Box::new(Grpc::new(&endpoint, method)?)),
            Protocol::HttpProtobuf => Transport::Http(Box::new(Http::new(&endpoint)?)),
        };
        Ok(Self {
            outage: Outage::new(signal, &endpoint),
            endpoint,
            transport,
            clock,
            random,
            warned: Mutex::default(),
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What a response that was decoded says: OTLP, "Partial Success". Rejected items make it an error; a
    /// message without any is a warning for people, who see each once.
    pub(crate) fn judge(&self, partial: Option<(i64, String)>) -> Result<(), PushError> {
        let Some((rejected, message)) = partial else {
            return Ok(());
        };
        let message = self.endpoint.without_secrets(shortened(&message));
        if rejected > 0 {
            return Err(PushError::Rejected {
                items: rejected.unsigned_abs(),
                message,
            });
        }
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if !message.is_empty() && *warned != message {
            // Or the warning about a batch of logs would be in the next one.
            let _guard = Context::enter_telemetry_suppressed_scope();
            tracing::warn!(target: "throughline", message, "the OTLP receiver accepted everything, and warns");
            *warned = message;
        }
        Ok(())
    }

    /// Sends one batch within the endpoint's timeout, retries included, without telemetry about it.
    pub(crate) async fn send(&self, body: Bytes) -> Sent {
        if body.len() > self.endpoint.max_request_size() {
            let message = format!(
                "{} bytes are more than the {} that one request may have",
                body.len(),
                self.endpoint.max_request_size()
            );
            return Sent::refused("request_too_large", message);
        }
        if Handle::try_current().is_err() {
            return Sent::refused("no_runtime", "exporting needs a tokio runtime".to_owned());
        }
        suppressed(self.attempts(body)).await
    }

    async fn attempts(&self, body: Bytes) -> Sent {
        let body = match &self.transport {
            Transport::Grpc(_) => body,
            Transport::Http(http) => http.compress(body),
        };
        let mut attempts = Attempts {
            client: self,
            body,
            status: None,
        };
        let result = retry::run(self.endpoint.timeout(), &*self.random, &mut attempts).await;
        if result.is_ok() {
            self.outage.over();
        }
        if let Transport::Grpc(grpc) = &self.transport
            && matches!(&result, Err(error) if outcome::is_away(error))
        {
            // The connection may be one whose other end is gone without a word: take a new one.
            grpc.disconnect();
        }
        Sent {
            result,
            status: attempts.status,
        }
    }
}

/// One batch's attempts.
struct Attempts<'a> {
    client: &'a Client,
    body: Bytes,
    /// Of the last attempt that had one.
    status: Option<KeyValue>,
}

impl Attempt for Attempts<'_> {
    type Done = Bytes;

    async fn attempt(&mut self) -> Result<Bytes, Failure> {
        let body = self.body.clone();
        let answer = match &self.client.transport {
            Transport::Grpc(grpc) => grpc.attempt(body).await,
            Transport::Http(http) => http.attempt(body, self.client.clock.now()).await,
        };
        if answer.status.is_some() {
            self.status = answer.status;
        }
        answer.result.map_err(|mut failure| {
            failure.message = self.client.endpoint.without_secrets(failure.message);
            if failure.verdict != Verdict::Fatal {
                self.client.outage.failed(&failure.text());
            }
            failure
        })
    }
}

impl Sent {
    fn refused(code: &str, message: String) -> Self {
        Self {
            result: Err(PushError::Refused {
                code: code.to_owned(),
                message,
            }),
            status: None,
        }
    }
}

/// What a receiver says, at most this much of it.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 300;
    let message = message.trim();
    match message.char_indices().nth(LONGEST) {
        None => message.to_owned(),
        Some((end, _)) => format!("{}…", &message[..end]),
    }
}

/// An error with its causes, outermost first, each once.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    shortened(&text)
}
