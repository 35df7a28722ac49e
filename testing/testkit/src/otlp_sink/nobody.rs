//! Where connections are refused.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

/// An address of 127.0.0.1 at which nobody listens: it is bound, and never listened at, so that nobody who asks for a free
/// port is given it while this lives.
///
/// A port that is free at the moment may be somebody's when the test gets there. It needs no runtime.
///
/// ```
/// use std::io::ErrorKind;
/// use throughline_testkit::otlp_sink::Nobody;
///
/// let nobody = Nobody::listens()?;
/// let refused = std::net::TcpStream::connect(nobody.address()).unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
/// assert_eq!(nobody.url(), format!("http://{}", nobody.address()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Nobody {
    address: SocketAddr,
    _bound: TcpSocket,
}

impl Nobody {
    /// Binds a free port.
    ///
    /// # Errors
    ///
    /// Where the operating system gives none.
    ///
    /// ```
    /// # use throughline_testkit::otlp_sink::Nobody;
    /// assert_ne!(Nobody::listens()?.address().port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn listens() -> io::Result<Self> {
        Self::listens_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Binds this address. Who names it, as an [`OtlpSink`](super::OtlpSink) may, can start there meanwhile.
    ///
    /// # Errors
    ///
    /// Where somebody listens there.
    ///
    /// ```
    /// # use throughline_testkit::otlp_sink::{Nobody, OtlpSink};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let nobody = Nobody::listens()?;
    /// let again = Nobody::listens_at(nobody.address())?;
    /// assert_eq!(OtlpSink::start_at(again.address()).await?.address(), nobody.address());
    /// # Ok(())
    /// # }
    /// ```
    pub fn listens_at(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self {
            address: socket.local_addr()?,
            _bound: socket,
        })
    }

    /// Where nobody listens.
    ///
    /// ```
    /// # use throughline_testkit::otlp_sink::Nobody;
    /// assert!(Nobody::listens()?.address().ip().is_loopback());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same, as an exporter takes it.
    ///
    /// ```
    /// # use throughline_testkit::otlp_sink::Nobody;
    /// assert!(Nobody::listens()?.url().starts_with("http://127.0.0.1:"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
