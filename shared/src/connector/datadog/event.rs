//! What Datadog tells of monitors: the template that we give it, and what it makes of it. Source: "Webhooks", "Variables"
//! at <https://docs.datadoghq.com/integrations/webhooks/>.

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;

use crate::{
    clock::Timestamp,
    connector::{contract::Delivered, plain},
    json::{self, JsonError, Text},
    task::{Alert, AlertSeverity, AlertState},
};

/// What a delivery says that it is, so that another template in its place is noticed.
const FORMAT: &str = "infragpt.1";

/// The template of a delivery. Every variable stands in quotes: what is not set is a blank, or the variable's own name.
/// Connections have it as it was when they were made: what is read here must read older ones as well.
pub(super) const TEMPLATE: &str = r#"{
  "format": "infragpt.1",
  "id": "$ID",
  "alert_id": "$ALERT_ID",
  "aggregation_key": "$AGGREG_KEY",
  "scope": "$ALERT_SCOPE",
  "transition": "$ALERT_TRANSITION",
  "last_updated": "$LAST_UPDATED",
  "date": "$DATE",
  "title": "$EVENT_TITLE",
  "priority": "$ALERT_PRIORITY",
  "type": "$ALERT_TYPE",
  "link": "$LINK",
  "hostname": "$HOSTNAME",
  "tags": "$TAGS"
}"#;

/// The most characters of what an alert is about.
const MAX_SERVICE: usize = 200;
/// What stands in brackets before a monitor's name, beside priorities and with `on` and a scope behind it.
const TRANSITIONS: [&str; 9] = [
    "triggered",
    "re-triggered",
    "warn",
    "re-warn",
    "no data",
    "re-no data",
    "renotify",
    "recovered",
    "re-recovered",
];

#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow)]
    format: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    alert_id: Text<'a>,
    #[serde(borrow)]
    aggregation_key: Text<'a>,
    #[serde(borrow)]
    scope: Text<'a>,
    #[serde(borrow)]
    transition: Text<'a>,
    #[serde(borrow)]
    last_updated: Text<'a>,
    #[serde(borrow)]
    date: Text<'a>,
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow)]
    priority: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    link: Text<'a>,
    #[serde(borrow)]
    hostname: Text<'a>,
    #[serde(borrow)]
    tags: Text<'a>,
}

/// Reads a delivery whose token was checked. `now` stands in for a time that Datadog does not tell.
pub(super) fn read(body: &[u8], now: Timestamp) -> Result<Delivered, JsonError> {
    let delivery: Delivery<'_> = json::read(body)?;
    if &*delivery.format != FORMAT {
        return Err(JsonError::at("format", "is not our template's"));
    }
    let transition = told(&delivery.transition).unwrap_or_default().to_ascii_lowercase();
    // A delivery that says nothing of itself is known by all that it says.
    let event_id = told(&delivery.id).map_or_else(
        || fingerprint(&[&String::from_utf8_lossy(body)]),
        |id| fingerprint(&[id, &delivery.last_updated, &transition]),
    );
    let state = state(&transition);
    Ok(Delivered {
        alert: state.map(|state| alert(&delivery, state, now)).transpose()?,
        event_id,
    })
}

/// What a variable was replaced with; none where it was not, or with nothing.
fn told<'a>(text: &'a Text<'_>) -> Option<&'a str> {
    let text = text.trim();
    let name = text.strip_prefix('$');
    let is_name = name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    });
    (!text.is_empty() && !is_name).then_some(text)
}

/// A key that these texts have and no others, of [`Alert::MAX_KEY`] characters.
fn fingerprint(texts: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for text in texts {
        context.update(&text.len().to_be_bytes());
        context.update(text.as_bytes());
    }
    hex::encode(context.finish())
}

/// Where a monitor stands after a transition; none for what is no transition of a monitor, such as a comment that names
/// the webhook.
fn state(transition: &str) -> Option<AlertState> {
    if transition.contains("recover") {
        return Some(AlertState::Resolved);
    }
    TRANSITIONS.contains(&transition).then_some(AlertState::Triggered)
}

fn alert(delivery: &Delivery<'_>, state: AlertState, now: Timestamp) -> Result<Alert, JsonError> {
    let time = [&delivery.last_updated, &delivery.date].into_iter().find_map(|text| time(told(text)?));
    let title = told(&delivery.title).map_or("", name);
    Ok(Alert {
        dedupe_key: key(delivery)?,
        severity: severity(delivery),
        state,
        title: plain::line(title, Alert::MAX_TITLE).unwrap_or_else(|| "Datadog monitor".to_owned()),
        service: service(delivery).and_then(|name| plain::line(name, MAX_SERVICE)),
        url: told(&delivery.link).and_then(plain::page),
        updated_at: time.unwrap_or(now),
    })
}

/// A monitor, and the group of it that is told of: each host, say, is an alert of its own.
fn key(delivery: &Delivery<'_>) -> Result<String, JsonError> {
    let mut scope: Vec<_> = told(&delivery.scope).unwrap_or_default().split(',').map(str::trim).collect();
    scope.sort_unstable();
    let aggregation = told(&delivery.aggregation_key).unwrap_or_default();
    match (told(&delivery.alert_id), aggregation) {
        (None, "") => Err(JsonError::at("alert_id", "is not told, and no aggregation_key either")),
        (monitor, _) => Ok(fingerprint(&[monitor.unwrap_or_default(), aggregation, &scope.join(",")])),
    }
}

/// By the monitor's priority, which somebody gave it; else by how it feels about what it saw.
fn severity(delivery: &Delivery<'_>) -> AlertSeverity {
    match (told(&delivery.priority), told(&delivery.kind)) {
        (Some("P1"), _) => AlertSeverity::Critical,
        (Some("P2"), _) | (None, Some("error")) => AlertSeverity::High,
        (Some("P4" | "P5"), _) | (None, Some("info" | "success")) => AlertSeverity::Info,
        _ => AlertSeverity::Warning,
    }
}

/// The service that is tagged, else the host.
fn service<'a>(delivery: &'a Delivery<'_>) -> Option<&'a str> {
    let mut tags = told(&delivery.tags).unwrap_or_default().split(',').map(str::trim);
    tags.find_map(|tag| tag.strip_prefix("service:"))
        .filter(|name| !name.is_empty())
        .or_else(|| told(&delivery.hostname))
}

/// A time in milliseconds or seconds since 1970, or written out. Datadog documents milliseconds for one of its times and
/// nothing for the other.
fn time(text: &str) -> Option<Timestamp> {
    /// The year 5138, in seconds; or early in 1973, in milliseconds.
    const BETWEEN: i64 = 100_000_000_000;
    match text.parse::<i64>() {
        Ok(number) if (1..BETWEEN).contains(&number) => Timestamp::from_timestamp(number, 0),
        Ok(number) if (BETWEEN..BETWEEN * 1000).contains(&number) => Timestamp::from_timestamp_millis(number),
        Ok(_) => None,
        Err(_) => chrono::DateTime::parse_from_rfc3339(text).ok().map(Into::into),
    }
}

/// A title without what stands in brackets before it: that says how the monitor stands, and changes with it.
fn name(title: &str) -> &str {
    let mut rest = title.trim();
    while let Some((bracket, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let word = bracket.split(" on ").next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_priority = word.len() == 2 && word.starts_with('p') && word.ends_with(|c: char| c.is_ascii_digit());
        if !is_priority && !TRANSITIONS.contains(&word.as_str()) {
            break;
        }
        rest = after.trim_start();
    }
    if rest.is_empty() { title } else { rest }
}
