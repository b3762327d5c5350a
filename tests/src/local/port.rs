//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context as _;

/// A port on 127.0.0.1 that nobody listens on now.
///
/// It is below the range from which systems take the ports of outgoing connections, so that none of those can sit on
/// it by the time a server is started, or started again, there.
pub fn free() -> anyhow::Result<u16> {
    const FIRST: u16 = 20_000;
    const COUNT: u32 = 10_000;
    let seed = super::random::<4>()?;
    let start = u32::from_le_bytes(seed);
    (0..COUNT)
        .filter_map(|step| u16::try_from(start.wrapping_add(step) % COUNT).ok())
        .map(|offset| FIRST + offset)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .context("no port between 20000 and 29999 is free")
}
