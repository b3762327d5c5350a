//! What the tests and the developer's commands are made of.

pub mod local;
