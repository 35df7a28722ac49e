//! Ports that nobody uses.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use crate::Failure;

/// `N` different loopback addresses on which nobody listens at the moment.
///
/// The kernel hands out such ports by chance, also one that it handed out a moment ago and whose server has not bound it
/// yet. So none is given out twice in this process, whose tests run at the same time.
pub(crate) fn free<const N: usize>() -> Result<[SocketAddr; N], Failure> {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut addresses = [any; N];
    // Held together and released together, so that none is handed out again meanwhile.
    let mut held = Vec::with_capacity(N);
    for address in &mut addresses {
        loop {
            let listener = TcpListener::bind(any).map_err(Failure::doing("binding a free port"))?;
            *address = listener
                .local_addr()
                .map_err(Failure::doing("reading the address of a free port"))?;
            held.push(listener);
            let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
            if given.insert(address.port()) {
                break;
            }
        }
    }
    Ok(addresses)
}
