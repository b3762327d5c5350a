//! What the deployed functions log, read from the emulator's CloudWatch Logs.

use std::collections::HashMap;

use anyhow::Context as _;
use http::Request;
use serde::Deserialize;
use serde_json::json;

use super::emulator::Emulator;
use crate::client::Client;

/// One line that a function wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    log_stream_name: String,
    timestamp: i64,
    /// The line.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    events: Vec<Line>,
    next_token: Option<String>,
}

/// Reads a function's log group from its beginning on.
#[derive(Debug)]
pub struct LogReader {
    client: Client,
    endpoint: String,
    authorization: String,
    group: String,
    since: i64,
    seen: HashMap<Line, usize>,
}

impl LogReader {
    /// `function` is the deployed function's name.
    #[must_use]
    pub fn new(emulator: &Emulator, function: &str) -> Self {
        Self {
            client: Client::new(),
            endpoint: emulator.endpoint(),
            authorization: emulator.authorization("logs"),
            group: format!("/aws/lambda/{function}"),
            since: 0,
            seen: HashMap::new(),
        }
    }

    /// The lines that have come since the last call.
    pub async fn next(&mut self) -> anyhow::Result<Vec<Line>> {
        let mut token = None;
        let mut lines = Vec::new();
        loop {
            let page = self.page(token).await?;
            lines.extend(page.events);
            match page.next_token {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        // The last millisecond is read again in the next call, because it may not be over. The same line can be
        // written twice in it and has no id, so lines are counted.
        self.since = lines
            .iter()
            .map(|line| line.timestamp)
            .max()
            .unwrap_or(self.since);
        let mut counts: HashMap<Line, usize> = HashMap::new();
        let mut fresh = Vec::new();
        for line in lines {
            let count = counts.entry(line.clone()).or_default();
            *count += 1;
            if *count > self.seen.get(&line).copied().unwrap_or_default() {
                fresh.push(line);
            }
        }
        self.seen = counts;
        Ok(fresh)
    }

    async fn page(&self, token: Option<String>) -> anyhow::Result<Page> {
        let mut body = json!({ "logGroupName": self.group, "startTime": self.since });
        if let Some(token) = token {
            body["nextToken"] = token.into();
        }
        let request = Request::post(&self.endpoint)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "Logs_20140328.FilterLogEvents")
            .header("authorization", &self.authorization);
        let answer = self
            .client
            .send(request, body.to_string())
            .await
            .context("the emulator gives no logs")?;
        serde_json::from_str(&answer.body).with_context(|| format!("{} has no log", self.group))
    }
}
