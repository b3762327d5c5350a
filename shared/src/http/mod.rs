//! What every HTTP function shares: the way in, the error shape, and the layers around its routes.

pub mod error;
pub mod gateway;
pub mod layer;
