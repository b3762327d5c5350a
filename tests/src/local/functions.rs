//! What an operator does to functions, through the emulator's Lambda API: no client of it is linked for so little.

use anyhow::{Context as _, bail, ensure};
use http::{Request, request::Builder};
use serde_json::{Value, json};

use super::stack::{Stack, deployed_name};
use crate::client::{Answer, Client};

const API: &str = "2015-03-31";

/// Whether a function takes what is on its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// It does.
    On,
    /// It does not; what comes waits.
    Off,
}

impl Stack {
    /// Runs a function, such as `scheduler`, on an event, as its schedule does.
    ///
    /// # Errors
    /// When it fails; the reason is in its log.
    pub async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<Value> {
        let path = format!("functions/{}/invocations", deployed_name(function));
        let answer = self.lambda(Request::post(self.lambda_url(&path)), event).await?;
        ensure!(
            answer.status.is_success() && answer.header("x-amz-function-error").is_empty(),
            "{function} fails with status {}",
            answer.status
        );
        answer.json()
    }

    /// Lets a function, such as `event-processor`, take what is on its queue, or stops it.
    ///
    /// # Errors
    /// When it is not fed by exactly one queue.
    pub async fn set_taking(&self, function: &str, taking: Taking) -> anyhow::Result<()> {
        let path = format!("event-source-mappings?FunctionName={}", deployed_name(function));
        let found = self
            .lambda(Request::get(self.lambda_url(&path)), &Value::Null)
            .await?
            .json()?;
        let Some([mapping]) = found["EventSourceMappings"].as_array().map(Vec::as_slice) else {
            bail!("{function} is not fed by one queue");
        };
        let id = mapping["UUID"].as_str().context("a mapping without an id")?;
        let path = format!("event-source-mappings/{id}");
        let enabled = json!({ "Enabled": taking == Taking::On });
        let answer = self
            .lambda(Request::put(self.lambda_url(&path)), &enabled)
            .await?;
        ensure!(
            answer.status.is_success(),
            "the mapping of {function} is not changed: status {}",
            answer.status
        );
        Ok(())
    }

    fn lambda_url(&self, path: &str) -> String {
        format!("{}/{API}/{path}", self.emulator.endpoint())
    }

    async fn lambda(&self, request: Builder, body: &Value) -> anyhow::Result<Answer> {
        let request = request
            .header("content-type", "application/json")
            .header("authorization", self.emulator.authorization("lambda"));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        Client::new().send(request, body).await
    }
}
