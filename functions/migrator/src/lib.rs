//! Brings the database to the schema of this release: a CloudFormation custom resource, which an operator may also
//! invoke by hand.
//!
//! One run does four things, all of which may be done again: applies the migrations that are missing, makes the role
//! that the functions log in as, completes the secret that tells them how, and logs in with it. Runs at the same time
//! wait for each other. A deletion leaves everything as it is: data outlives a stack.
//!
//! CloudFormation waits up to an hour for an answer, so every way ends in one, also that of a function that was given
//! half of its variables or no time to end.

pub mod event;
pub mod respond;
pub mod role;
pub mod run;
pub mod schema;

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use futures_util::FutureExt as _;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::{Value, json};
use shared::{
    aws::{self, Patience},
    config::Env,
    secret::manager::SecretStore,
};

use crate::{
    event::{Event, RequestType},
    respond::{Responder, Response},
    run::{MigratorError, Settings},
};

/// What is kept of the time that Lambda gives, to say that it was not enough.
const RESERVE: Duration = Duration::from_secs(8);

/// What a run needs.
#[derive(Debug)]
pub struct Ready {
    /// What the environment says.
    pub settings: Settings,
    /// Where the secrets are.
    pub secrets: SecretStore,
}

/// The function's parts.
#[derive(Debug)]
pub struct App {
    /// What a run needs, or why it is not there: that is told to CloudFormation, and not to a log that nobody reads.
    pub ready: anyhow::Result<Ready>,
    /// Tells CloudFormation how it went.
    pub responder: Responder,
}

impl App {
    /// The function as its environment describes it. What is wrong with that is said when it is invoked.
    ///
    /// # Errors
    /// When no answer could be sent at all.
    pub fn from_env() -> anyhow::Result<Self> {
        Self::read(Env::from_process())
    }

    /// The function as these variables describe it.
    ///
    /// # Errors
    /// As [`App::from_env`].
    pub fn read(env: Env) -> anyhow::Result<Self> {
        Ok(Self {
            ready: ready(env),
            responder: Responder::new()?,
        })
    }
}

fn ready(mut env: Env) -> anyhow::Result<Ready> {
    let config = aws::config(&mut env, Patience::BEHIND_A_QUEUE);
    let settings = Settings::read(&mut env);
    env.finish()?;
    Ok(Ready {
        settings,
        secrets: SecretStore::new(&config.context("the AWS clients cannot be made")?),
    })
}

/// Handles one invocation, by CloudFormation or by hand.
///
/// # Errors
/// To CloudFormation a failed run is told and is no error here. An error is a run by hand that failed, and an answer
/// that CloudFormation did not take: Lambda tries that again.
#[tracing::instrument(name = "migrator.run", skip_all, fields(request_id = event.context.request_id))]
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let left = event
        .context
        .deadline()
        .duration_since(SystemTime::now())
        .unwrap_or_default()
        .saturating_sub(RESERVE);
    let outcome = match Event::request_type(&event.payload) {
        Some(RequestType::Delete) => {
            tracing::info!("the stack goes, the data stays");
            Ok(json!({}))
        }
        Some(RequestType::Create | RequestType::Update) | None => run(app, left).await,
    };
    let outcome = outcome.inspect_err(|reason| tracing::error!(reason, "the database is not ready"));

    let Some(event) = Event::parse(&event.payload) else {
        return outcome.map_err(Error::from);
    };
    app.responder
        .send(&event.response_url, &Response::new(&event, outcome))
        .await?;
    Ok(Value::Null)
}

async fn run(app: &App, left: Duration) -> Result<Value, String> {
    let ready = app.ready.as_ref().map_err(|error| format!("{error:#}"))?;
    // A panic would leave CloudFormation without an answer as well.
    let work = AssertUnwindSafe(run::run(&ready.settings, &ready.secrets)).catch_unwind();
    let report = match tokio::time::timeout(left, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(MigratorError::Defect),
        Err(_) => Err(MigratorError::OutOfTime),
    }
    .map_err(|error| error.reason())?;
    tracing::info!(
        version = report.version,
        applied = report.applied,
        "the database is ready"
    );
    Ok(json!({ "Version": report.version.to_string(), "Applied": report.applied.to_string() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let reason = format!(
            "{:#}",
            ready(Env::from_pairs([("AWS_REGION", "eu-central-1")])).expect_err("most are missing")
        );
        for name in [
            "DATABASE_SECRET_ARN",
            "DATABASE_ADMIN_SECRET_ARN",
            "AWS_ACCESS_KEY_ID",
        ] {
            assert!(reason.contains(name), "{reason}");
        }
    }
}
