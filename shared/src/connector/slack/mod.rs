//! Slack: the Web API, the Events API, and a fake of both sides for tests.

pub mod event;
