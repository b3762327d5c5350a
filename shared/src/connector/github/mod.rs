//! GitHub: our App in accounts there, what it reaches, and what happens in it.

pub mod event;
