//! What the tests and the developer's commands are made of.

pub mod agent;
pub mod api;
pub mod clerk;
pub mod client;
pub mod database;
pub mod door;
pub mod gateway;
pub mod integrations;
pub mod kms;
pub mod lines;
pub mod local;
pub mod people;
pub mod postgres;
pub mod queue;
pub mod seed;
pub mod slack;
pub mod stack;
pub mod vendors;
