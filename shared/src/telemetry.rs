//! What an operator sees: JSON log lines, and metrics in CloudWatch's embedded metric format.
//!
//! A line says what happened in words that never change, and the rest in fields: `delivery.id`, `task.id`,
//! `organization.id`, `trace_id`, `request_id`, units in the name (`duration_ms`). Spans are named `area.verb`.
//! `error!` only where somebody must act; an error is logged once, at the edge. Never in a log: a secret, a
//! message's text, a third party's error text.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value, json};
use tracing::Subscriber;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
};

use crate::{
    clock::{SharedClock, Timestamp},
    config::Env,
};

/// Libraries whose more talkative levels would log addresses, headers or bodies.
const QUIET_LIBRARIES: [&str; 13] = [
    "aws_sdk_kms",
    "aws_sdk_secretsmanager",
    "aws_sdk_sqs",
    "aws_sdk_sts",
    "aws_smithy_runtime",
    "h2",
    "hyper",
    "hyper_util",
    "lambda_runtime",
    "rustls",
    "tokio_postgres",
    "tonic",
    "tower",
];

/// Starts logging to standard output, one JSON object a line. The level is Lambda's `AWS_LAMBDA_LOG_LEVEL`, else `info`.
pub fn init() {
    let mut env = Env::from_process();
    let level = env
        .optional("AWS_LAMBDA_LOG_LEVEL")
        .unwrap_or_else(|| "info".to_owned());
    // A second start, as in a test that runs two functions in one process, keeps the first.
    drop(tracing::subscriber::set_global_default(subscriber(
        &level,
        RedactingStdout,
    )));
}

/// What logs, to any writer: one JSON object a line, with the spans around the event and their fields.
pub fn subscriber<W>(level: &str, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(true)
        .with_ansi(false)
        .with_target(false)
        .with_max_level(LevelFilter::TRACE)
        .with_writer(writer)
        .finish()
        .with(filter(level))
}

/// The filter for a level name as Lambda writes it (`INFO`, `debug`, …); `info` for what is none.
#[must_use]
pub fn filter(level: &str) -> Targets {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    Targets::new()
        .with_default(level)
        .with_targets(QUIET_LIBRARIES.map(|library| (library, level.min(LevelFilter::WARN))))
        // Its errors quote what Slack answered.
        .with_target("slack_morphism", LevelFilter::OFF)
}

/// Standard output, with whatever looks like a credential blotted out. The code never logs one; this is for the day
/// when a library does.
#[derive(Debug, Clone, Copy)]
struct RedactingStdout;

