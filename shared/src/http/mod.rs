//! What every HTTP function shares: the error shape, and the layers around its routes.

pub mod error;
pub mod layer;
