//! What can go wrong when a viewer starts.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why a viewer did not start. Each names the setting and what was expected.
///
/// ```
/// use throughline_viewer::{Error, Settings, Viewer};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let public = Settings { grpc: "0.0.0.0:0".parse().unwrap(), ..Settings::free_ports() };
/// let error = Viewer::start(public).await.unwrap_err();
/// assert!(matches!(error, Error::Public { setting: "grpc", .. }));
/// assert!(error.to_string().ends_with("expected a loopback address, or --allow-public"));
/// # });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The address is taken, or cannot be listened on.
    Listen {
        /// The setting: `grpc` or `http`, which are also the names of the program's flags.
        setting: &'static str,
        /// The address that was given.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The address can be reached from other machines, and nobody allowed that.
    Public {
        /// The setting: `grpc` or `http`.
        setting: &'static str,
        /// The address that was given.
        address: SocketAddr,
    },
    /// A limit lets nothing in.
    Limit {
        /// The setting.
        setting: &'static str,
        /// What was given.
        value: usize,
        /// What was expected.
        expected: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Listen {
                setting,
                address,
                source,
            } => {
                write!(f, "cannot listen on {address} (--{setting}): {source}")?;
                if source.kind() == io::ErrorKind::AddrInUse {
                    write!(
                        f,
                        "; is another collector running? Give another address, or port 0 for a free one"
                    )?;
                }
                Ok(())
            }
            Error::Public { setting, address } => write!(
                f,
                "{address} (--{setting}) can be reached from other machines and the viewer asks nobody \
                 for a password: expected a loopback address, or --allow-public"
            ),
            Error::Limit {
                setting,
                value,
                expected,
            } => {
                write!(f, "{setting} is {value}, expected {expected}")
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Listen { source, .. } => Some(source),
            Error::Public { .. } | Error::Limit { .. } => None,
        }
    }
}
