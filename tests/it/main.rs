//! Stories over the real code with real third parties' fakes.

#![expect(clippy::expect_used, reason = "a story that cannot be set up has failed")]

mod access;
mod agent;
mod agent_dispatcher;
mod alerts;
mod arbitrary;
mod clerk_webhook;
mod connectors;
mod database_tls;
mod doors;
mod github;
mod github_webhook;
mod http_client;
mod identity;
mod identity_api;
mod import_v1;
mod integrations_api;
mod ledger;
mod migrations;
mod migrator;
mod queries;
mod reencrypt;
mod refresh;
mod round_trips;
mod scheduler;
mod secrecy;
mod secrets;
mod sessions;
mod slack_api;
mod slack_connection;
mod slack_events;
mod statement;
mod sync;
mod template;
mod tenancy;
mod vault;
mod workspace;
