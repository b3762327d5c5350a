//! The agent over gRPC.

use std::{
    error::Error,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::SecondsFormat;
use http::Uri;
use serde_json::json;
use tonic::{
    Code, ConnectError, Request, Status, TimeoutExpired,
    metadata::MetadataMap,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use super::{Agent, AgentError, Answer, CallError, Question, Reason, Role, Utterance, proto};
use crate::clock::{SharedClock, Timestamp, after};

/// How long connecting may take, and the TLS handshake after it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// A connection that was idle for longer is not used again: the sandbox may have been frozen meanwhile, and a request
/// that is written into a dead connection cannot be told from one that was processed. Load balancers begin to drop
/// idle connections after a minute.
const MAX_IDLE: Duration = Duration::from_secs(30);
/// While an answer is awaited nothing is sent, so the kernel asks whether the other side is alive, which also keeps
/// NAT gateways and load balancers from forgetting the connection. HTTP/2 pings would do it too, but gRPC servers hang
/// up on clients that send them more often than every five minutes (`too_many_pings`).
const TCP_KEEPALIVE: Duration = Duration::from_secs(20);
const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const TCP_KEEPALIVE_RETRIES: u32 = 3;

/// An agent somewhere on the network. Connects when it is first asked.
pub struct GrpcAgent {
    endpoint: Endpoint,
    clock: SharedClock,
    connection: Mutex<Option<Connection>>,
}

#[derive(Clone)]
struct Connection {
    channel: Channel,
    last_used: Timestamp,
}

impl fmt::Debug for GrpcAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcAgent")
            .field("endpoint", self.endpoint.uri())
            .finish_non_exhaustive()
    }
}

/// The agent's address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It is not of the form `http://host:port` or `https://host:port`.
    #[error("the agent's endpoint is not of the form http(s)://host:port")]
    Form,
    /// The roots of trust cannot be read.
    #[error("the agent's roots of trust cannot be read")]
    Tls(#[source] tonic::transport::Error),
}

impl GrpcAgent {
    /// An agent at `http://host:port` (in the clear, inside a private network) or `https://host:port` (TLS, checked
    /// against the public roots).
    ///
    /// # Errors
    /// [`EndpointError`] when the address has another form.
    pub fn new(endpoint: &str, clock: SharedClock) -> Result<Self, EndpointError> {
        Self::build(endpoint, clock, ClientTlsConfig::new().with_webpki_roots())
    }

    /// As [`GrpcAgent::new`], for an agent whose certificate a private authority has signed: only the certificates in
    /// `roots` (PEM) are trusted.
    ///
    /// # Errors
    /// [`EndpointError`] when the address has another form or the roots cannot be read.
    pub fn with_roots(endpoint: &str, clock: SharedClock, roots: &str) -> Result<Self, EndpointError> {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(roots));
        Self::build(endpoint, clock, tls)
    }

    fn build(endpoint: &str, clock: SharedClock, tls: ClientTlsConfig) -> Result<Self, EndpointError> {
        let uri: Uri = endpoint.parse().map_err(|_| EndpointError::Form)?;
        let is_https = match (uri.scheme_str(), uri.host()) {
            (Some("http"), Some(_)) => false,
            (Some("https"), Some(_)) => true,
            _ => return Err(EndpointError::Form),
        };
        let mut endpoint = Endpoint::from(uri)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(TCP_KEEPALIVE))
            .tcp_keepalive_interval(Some(TCP_KEEPALIVE_INTERVAL))
            .tcp_keepalive_retries(Some(TCP_KEEPALIVE_RETRIES));
        if is_https {
            endpoint = endpoint
                .tls_config(tls.timeout(CONNECT_TIMEOUT))
                .map_err(EndpointError::Tls)?;
        }
        Ok(Self {
            endpoint,
            clock,
            connection: Mutex::default(),
        })
    }

    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection of the last question if it is fresh, else a new one, which connects when it is used.
    fn channel(&self) -> Channel {
        let now = self.clock.now();
        let mut connection = self.connection();
        let fresh = connection
            .take()
            .filter(|kept| kept.last_used <= now && now < after(kept.last_used, MAX_IDLE));
        let channel = fresh.map_or_else(|| self.endpoint.connect_lazy(), |kept| kept.channel);
        *connection = Some(Connection {
            channel: channel.clone(),
            last_used: now,
        });
        channel
    }

    /// Keeps the connection after an answer, and lets go of it after a failure.
    fn done_with(&self, channel: Channel, is_sound: bool) {
        *self.connection() = is_sound.then(|| Connection {
            channel,
            last_used: self.clock.now(),
        });
    }
}

