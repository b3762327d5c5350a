//! What PagerDuty tells of incidents. Source: "Webhooks Overview" at
//! <https://developer.pagerduty.com/docs/webhooks-overview>.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    clock::Timestamp,
    connector::{contract::Delivered, plain},
    json::{self, JsonError, Text},
    task::{Alert, AlertSeverity, AlertState},
};

/// The most characters of an event's id.
const MAX_ID: usize = 128;
/// The most characters of a service's name.
const MAX_SERVICE: usize = 200;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Event<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "event_type")]
    kind: Text<'a>,
    /// Only looked at where it is used.
    #[serde(borrow, default)]
    occurred_at: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// What the data of an event are of. Notes on an incident, and who was asked to help, come as `incident.…` as well.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Incident<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
    #[serde(borrow, default)]
    title: Option<Text<'a>>,
    #[serde(borrow, default)]
    html_url: Option<Text<'a>>,
    #[serde(borrow, default)]
    urgency: Option<Text<'a>>,
    #[serde(borrow, default)]
    priority: Option<Reference<'a>>,
    #[serde(borrow, default)]
    service: Option<Reference<'a>>,
}

#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow, default)]
    summary: Option<Text<'a>>,
}

/// Reads a delivery whose signature was checked.
pub(super) fn read(body: &[u8]) -> Result<Delivered, JsonError> {
    let event = json::read::<Envelope<'_>>(body)?.event;
    if !(1..=MAX_ID).contains(&event.id.len()) || !event.id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(JsonError::at("event.id", "is no id"));
    }
    Ok(Delivered {
        event_id: event.id.to_string(),
        alert: alert(&event)?,
    })
}

/// The incident as it stands after the event; none for what is no news of one, such as a ping.
fn alert(event: &Event<'_>) -> Result<Option<Alert>, JsonError> {
    if !event.kind.starts_with("incident.") {
        return Ok(None);
    }
    let kind: Kind<'_> = json::read_member("event.data", event.data)?;
    if kind.kind.as_deref() != Some("incident") {
        return Ok(None);
    }
    let incident: Incident<'_> = json::read_member("event.data", event.data)?;
    let is_id = (1..=Alert::MAX_KEY).contains(&incident.id.len())
        && incident.id.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_id {
        return Err(JsonError::at("event.data.id", "is no id"));
    }
    let updated_at: Timestamp = json::read_member("event.occurred_at", event.occurred_at)?;
    let title = incident.title.as_deref();
    let service = incident.service.as_ref().and_then(Reference::name);
    Ok(Some(Alert {
        dedupe_key: incident.id.to_string(),
        severity: severity(&incident),
        state: state(&incident.status)?,
        title: title
            .and_then(|title| plain::line(title, Alert::MAX_TITLE))
            .unwrap_or_else(|| format!("Incident {}", &*incident.id)),
        service: service.and_then(|name| plain::line(name, MAX_SERVICE)),
        url: incident.html_url.as_deref().and_then(plain::page),
        updated_at,
    }))
}

impl Reference<'_> {
    fn name(&self) -> Option<&str> {
        self.summary.as_deref()
    }
}

/// Every event tells the status after it, so that one that was reassigned, say, is still what it was.
fn state(status: &str) -> Result<AlertState, JsonError> {
    match status {
        "triggered" => Ok(AlertState::Triggered),
        "acknowledged" => Ok(AlertState::Acknowledged),
        "resolved" => Ok(AlertState::Resolved),
        _ => Err(JsonError::at("event.data.status", "is not one that an incident has")),
    }
}

/// By the priority, which somebody gave it; else by the urgency, which its service has.
fn severity(incident: &Incident<'_>) -> AlertSeverity {
    let priority = incident.priority.as_ref().and_then(Reference::name);
    match priority.and_then(rank) {
        Some(1) => AlertSeverity::Critical,
        Some(2) => AlertSeverity::High,
        Some(3) => AlertSeverity::Warning,
        Some(_) => AlertSeverity::Info,
        None if incident.urgency.as_deref() == Some("low") => AlertSeverity::Warning,
        None => AlertSeverity::High,
    }
}

/// The number in a name such as `P1` or `SEV-1`, the two ways of naming that PagerDuty offers. Accounts may name
/// priorities as they like: what others mean is not guessed.
fn rank(name: &str) -> Option<u8> {
    let name = name.trim().to_ascii_uppercase();
    let number = name.strip_prefix("SEV").or_else(|| name.strip_prefix('P'))?;
    let number = number.strip_prefix('-').unwrap_or(number);
    number.parse().ok().filter(|number| (1..=5).contains(number))
}
