//! What the functions share.
//!
//! Dependencies point downwards, and never sideways between connectors or functions:
//!
//! ```text
//! functions/*                            edges
//!   http, webhook, auth                  what edges are made of
//!   conversation, identity, integration, connector, agent, queue   what we talk to and what we say
//!   db, secret                           what we keep
//!   task, id, clock, json, config, telemetry   words everybody uses
//! ```
//! `http::client`, the way out, uses `json` only, and whatever talks to somebody may use it. `aws` is how the clients of
//! AWS are configured, by the edges alone.
//! `db` is the only module that uses the generated `sql` crate; `connector` never uses `db`, `queue` or the vault.

pub mod agent;
pub mod auth;
pub mod aws;
pub mod clock;
pub mod config;
pub mod connector;
pub mod conversation;
pub mod db;
pub mod http;
pub mod id;
pub mod identity;
pub mod integration;
pub mod json;
pub mod queue;
pub mod secret;
pub mod task;
pub mod telemetry;
pub mod webhook;