#[async_trait]
impl Agent for GrpcAgent {
    #[tracing::instrument(
        name = "agent.ask",
        skip_all,
        fields(conversation.id = %question.conversation, history = question.history.len())
    )]
    async fn ask(&self, question: Question, deadline: Duration) -> Result<Answer, AgentError> {
        let request = request(question, deadline);
        let channel = self.channel();
        let mut client = proto::agent_service_client::AgentServiceClient::new(channel.clone())
            .max_decoding_message_size(MAX_ANSWER_BYTES);
        let outcome = match tokio::time::timeout(deadline, client.process_message(request)).await {
            Ok(Ok(response)) => answer(response.into_inner()),
            Ok(Err(status)) => Err(failure(status)),
            Err(_) => Err(AgentError::TimedOut),
        };
        let is_sound = matches!(
            outcome,
            Ok(_) | Err(AgentError::Refused { .. } | AgentError::Empty)
        );
        self.done_with(channel, is_sound);
        outcome
    }
}

fn request(question: Question, deadline: Duration) -> Request<proto::AgentRequest> {
    let Question {
        conversation,
        message,
        organization,
        text,
        history,
        user_id,
        user_name,
        channel_id,
        channel_type,
        traceparent,
        request_id,
    } = question;
    let organization_id = organization.uuid().to_string();
    let context = json!({
        "source": "slack",
        "channel_type": channel_type,
        "organization_id": organization_id,
    });
    let mut request = Request::new(proto::AgentRequest {
        conversation_id: conversation.uuid().to_string(),
        current_message: text,
        past_messages: history.into_iter().map(past_message).collect(),
        context: context.to_string(),
        user_id,
        channel_id,
        organization_id,
        user_name: user_name.unwrap_or_default(),
        idempotency_key: message.uuid().to_string(),
    });
    request.set_timeout(deadline);
    insert(request.metadata_mut(), "x-request-id", Some(&request_id));
    insert(request.metadata_mut(), "traceparent", traceparent.as_deref());
    request
}

/// Adds metadata; leaves out what cannot stand in a header, since it serves tracing only.
fn insert(metadata: &mut MetadataMap, name: &'static str, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| value.parse().ok()) {
        metadata.insert(name, value);
    }
}

fn past_message(utterance: Utterance) -> proto::Message {
    let (sender, sender_name) = match utterance.role {
        Role::Assistant => ("agent".to_owned(), None),
        Role::User { slack_user, name } => (format!("user/{slack_user}"), name),
    };
    proto::Message {
        message_id: utterance.id.uuid().to_string(),
        content: utterance.text,
        sender,
        timestamp: utterance.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        sender_name: sender_name.unwrap_or_default(),
    }
}

fn answer(response: proto::AgentResponse) -> Result<Answer, AgentError> {
    if !response.success {
        return Err(AgentError::Refused {
            reason: Reason::new(&response.error_message),
        });
    }
    if response.response_text.trim().is_empty() {
        return Err(AgentError::Empty);
    }
    Ok(Answer {
        text: response.response_text,
        agent_type: response.agent_type,
        confidence: response.confidence,
    })
}

/// Sorts a failed call. What the agent's side says has no source; what happened on our side has one.
fn failure(status: Status) -> AgentError {
    let is_local = status.source().is_some();
    if status.code() == Code::DeadlineExceeded || is_caused_by(&status, |_: &TimeoutExpired| true) {
        return AgentError::TimedOut;
    }
    let was_not_processed = if is_local {
        is_caused_by(&status, |_: &ConnectError| true)
            // The request had not been written when the connection closed.
            || is_caused_by(&status, hyper::Error::is_canceled)
            || is_caused_by(&status, says_not_processed)
    } else {
        status.code() == Code::Unavailable
    };
    let source = CallError(status);
    if was_not_processed {
        AgentError::Unavailable { source }
    } else {
        AgentError::Protocol { source }
    }
}

/// Two ways in which HTTP/2 says that a stream was not looked at: it is refused, or the server is going away and the
/// stream came after the last one that it still serves. Source: RFC 9113, sections 8.7 and 6.8.
fn says_not_processed(error: &h2::Error) -> bool {
    error.is_remote()
        && match error.reason() {
            Some(h2::Reason::REFUSED_STREAM) => error.is_reset(),
            Some(h2::Reason::NO_ERROR) => error.is_go_away(),
            _ => false,
        }
}

