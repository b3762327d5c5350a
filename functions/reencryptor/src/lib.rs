//! Moves all credentials from the previous KMS key to the present one, when an operator invokes it.
//!
//! It is only deployed while there is a previous key, and can open nothing: all that its role may do with the two keys is
//! to have KMS wrap data keys of the one anew under the other. An invocation works as long as Lambda lets it; the next one
//! goes on from there, until one answers `"outcome":"completed"` with nothing remaining.

mod config;

use std::{sync::Arc, time::Duration};

pub use config::Config;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;
use shared::{
    aws::{self, Patience},
    clock::{self, SharedClock, SystemClock},
    config::Env,
    db::Access,
    id::Ids,
    integration::reencrypt::Reencryptor,
    secret::{kms::Kms, manager::SecretStore, vault::Vault},
    telemetry::{Causes, Metrics},
};

/// The function's name in metrics and in the record of who did what.
const ACTOR: &str = "reencryptor";

/// Connections to the database: it does one thing at a time.
const CONNECTIONS: usize = 1;

/// What is kept of the time that Lambda gives, for what was begun to come to its end: one data key that KMS is asked to
/// wrap, and a note of where the pass stands.
pub const RESERVE: Duration = Duration::from_secs(30);

/// The function with all it needs.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub db: Access,
    /// What has the data keys wrapped anew.
    pub vault: Vault,
    /// The ARN of the KMS key that credentials are moved to.
    pub key_id: String,
    /// Our time.
    pub clock: SharedClock,
    /// New ids.
    pub ids: Ids,
    /// Where what is moved is counted.
    pub metrics: Metrics,
}

impl App {
    /// The function as the environment describes it.
    ///
    /// # Errors
    /// Every missing or malformed variable, by name.
    pub fn from_env() -> anyhow::Result<Self> {
        let mut env = Env::from_process();
        let config = Config::read(&mut env);
        let aws = aws::config(&mut env, Patience::BEHIND_A_QUEUE)?;
        env.finish()?;

        let clock: SharedClock = Arc::new(SystemClock);
        let previous = Some(config.previous_credentials_key_arn.as_str());
        let keys = Kms::new(&aws, &config.credentials_key_arn)?.with_previous(previous)?;
        Ok(Self {
            db: Access::in_secret(SecretStore::new(&aws), config.database_secret_arn, CONNECTIONS),
            vault: Vault::new(Arc::new(keys), &config.environment, Arc::clone(&clock)),
            key_id: config.credentials_key_arn,
            ids: Ids::random(),
            metrics: Metrics::new(&config.environment, ACTOR, Arc::clone(&clock)),
            clock,
        })
    }
}

/// Moves as much as there is time for; answers what it came to. The event says nothing.
///
/// # Errors
/// When the database or KMS do not do their part. What was moved stays moved, and the next invocation goes on.
#[tracing::instrument(name = "reencryptor.run", skip_all, fields(request_id = event.context.request_id))]
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let reencryptor = Reencryptor {
        db: &app.db,
        vault: &app.vault,
        key_id: &app.key_id,
        clock: &*app.clock,
        ids: &app.ids,
        metrics: &app.metrics,
        actor: ACTOR,
        request_id: Some(&event.context.request_id),
    };
    let until = clock::before(event.context.deadline().into(), RESERVE);
    let report = reencryptor
        .run(until)
        .await
        .inspect_err(|error| tracing::error!(error = %Causes(error), "not all credentials are moved"))?;
    tracing::info!(
        moved = report.moved,
        remaining = report.remaining,
        "the run has ended"
    );
    Ok(serde_json::to_value(report)?)
}