impl<'a> MakeWriter<'a> for RedactingStdout {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for RedactingStdout {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The formatter writes one whole line at a time.
        io::stdout()
            .lock()
            .write_all(redact(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// How credentials begin, at Slack, GitHub, AWS, Google, Clerk and in HTTP.
const CREDENTIAL_PREFIXES: &[&str] = &[
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxr-",
    "xoxe-",
    "xoxe.",
    "xapp-",
    "xwfp-",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "AKIA",
    "ASIA",
    "ya29.",
    "whsec_",
    "sk_live_",
    "sk_test_",
    "Bearer ",
    // How every signed token begins: `{"` in base64.
    "eyJ",
    "PRIVATE KEY-----",
];

/// `text` without what looks like a credential.
#[must_use]
pub fn redact(text: &str) -> std::borrow::Cow<'_, str> {
    let mut redacted = std::borrow::Cow::Borrowed(text);
    for prefix in CREDENTIAL_PREFIXES {
        let mut from = 0;
        while let Some(found) = redacted[from..].find(prefix) {
            let start = from + found + prefix.len();
            let length = redacted[start..]
                .find(|c: char| !(c.is_ascii_alphanumeric() || "-_.+/=\\".contains(c)))
                .unwrap_or(redacted.len() - start);
            if length >= 8 {
                redacted
                    .to_mut()
                    .replace_range(start..start + length, "[redacted]");
            }
            from = start;
        }
    }
    redacted
}

/// An error with all its causes, on one line, for logs. None of ours quotes a body or a secret.
#[derive(Debug)]
pub struct Causes<'a>(pub &'a (dyn std::error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        std::iter::successors(self.0.source(), |error| error.source())
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}

/// What a metric counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Milliseconds.
    Milliseconds,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Where metric lines go.
type Sink = Arc<Mutex<dyn Write + Send>>;

/// Metrics of one function, in CloudWatch's embedded metric format: a JSON line on standard output, no call to anyone.
/// Source: "Specification: Embedded metric format" in the Amazon `CloudWatch` user guide.
#[derive(Clone)]
pub struct Metrics {
    environment: String,
    function: &'static str,
    clock: SharedClock,
    sink: Sink,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

impl Metrics {
    /// Metrics of `function` in `environment`, on standard output.
    #[must_use]
    pub fn new(environment: &str, function: &'static str, clock: SharedClock) -> Self {
        Self::to(environment, function, clock, Arc::new(Mutex::new(io::stdout())))
    }

    /// Metrics on another sink.
    pub fn to(environment: &str, function: &'static str, clock: SharedClock, sink: Sink) -> Self {
        Self {
            environment: environment.to_owned(),
            function,
            clock,
            sink,
        }
    }

    /// Counts one. `dimension` divides the metric further (`("reason", "malformed")`); its values must be few.
    pub fn count(&self, name: &'static str, dimension: Option<(&'static str, &str)>) {
        self.put(name, Unit::Count, 1.0, dimension);
    }

    /// Records how long something took.
    pub fn took(&self, name: &'static str, duration: std::time::Duration) {
        self.put(name, Unit::Milliseconds, duration.as_secs_f64() * 1_000.0, None);
    }

    /// Records a value.
    pub fn put(&self, name: &'static str, unit: Unit, value: f64, dimension: Option<(&'static str, &str)>) {
        let line = format!("{}\n", self.line(self.clock.now(), name, unit, value, dimension));
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        // A full pipe must not fail a turn; the metric is lost, and its absence shows.
        drop(sink.write_all(line.as_bytes()));
    }

    fn line(
        &self,
        now: Timestamp,
        name: &'static str,
        unit: Unit,
        value: f64,
        dimension: Option<(&'static str, &str)>,
    ) -> Value {
        let mut dimensions = vec!["environment", "function"];
        dimensions.extend(dimension.map(|(name, _)| name));
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": now.timestamp_millis(),
                "CloudWatchMetrics": [{
                    "Namespace": "InfraGPT",
                    "Dimensions": [dimensions],
                    "Metrics": [{ "Name": name, "Unit": unit.as_str() }],
                }],
            }),
        );
        line.insert("environment".to_owned(), Value::from(self.environment.as_str()));
        line.insert("function".to_owned(), Value::from(self.function));
        if let Some((name, value)) = dimension {
            line.insert(name.to_owned(), Value::from(value));
        }
        line.insert(name.to_owned(), Value::from(value));
        Value::Object(line)
    }
}

/// The trace id in a W3C `traceparent`, if it is well formed.
/// Source: <https://www.w3.org/TR/trace-context/#traceparent-header>.
#[must_use]
pub fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    (hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn what_looks_like_a_credential_is_blotted_out_wherever_it_stands() {
        let line = r#"{"error":"token xoxb-123456789012-abcdef refused","auth":"Bearer eyJhbGciOi.J9.x","ok":"AKIA"}"#;
        assert_eq!(
            redact(line),
            r#"{"error":"token xoxb-[redacted] refused","auth":"Bearer [redacted]","ok":"AKIA"}"#
        );
        assert_eq!(
            redact("GET /me?__session=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.c2ln-_x failed"),
            "GET /me?__session=eyJ[redacted] failed"
        );
        assert!(matches!(redact("nothing to hide"), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn a_metric_is_one_line_in_the_embedded_metric_format() {
        let metrics = Metrics::new("test", "slack-events", Arc::new(SystemClock));
        let at = Timestamp::from_timestamp(1_531_420_618, 0).expect("a valid time");
        let line = metrics.line(at, "Rejected", Unit::Count, 1.0, Some(("reason", "stale")));
        insta::assert_json_snapshot!(line, @r#"
        {
          "Rejected": 1.0,
          "_aws": {
            "CloudWatchMetrics": [
              {
                "Dimensions": [
                  [
                    "environment",
                    "function",
                    "reason"
                  ]
                ],
                "Metrics": [
                  {
                    "Name": "Rejected",
                    "Unit": "Count"
                  }
                ],
                "Namespace": "InfraGPT"
              }
            ],
            "Timestamp": 1531420618000
          },
          "environment": "test",
          "function": "slack-events",
          "reason": "stale"
        }
        "#);
    }

    #[test]
    fn only_a_well_formed_traceparent_has_a_trace_id() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(&format!("00-{id}-00f067aa0ba902b7-01")), Some(id));
        assert_eq!(trace_id("00-xyz-00f067aa0ba902b7-01"), None);
        assert_eq!(trace_id(""), None);
    }
}
