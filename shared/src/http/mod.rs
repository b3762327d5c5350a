//! What every HTTP function shares: the way in, the error shape, and the layers around its routes; and the way out.

pub mod client;
pub mod cors;
pub mod error;
#[cfg(feature = "test-support")]
pub mod fake;
pub mod gateway;
pub mod input;
pub mod layer;
pub mod openapi;
pub mod output;
pub mod page;
