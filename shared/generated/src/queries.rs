// This file was generated with `cornucopia`. Do not modify.

pub mod alert_settings;
pub mod alerts;
pub mod audit_events;
pub mod callers;
pub mod channels;
pub mod conversations;
pub mod deliveries;
pub mod expired;
pub mod github_repositories;
pub mod github_unclaimed_installations;
pub mod integration_activities;
pub mod integration_credentials;
pub mod integration_revocations;
pub mod integrations;
pub mod messages;
pub mod organization_members;
pub mod organization_metadata;
pub mod organizations;
pub mod rate_limits;
pub mod reconciliations;
pub mod revoked_sessions;
pub mod scope;
pub mod users;
