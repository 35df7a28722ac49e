//! Where a viewer listens and how much it takes.

use std::net::{Ipv4Addr, SocketAddr};

use crate::Limits;

/// What a [`Viewer`](crate::Viewer) is started with.
///
/// ```
/// use throughline_viewer::Settings;
///
/// assert_eq!(Settings::default().grpc.to_string(), "127.0.0.1:4317");
/// assert_eq!(Settings::free_ports().http.port(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where OTLP over gRPC is taken. Port 0 means a free one. Default: `127.0.0.1:4317`.
    pub grpc: SocketAddr,
    /// Where OTLP over HTTP is taken. Port 0 means a free one. Default: `127.0.0.1:4318`.
    pub http: SocketAddr,
    /// Whether `grpc` and `http` may be other than loopback addresses: there is no authentication.
    /// Default: false.
    pub allow_public: bool,
    /// How large a request may be, in bytes, as sent and again when inflated. Larger ones are refused, with
    /// 413 over HTTP and a status other than OK over gRPC. Default: 16 MiB.
    pub max_request: usize,
    /// How much is held.
    pub limits: Limits,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 4317)),
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 4318)),
            allow_public: false,
            max_request: 16 << 20,
            limits: Limits::default(),
        }
    }
}

impl Settings {
    /// The defaults, but on free ports of the loopback interface.
    pub fn free_ports() -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            grpc: free,
            http: free,
            ..Self::default()
        }
    }
}
