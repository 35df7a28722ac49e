//! Ports that nobody uses.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::Failure;

/// `N` different loopback addresses on which nobody listens at the moment.
///
/// They are held together and released together, so that they differ; the kernel hands out such ports in turn, so
/// that another process is unlikely to be given one before the server under test has bound it.
pub(crate) fn free<const N: usize>() -> Result<[SocketAddr; N], Failure> {
    let mut held = Vec::with_capacity(N);
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for address in &mut addresses {
        let listener =
            TcpListener::bind(*address).map_err(Failure::doing("binding a free port"))?;
        *address = listener
            .local_addr()
            .map_err(Failure::doing("reading the address of a free port"))?;
        held.push(listener);
    }
    Ok(addresses)
}
