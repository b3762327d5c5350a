//! The door for what third parties send to an address of a connection's own: `POST /webhooks/<connector>/<id>`.
//!
//! What a delivery is verified with belongs to the connection, and is sealed like all that opens it. So this door, unlike
//! the others, uses the database and KMS, and an outage of either is told the sender as what it is: come again. Nobody is
//! told whether there is a connection of an id, beyond that its own third party is let in.
//!
//! The cheapest check comes first. An id that is none costs nothing, an unknown one costs one look into the database;
//! KMS is asked for connections that there are, once for many deliveries.

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    Extension, Json, Router,
    body::{HttpBody as _, to_bytes},
    extract::{Path, Request, State},
    routing::post,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{START_PATIENCE, door::DoorError};
use crate::{
    aws::{self, Patience},
    clock::{SharedClock, SystemClock},
    config::Env,
    connector::{
        ConnectorKind,
        contract::{Connector, Credentials, DynConnector, Parts, ReceiveError},
    },
    db::{
        Access,
        integrations::{self, Addressed},
    },
    http::{
        error::ApiError,
        input::is_plain_json,
        layer::{self, Origin},
    },
    id::{Ids, IntegrationId},
    queue::{Queue, SqsQueue, TaskQueue},
    secret::{
        kms::Kms,
        manager::SecretStore,
        vault::{CredentialScope, Vault, VaultError},
    },
    task::{ConnectionAlert, DeliveryKey, Envelope, Source, Task},
    telemetry::{Causes, Metrics},
};

/// How long such a door takes for an answer. It asks three services one after the other, and more at its first delivery,
/// when none of them has been asked before.
pub const DEADLINE: Duration = Duration::from_secs(4);

/// Connections to the database. Lambda brings one delivery at a time.
const CONNECTIONS: usize = 1;

/// Whose deliveries a door takes.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    /// The connector, whose name is in the address.
    pub kind: ConnectorKind,
    /// Who sends, as the ledger names them.
    pub source: Source,
    /// The largest body that is looked at.
    pub max_body_bytes: usize,
    /// The function's name, in metrics.
    pub function: &'static str,
}

/// What the environment tells such a function.
#[derive(Debug, Clone)]
pub struct Config {
    /// The deployment, in metrics; part of the encryption context of every credential.
    pub environment: String,
    /// The secret with the application role's way into the database.
    pub database_secret_arn: String,
    /// The KMS key that wraps the credentials' data keys.
    pub credentials_key_arn: String,
    /// The KMS key before it, while credentials are moved from that one.
    pub previous_credentials_key_arn: Option<String>,
    /// `events.fifo`.
    pub events_queue_url: String,
}

impl Config {
    /// Reads the variables; what is missing is told by [`Env::finish`].
    pub fn read(env: &mut Env) -> Self {
        Self {
            environment: env.required("ENVIRONMENT"),
            database_secret_arn: env.required("DATABASE_SECRET_ARN"),
            credentials_key_arn: env.required("CREDENTIALS_KEY_ARN"),
            previous_credentials_key_arn: env.optional("PREVIOUS_CREDENTIALS_KEY_ARN"),
            events_queue_url: env.required("EVENTS_QUEUE_URL"),
        }
    }
}

/// A function that takes what one third party sends to its connections' addresses.
pub struct ConnectionDoor {
    /// Whose deliveries it takes.
    pub sender: Sender,
    /// Who verifies them, and puts them into our words.
    pub connector: Arc<dyn DynConnector>,
    /// Where the connections are.
    pub db: Access,
    /// What opens what they verify with.
    pub vault: Vault,
    /// Where tasks go.
    pub queue: Arc<dyn TaskQueue>,
    /// Our time.
    pub clock: SharedClock,
    /// Ids of tasks.
    pub ids: Ids,
    /// Where deliveries are counted.
    pub metrics: Metrics,
}

impl fmt::Debug for ConnectionDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionDoor")
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

impl ConnectionDoor {
    /// The function as the environment describes it, with its connections open as far as they can be had at once.
    ///
    /// # Errors
    /// Every missing or malformed variable, by name. That the database or the queue is away is no error: they may be
    /// back when the first delivery comes.
    pub async fn from_env<C: Connector>(sender: Sender) -> Result<Self, DoorError> {
        let mut env = Env::from_process();
        let config = Config::read(&mut env);
        let aws = aws::config(&mut env, Patience::SENDER_WAITS)?;
        let clock: SharedClock = Arc::new(SystemClock);
        let secrets = SecretStore::new(&aws);
        let parts = Parts {
            clock: Arc::clone(&clock),
            secrets: secrets.clone(),
            aws: aws.clone(),
        };
        let connector = C::configure(&mut env, &parts)?;
        env.finish()?;

        let previous = config.previous_credentials_key_arn.as_deref();
        let keys = Arc::new(Kms::new(&aws, &config.credentials_key_arn)?.with_previous(previous)?);
        let db = Access::in_secret(secrets, config.database_secret_arn, CONNECTIONS);
        let queue = SqsQueue::new(&aws, [(Queue::Events, config.events_queue_url)]);
        let both = async { tokio::join!(db.get(), queue.connect()).0.map(drop) };
        if !matches!(tokio::time::timeout(START_PATIENCE, both).await, Ok(Ok(()))) {
            tracing::warn!("started without the database or the queue");
        }
        Ok(Self {
            sender,
            connector: Arc::new(connector),
            db,
            vault: Vault::new(keys, &config.environment, Arc::clone(&clock)),
            queue: Arc::new(queue),
            ids: Ids::random(),
            metrics: Metrics::new(&config.environment, sender.function, Arc::clone(&clock)),
            clock,
        })
    }