fn is_caused_by<E: Error + 'static>(status: &Status, test: impl Fn(&E) -> bool) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.downcast_ref::<E>().is_some_and(&test) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use uuid::Uuid;

    use super::*;

    fn question() -> Question {
        Question {
            conversation: Uuid::from_u128(1).into(),
            message: Uuid::from_u128(2).into(),
            organization: Uuid::from_u128(3).into(),
            text: "why?".to_owned(),
            history: vec![
                Utterance {
                    id: Uuid::from_u128(4).into(),
                    role: Role::User {
                        slack_user: "U1".to_owned(),
                        name: Some("Ann".to_owned()),
                    },
                    text: "slow".to_owned(),
                    at: Timestamp::UNIX_EPOCH,
                },
                Utterance {
                    id: Uuid::from_u128(5).into(),
                    role: Role::Assistant,
                    text: "where".to_owned(),
                    at: Timestamp::UNIX_EPOCH,
                },
            ],
            user_id: "U2".to_owned(),
            user_name: Some("Bo".to_owned()),
            channel_id: "C1".to_owned(),
            channel_type: Some("channel".to_owned()),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
            request_id: "r-1".to_owned(),
        }
    }

    /// A protobuf field of wire type 2, by hand: tag, length, bytes.
    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len()).expect("a short value");
        assert!(length < 128, "one byte of length");
        [&[number << 3 | 2, length], value].concat()
    }

    #[test]
    fn the_field_numbers_of_the_request_are_the_ones_that_agents_know() {
        let uuid = |last: char| format!("00000000-0000-0000-0000-00000000000{last}");
        let past = |parts: [(u8, &str); 4]| {
            let mut message: Vec<u8> = parts
                .iter()
                .flat_map(|(number, value)| field(*number, value.as_bytes()))
                .collect();
            if parts[2].1 == "user/U1" {
                message.extend(field(5, b"Ann"));
            }
            message
        };
        let time = "1970-01-01T00:00:00.000Z";
        let context = format!(
            r#"{{"channel_type":"channel","organization_id":"{}","source":"slack"}}"#,
            uuid('3')
        );
        let expected = [
            field(1, uuid('1').as_bytes()),
            field(2, b"why?"),
            field(
                3,
                &past([(1, &uuid('4')), (2, "slow"), (3, "user/U1"), (4, time)]),
            ),
            field(3, &past([(1, &uuid('5')), (2, "where"), (3, "agent"), (4, time)])),
            field(4, context.as_bytes()),
            field(5, b"U2"),
            field(6, b"C1"),
            field(7, uuid('3').as_bytes()),
            field(8, b"Bo"),
            field(9, uuid('2').as_bytes()),
        ]
        .concat();

        let request = request(question(), Duration::from_secs(1));
        assert_eq!(request.get_ref().encode_to_vec(), expected);
    }

    #[test]
    fn an_answer_of_an_agent_that_knows_more_than_we_do_is_read() {
        let wire = [
            vec![1 << 3, 1],
            field(2, b"because"),
            field(4, b"rca"),
            [&[5 << 3 | 5][..], &0.9_f32.to_le_bytes()].concat(),
            field(6, b"kubectl"),
            field(15, b"something new"),
        ]
        .concat();
        let response = proto::AgentResponse::decode(&*wire).expect("readable");
        assert_eq!(
            answer(response).expect("an answer"),
            Answer {
                text: "because".to_owned(),
                agent_type: "rca".to_owned(),
                confidence: 0.9,
            }
        );
        assert!(matches!(
            answer(proto::AgentResponse::decode(&[][..]).expect("all fields may be absent")),
            Err(AgentError::Refused { .. })
        ));
    }

    #[test]
    fn metadata_that_cannot_stand_in_a_header_is_left_out() {
        let question = Question {
            traceparent: Some("a\nb".to_owned()),
            ..question()
        };
        let request = request(question, Duration::from_secs(9));
        assert!(request.metadata().get("traceparent").is_none());
        assert_eq!(
            request.metadata().get("x-request-id").expect("sent").as_bytes(),
            b"r-1"
        );
        assert_eq!(
            request.metadata().get("grpc-timeout").expect("sent").as_bytes(),
            b"9000000u"
        );
    }

    #[test]
    fn an_endpoint_is_a_url_with_a_scheme_and_a_host() {
        let clock: SharedClock = std::sync::Arc::new(crate::clock::SystemClock);
        for wrong in ["", "agent:50051", "ftp://agent", "/agent", "http://"] {
            assert!(GrpcAgent::new(wrong, clock.clone()).is_err(), "{wrong}");
        }
        for right in ["http://10.0.0.1:50051", "https://agent.example.com"] {
            assert!(GrpcAgent::new(right, clock.clone()).is_ok(), "{right}");
        }
    }

    #[test]
    fn a_reason_is_one_short_line_that_debug_does_not_show() {
        let reason = Reason::new(&format!("quota\n  exceeded {}", "x".repeat(1000)));
        assert!(reason.as_str().starts_with("quota exceeded xxx"));
        assert_eq!(reason.as_str().len(), 300);
        assert_eq!(format!("{reason:?}"), "Reason(300 bytes)");
    }

    #[test]
    fn debug_shows_neither_questions_nor_history_nor_answers() {
        let shown = format!(
            "{:?} {:?}",
            question(),
            Answer {
                text: "because".to_owned(),
                agent_type: "rca".to_owned(),
                confidence: 0.9,
            }
        );
        for said in ["why?", "slow", "where", "because"] {
            assert!(!shown.contains(said), "{shown}");
        }
    }
}
