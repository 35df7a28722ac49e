//! Why there is no endpoint.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why the endpoint could not be set up. Each says which setting, its value and what was expected.
///
/// ```
/// use std::sync::Arc;
/// # use throughline_model::{Collect, CollectError, Snapshot};
/// use throughline_prometheus::{Error, Server, Settings};
///
/// # #[derive(Debug)] struct Nothing;
/// # impl Collect for Nothing {
/// #     fn collect(&self, _: std::time::Duration) -> Result<Snapshot, CollectError> { Ok(Snapshot::default()) }
/// # }
/// # let reader = Nothing;
/// let error = Server::bind(Settings::default().host("0.0.0.0"), Arc::new(reader)).unwrap_err();
/// assert!(matches!(error, Error::PublicAddress { host, .. } if host == "0.0.0.0"));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// `host` names no address.
    Resolve {
        /// The host as it was set.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// `host` is reachable from other machines, and neither `bearer_token` nor `allow_public` was set.
    PublicAddress {
        /// The host as it was set.
        host: String,
        /// The address that is not loopback.
        address: SocketAddr,
    },
    /// `bearer_token` cannot be sent in a header. Its value is not repeated here.
    InvalidToken,
    /// The address could not be listened on: another program has it, or it is not this machine's.
    Bind {
        /// The host and port as they were set.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Resolve { host, source } => write!(
                f,
                "prometheus host: `{host}` names no address ({source}); expected a name or an IP address"
            ),
            Error::PublicAddress { host, address } => write!(
                f,
                "prometheus host: `{host}` ({address}) is reachable from other machines; expected a loopback \
                 address, or a bearer_token, or allow_public(true)"
            ),
            Error::InvalidToken => f.write_str(
                "prometheus bearer_token: expected one or more visible ASCII characters without spaces",
            ),
            Error::Bind { address, source } => {
                write!(f, "prometheus host and port: cannot listen on {address}: {source}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Resolve { source, .. } | Error::Bind { source, .. } => Some(source),
            Error::PublicAddress { .. } | Error::InvalidToken => None,
        }
    }
}
