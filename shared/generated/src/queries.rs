// This file was generated with `cornucopia`. Do not modify.

pub mod audit_events;
pub mod channels;
pub mod conversations;
pub mod deliveries;
pub mod integration_credentials;
pub mod integrations;
pub mod messages;
pub mod organizations;
pub mod scope;
