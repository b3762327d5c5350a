//! A list of its own with one connector in it, made with the macro that makes the real one.

use shared::connector::{contract, fake};

shared::connectors! { beacon: Beacon }