    fn refused(&self, reason: &'static str) {
        self.metrics.count("DeliveryRejected", Some(("reason", reason)));
    }

    /// The connection that an address names, and what it verifies with.
    async fn connection(&self, address: &str) -> Result<(CredentialScope, Credentials), ApiError> {
        let unknown = || {
            self.refused("unknown_connection");
            ApiError::NotFound
        };
        let integration = address_of(address).ok_or_else(unknown)?;
        let mut db = self.db.get().await?;
        let found = integrations::find_addressed(&mut db, self.sender.kind, integration).await?;
        // KMS may take its time; the next delivery may need the connection to the database.
        drop(db);
        let Some(Addressed {
            organization,
            credentials: Some(sealed),
        }) = found
        else {
            return Err(unknown());
        };
        let scope = CredentialScope {
            organization,
            connector: self.sender.kind,
            integration,
        };
        let credentials = self
            .vault
            .open(&scope, &sealed, "webhook")
            .await
            .map_err(closed)?;
        Ok((scope, credentials))
    }

    /// Puts what a connection was told on the queue of events.
    async fn take(&self, address: &str, origin: Origin, request: Request) -> Result<(), ApiError> {
        let (parts, body) = request.into_parts();
        let limit = self.sender.max_body_bytes;
        let size = body.size_hint();
        if size.upper().unwrap_or_else(|| size.lower()) > limit as u64 {
            return Err(ApiError::TooLarge);
        }
        if !is_plain_json(&parts.headers) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let body = to_bytes(body, limit).await.map_err(|_| ApiError::TooLarge)?;

        let (scope, credentials) = self.connection(address).await?;
        let received_at = self.clock.now();
        let delivered = match self.connector.receive(&credentials, &parts.headers, &body) {
            Ok(delivered) => delivered,
            Err(error) => return Err(self.not_taken(scope.integration, error)),
        };
        self.metrics
            .count("DeliveryVerified", Some(("secret", "current")));
        let Some(alert) = delivered.alert else {
            tracing::debug!(integration.id = %scope.integration, "an event was ignored");
            return Ok(());
        };
        let key = format!("{}:{}", scope.integration, delivered.event_id);
        let alert = ConnectionAlert {
            organization: scope.organization,
            integration: scope.integration,
            alert,
        };
        let group = alert.message_group();
        let envelope = Envelope {
            id: self.ids.task(),
            delivery: DeliveryKey {
                source: self.sender.source,
                key: key.clone(),
            },
            event_id: delivered.event_id,
            received_at,
            traceparent: origin.traceparent,
            task: Task::ApplyAlertV1(alert),
            // What we use of it is in the task; the rest may be anything that runs at the organization.
            raw: None,
        };
        self.queue.send(Queue::Events, &envelope, &group, &key).await?;
        tracing::info!(
            delivery.id = %envelope.delivery,
            task.id = %envelope.id,
            event.id = envelope.event_id,
            "a task was queued"
        );
        Ok(())
    }

    fn not_taken(&self, integration: IntegrationId, error: ReceiveError) -> ApiError {
        match error {
            ReceiveError::Unverified(error) => {
                self.refused(error.reason());
                error.into()
            }
            ReceiveError::Unreadable(error) => {
                self.metrics.count("DeliveryUnusable", None);
                tracing::warn!(
                    integration.id = %integration,
                    error = %Causes(&error),
                    "a signed delivery cannot be used"
                );
                error.into()
            }
            ReceiveError::Unexpected => ApiError::NotFound,
            ReceiveError::Credentials(_) => ApiError::Internal(error.into()),
        }
    }
}

/// The id in an address, in the one form that we give out.
fn address_of(text: &str) -> Option<IntegrationId> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().to_string() == text).then(|| id.into())
}

async fn receive(
    State(door): State<Arc<ConnectionDoor>>,
    Path(address): Path<String>,
    Extension(origin): Extension<Origin>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    door.take(&address, origin, request).await?;
    Ok(Json(json!({})))
}

/// The routes.
pub fn router(door: ConnectionDoor) -> Router {
    let path = format!("/webhooks/{}/{{integration_id}}", door.sender.kind);
    let routes = Router::new()
        .route(&path, post(receive))
        .with_state(Arc::new(door));
    layer::around(routes, DEADLINE)
}

/// Never a refusal: what a delivery is verified with is our affair, and the sender comes again.
fn closed(error: VaultError) -> ApiError {
    if error.is_outage() {
        ApiError::Unavailable(error.into())
    } else {
        ApiError::Internal(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form_only() {
        let id = "0199c0de-0000-7000-8000-00000000abcd";
        assert_eq!(
            address_of(id).map(|id| id.uuid().to_string()).as_deref(),
            Some(id)
        );
        for other in [
            "",
            "0199C0DE-0000-7000-8000-00000000ABCD",
            "0199c0de00007000800000000000abcd",
            "{0199c0de-0000-7000-8000-00000000abcd}",
            "urn:uuid:0199c0de-0000-7000-8000-00000000abcd",
            "int_0199c0de00007000800000000000abcd",
            "0199c0de-0000-7000-8000-00000000abcd ",
            "../clerk",
        ] {
            assert!(address_of(other).is_none(), "{other}");
        }
    }
}
