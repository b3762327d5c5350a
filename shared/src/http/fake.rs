//! The server behind every fake of a third party.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::Router;
use tokio::{net::TcpListener, task::JoinHandle};

/// A free port of this machine.
pub const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running server; ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves at an address, on the tokio runtime of whoever calls.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start(address: SocketAddr, router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        #[expect(clippy::disallowed_methods, reason = "a fake server is no part of a function")]
        let task = tokio::spawn(async move {
            // Ends with an error only when the listener breaks, which every caller then notices.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
