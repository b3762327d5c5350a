//! The one error shape of all HTTP functions, and the statuses that causes get.
//!
//! A cause becomes a status in a `From`, written without a catch-all: a new cause does not compile until somebody
//! has decided its status.

use std::{borrow::Cow, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::AuthError,
    connector::{contract::ConnectorError, slack::event::SlackEventError},
    identity::event::ClerkEventError,
    integration::{check::CheckError, connect::ConnectError, sync::SyncError},
    json::JsonError,
    queue::QueueError,
    secret::{manager::SecretError, vault::VaultError},
    telemetry::Causes,
    webhook::WebhookError,
};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// After how long a caller may try again when something we need is away.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The field, as a JSON path.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// 400: the body cannot be read.
    #[error("the body cannot be read")]
    Malformed(#[source] JsonError),
    /// 400: a header that a signed delivery must have is not as it must be.
    #[error("a header is not as it should be")]
    Header(#[source] WebhookError),
    /// 401: a delivery that its sender did not make.
    #[error("authentication required")]
    Unverified(#[source] WebhookError),
    /// 401: nobody who signed in, as far as we can tell.
    #[error("authentication required")]
    Unauthenticated(#[source] AuthError),
    /// 403: known, but not allowed.
    #[error("not permitted")]
    Forbidden,
    /// 403: signed in, but for no organization.
    #[error("choose an organization first: the session is for none")]
    OrganizationRequired,
    /// 404: there is nothing here, or nothing that the caller may know of.
    #[error("not found")]
    NotFound,
    /// 405: the route is there, the method is not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// 413: the body is larger than we look at.
    #[error("the body is too large")]
    TooLarge,
    /// 415: not plain `application/json`.
    #[error("only uncompressed application/json is taken")]
    UnsupportedMediaType,
    /// 409: what is there stands in the way.
    #[error("{message}")]
    Conflict {
        /// By which programs tell conflicts apart.
        code: &'static str,
        /// What stands in the way, and what to do about it.
        message: String,
    },
    /// 422: a third party does not accept what was filled in, or whoever came back from it.
    #[error("{message}")]
    Refused {
        /// Why, as a code.
        code: &'static str,
        /// Why, in our words.
        message: String,
    },
    /// 422: the body can be read, and says what it must not.
    #[error("some fields are not as they should be")]
    Invalid(Vec<FieldProblem>),
    /// 429: too many calls.
    #[error("too many requests; try again later")]
    RateLimited {
        /// Whose: `user` or `organization`.
        scope: &'static str,
        /// For how long to wait.
        wait: Duration,
    },
    /// 500: our fault; somebody must act.
    #[error("internal error")]
    Internal(#[source] BoxError),
    /// 501: whoever runs this deployment has not set it up for that.
    #[error("this deployment is not set up for it: {0}")]
    NotSetUp(&'static str),
    /// 502: a third party answers what cannot be understood.
    #[error("a third party answers what cannot be understood")]
    BadGateway(#[source] BoxError),
    /// 503: a third party is away, or asks for a pause.
    #[error("a third party does not answer; try again later")]
    Away {
        /// For how long to wait.
        wait: Duration,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// 503: asked whether all is there, these are not.
    #[error("not everything that is needed is there")]
    NotReady(Vec<FieldProblem>),
    /// 503: something that we need is away; asking again later helps.
    #[error("temporarily unavailable")]
    Unavailable(#[source] BoxError),
}

impl FieldProblem {
    /// What is wrong with `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

impl ApiError {
    /// One field is not as it should be.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, message)])
    }

    /// The status, and the code by which programs tell errors apart.
    #[must_use]
    pub const fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Malformed(_) | Self::Header(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::Unverified(_) | Self::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::OrganizationRequired => (StatusCode::FORBIDDEN, "organization_required"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::Conflict { code, .. } => (StatusCode::CONFLICT, code),
            Self::Refused { code, .. } => (StatusCode::UNPROCESSABLE_ENTITY, code),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::NotSetUp(_) => (StatusCode::NOT_IMPLEMENTED, "not_set_up"),
            Self::BadGateway(_) => (StatusCode::BAD_GATEWAY, "bad_gateway"),
            Self::NotReady(_) | Self::Unavailable(_) | Self::Away { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
        }
    }

    /// The one place where an error of an HTTP function is logged.
    fn log(&self) {
        let (status, code) = self.kind();
        let status = status.as_u16();
        let error = tracing::field::display(Causes(self));
        match self {
            Self::Internal(_) => tracing::error!(status, code, error, "a request failed"),
            Self::Unavailable(_) | Self::Away { .. } | Self::BadGateway(_) | Self::NotSetUp(_) => {
                tracing::warn!(status, code, error, "a request found something away");
            }
            _ => tracing::debug!(status, code, error, "a request was refused"),
        }
    }
}

/// The body of an error.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// By which programs tell errors apart.
    code: &'static str,
    /// What is wrong, for people.
    message: String,
    /// What is wrong with which field.
    #[schema(value_type = Vec<FieldProblem>)]
    fields: Cow<'static, [FieldProblem]>,
    /// What to name when asking about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Problem {
    /// The body, naming the request it answers.
    pub(super) fn body(self, request_id: Option<String>) -> Body {
        let problem = Self { request_id, ..self };
        // Text in, text out: there is nothing in it that JSON could not say.
        serde_json::to_vec(&problem).unwrap_or_default().into()
    }
}

impl IntoResponse for ApiError {
    /// Says nothing about the cause of what is our own affair. The layer around the routes adds the request's id.
    fn into_response(self) -> Response {
        self.log();
        let (status, code) = self.kind();
        let fields = match &self {
            Self::Malformed(JsonError::Shape { path, problem }) => Cow::Owned(vec![FieldProblem {
                field: path.clone(),
                message: (*problem).to_owned(),
            }]),
            Self::Header(error) => Cow::Owned(error.field().into_iter().collect()),
            Self::Invalid(fields) | Self::NotReady(fields) => Cow::Owned(fields.clone()),
            _ => Cow::Borrowed(&[][..]),
        };
        let problem = Problem {
            code,
            message: self.to_string(),
            fields,
            request_id: None,
        };
        let mut response = Response::new(problem.clone().body(None));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match self {
            Self::NotReady(_) | Self::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER.as_secs().into());
            }
            // Rounded up: whoever comes a moment too early is refused again.
            Self::RateLimited { wait, .. } | Self::Away { wait, .. } => {
                headers.insert(header::RETRY_AFTER, (wait.as_secs() + 1).into());
            }
            // Asked for by RFC 9110, section 15.5.2.
            Self::Unauthenticated(_) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response.extensions_mut().insert(problem);
        response
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        Self::Unverified(error)
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        Self::Malformed(error)
    }
}

impl From<SlackEventError> for ApiError {
    fn from(error: SlackEventError) -> Self {
        match error {
            SlackEventError::Payload(error) => error.into(),
            SlackEventError::OtherApp => Self::Forbidden,
        }
    }
}

impl From<ClerkEventError> for ApiError {
    fn from(error: ClerkEventError) -> Self {
        match error {
            ClerkEventError::Payload(error) => error.into(),
            ClerkEventError::OtherInstance => Self::Forbidden,
        }
    }
}

impl From<SecretError> for ApiError {
    /// An outage of ours is never told as a refusal: the sender must come again.
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Missing { .. }
            | SecretError::Malformed { .. }
            | SecretError::Refused { .. }
            | SecretError::Unavailable { .. } => Self::Unavailable(error.into()),
        }
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        if error.is_outage() {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

impl From<ConnectorError> for ApiError {
    fn from(error: ConnectorError) -> Self {
        match error {
            ConnectorError::Invalid(fields) => Self::Invalid(fields),
            ConnectorError::Refused {
                reason: code,
                message,
                ..
            }
            | ConnectorError::Gone {
                reason: code,
                message,
            } => Self::Refused { code, message },
            ConnectorError::Unavailable { retry_after, source } => Self::Away {
                wait: retry_after.unwrap_or(RETRY_AFTER),
                source,
            },
            error @ ConnectorError::Protocol { .. } => Self::BadGateway(error.into()),
            ConnectorError::NotSetUp { what } => Self::NotSetUp(what),
        }
    }
}

impl From<ConnectError> for ApiError {
    fn from(error: ConnectError) -> Self {
        let message = error.to_string();
        match error {
            ConnectError::State => Self::invalid("state", message),
            ConnectError::NotAdmin => Self::Forbidden,
            ConnectError::Another { .. } => Self::Conflict {
                code: "another_account",
                message,
            },
            ConnectError::Taken { .. } => Self::Conflict {
                code: "taken",
                message,
            },
            ConnectError::Changed => Self::Conflict {
                code: "changed",
                message,
            },
            ConnectError::Connector(error) => error.into(),
            ConnectError::Db(error) => error.into(),
            ConnectError::Vault(error) => error.into(),
        }
    }
}

impl From<SyncError> for ApiError {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Ended => Self::Conflict {
                code: "changed",
                message: "the connection is not in use, or was made again meanwhile".to_owned(),
            },
            SyncError::Connector(error) => error.into(),
            SyncError::Vault(error) => error.into(),
            SyncError::Db(error) => error.into(),
        }
    }
}

impl From<CheckError> for ApiError {
    fn from(error: CheckError) -> Self {
        if error.is_outage() {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Encode(_) | QueueError::NotOurs(_) => Self::Internal(error.into()),
            QueueError::Unavailable(_) => Self::Unavailable(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_tells_every_cause_and_an_answer_none() {
        let away = || ApiError::from(QueueError::Unavailable("no route to host".into()));
        assert_eq!(
            Causes(&away()).to_string(),
            "temporarily unavailable: the queue is not available: no route to host"
        );
        assert_eq!(away().to_string(), "temporarily unavailable");
        assert_eq!(away().into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
