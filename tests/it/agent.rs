//! Asking the agent over the wire, and what becomes of every way in which it can fail.

use std::{sync::Arc, time::Duration};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::json;
use shared::{
    agent::{Agent, AgentError, Answer, GrpcAgent, Question, Role, Utterance},
    clock::{FixedClock, Timestamp},
    id::Ids,
};
use tests::agent::{AgentServer, Behaviour};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tonic::Code;

/// Long enough for whatever is to happen.
const PATIENT: Duration = Duration::from_secs(20);
/// For what is to run into its deadline.
const IMPATIENT: Duration = Duration::from_millis(200);

fn question() -> Question {
    let ids = Ids::seeded(7);
    Question {
        conversation: ids.conversation(),
        message: ids.message(),
        organization: ids.organization(),
        text: "why is checkout slow?".to_owned(),
        history: vec![
            Utterance {
                id: ids.message(),
                role: Role::User {
                    slack_user: "U111".to_owned(),
                    name: None,
                },
                text: "anything new?".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            },
            Utterance {
                id: ids.message(),
                role: Role::Assistant,
                text: "A deploy an hour ago.".to_owned(),
                at: Timestamp::UNIX_EPOCH,
            },
        ],
        user_id: "U222".to_owned(),
        user_name: Some("Ann".to_owned()),
        channel_id: "C111".to_owned(),
        channel_type: None,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        request_id: "request-1".to_owned(),
    }
}

fn clock() -> FixedClock {
    FixedClock::at(Timestamp::UNIX_EPOCH)
}

fn agent_at(url: &str) -> GrpcAgent {
    GrpcAgent::new(url, Arc::new(clock())).expect("an endpoint")
}

async fn ask(server: &AgentServer) -> Result<Answer, AgentError> {
    agent_at(server.url()).ask(question(), PATIENT).await
}

#[tokio::test]
async fn a_question_arrives_with_its_history_and_where_it_comes_from() {
    let server = AgentServer::start().await.expect("a port");
    server.next(Behaviour::Answer("Because of the deploy.".to_owned()));
    assert_eq!(
        ask(&server).await.expect("an answer"),
        Answer {
            text: "Because of the deploy.".to_owned(),
            agent_type: "conversation".to_owned(),
            confidence: 0.9,
        }
    );

    assert_eq!(server.paths(), ["/agent.AgentService/ProcessMessage"]);
    let asked = server.asked().remove(0);
    let question = question();
    assert_eq!(
        asked.request.conversation_id,
        question.conversation.uuid().to_string()
    );
    assert_eq!(asked.request.idempotency_key, question.message.uuid().to_string());
    assert_eq!(
        asked.request.organization_id,
        question.organization.uuid().to_string()
    );
    assert_eq!(asked.request.current_message, "why is checkout slow?");
    assert_eq!(asked.request.user_id, "U222");
    assert_eq!(asked.request.user_name, "Ann");
    assert_eq!(asked.request.channel_id, "C111");
    let context: serde_json::Value = serde_json::from_str(&asked.request.context).expect("JSON");
    assert_eq!(
        context,
        json!({
            "source": "slack",
            "channel_type": null,
            "organization_id": question.organization.uuid(),
        })
    );
    let past: Vec<_> = asked
        .request
        .past_messages
        .iter()
        .map(|message| {
            (
                message.sender.as_str(),
                message.content.as_str(),
                message.timestamp.as_str(),
            )
        })
        .collect();
    assert_eq!(
        past,
        [
            ("user/U111", "anything new?", "1970-01-01T00:00:00.000Z"),
            ("agent", "A deploy an hour ago.", "1970-01-01T00:00:00.000Z"),
        ]
    );
    let metadata = |name: &str| {
        asked
            .metadata
            .get(name)
            .map(tonic::metadata::MetadataValue::as_bytes)
    };
    assert_eq!(metadata("x-request-id"), Some(&b"request-1"[..]));
    assert_eq!(
        metadata("traceparent"),
        Some(&b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"[..])
    );
    assert_eq!(metadata("grpc-timeout"), Some(&b"20000000u"[..]));
}

#[tokio::test]
async fn an_agent_that_says_no_or_says_nothing_gave_no_answer() {
    let server = AgentServer::start().await.expect("a port");
    server.next(Behaviour::Refuse("no model\nis configured".to_owned()));
    match ask(&server).await {
        Err(AgentError::Refused { reason }) => assert_eq!(reason.as_str(), "no model is configured"),
        other => panic!("{other:?}"),
    }
    server.next(Behaviour::Empty);
    let outcome = ask(&server).await;
    assert!(matches!(outcome, Err(AgentError::Empty)), "{outcome:?}");
}

#[tokio::test]
async fn of_the_statuses_an_agent_can_answer_only_unavailable_may_be_asked_again() {
    let server = AgentServer::start().await.expect("a port");
    for code in (1..=16).map(Code::from_i32) {
        server.next(Behaviour::Fail(code));
        let outcome = ask(&server).await;
        let is_right = match (&outcome, code) {
            (Err(AgentError::Unavailable { source }), Code::Unavailable)
            | (Err(AgentError::Protocol { source }), _) => {
                source.code() == code && code != Code::DeadlineExceeded
            }
            (Err(AgentError::TimedOut), Code::DeadlineExceeded) => true,
            _ => false,
        };
        assert!(is_right, "{code:?}: {outcome:?}");
        assert!(!matches!(
            (&outcome, code),
            (Err(AgentError::Protocol { .. }), Code::Unavailable)
        ));
        assert!(
            !format!("{outcome:?}").contains("as the script says"),
            "third-party text"
        );
    }
}

#[tokio::test]
async fn an_agent_that_is_not_there_may_be_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    drop(listener);
    let agent = agent_at(&url);
    for _ in 0..2 {
        let outcome = agent.ask(question(), PATIENT).await;
        assert!(
            matches!(outcome, Err(AgentError::Unavailable { .. })),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_is_not_taken_for_an_agent_that_did_nothing() {
    let server = AgentServer::start().await.expect("a port");
    let agent = agent_at(server.url());
    server.next(Behaviour::DropConnections);
    let outcome = agent.ask(question(), PATIENT).await;
    assert!(matches!(outcome, Err(AgentError::Protocol { .. })), "{outcome:?}");
    agent.ask(question(), PATIENT).await.expect("on a new connection");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_deadline_ends_the_wait_and_takes_the_question_back() {
    let server = AgentServer::start().await.expect("a port");
    server.next(Behaviour::Hang);
    let agent = agent_at(server.url());
    let outcome = agent.ask(question(), IMPATIENT).await;
    assert!(matches!(outcome, Err(AgentError::TimedOut)), "{outcome:?}");
    server.wait_for_given_up(1).await;
}

#[tokio::test]
async fn a_deadline_counts_for_a_listener_that_never_speaks() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    for scheme in ["http", "https"] {
        let outcome = agent_at(&format!("{scheme}://{address}"))
            .ask(question(), IMPATIENT)
            .await;
        assert!(
            matches!(outcome, Err(AgentError::TimedOut)),
            "{scheme}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_is_taken_back() {
    let server = AgentServer::start().await.expect("a port");
    server.next(Behaviour::Hang);
    let agent = agent_at(server.url());
    tokio::select! {
        outcome = agent.ask(question(), PATIENT) => panic!("{outcome:?}"),
        _ = server.wait_for_questions(1) => {}
    }
    server.wait_for_given_up(1).await;
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let server = AgentServer::start().await.expect("a port");
    server.next(Behaviour::Hold("At last.".to_owned()));
    let agent = agent_at(server.url());
    let (outcome, ()) = tokio::join!(agent.ask(question(), PATIENT), async {
        server.wait_for_questions(1).await;
        server.release();
    });
    assert_eq!(outcome.expect("an answer").text, "At last.");
}

#[tokio::test]
async fn a_connection_is_opened_by_the_first_question_and_used_again_only_while_it_is_fresh() {
    let server = AgentServer::start().await.expect("a port");
    let clock = clock();
    let agent = GrpcAgent::new(server.url(), Arc::new(clock.clone())).expect("an endpoint");
    assert_eq!(server.connections(), 0);
    for (idle, connections) in [(0, 1), (29, 1), (30, 2), (29, 2), (3600, 3)] {
        clock.advance(Duration::from_secs(idle));
        agent.ask(question(), PATIENT).await.expect("an answer");
        assert_eq!(server.connections(), connections, "after {idle} s");
    }
}

#[tokio::test]
async fn a_connection_that_died_while_the_sandbox_was_frozen_is_not_noticed() {
    let server = AgentServer::start().await.expect("a port");
    let clock = clock();
    let agent = GrpcAgent::new(server.url(), Arc::new(clock.clone())).expect("an endpoint");
    agent.ask(question(), PATIENT).await.expect("an answer");
    clock.advance(Duration::from_mins(10));
    server.drop_connections();
    agent.ask(question(), PATIENT).await.expect("an answer");
}

#[tokio::test]
async fn an_answer_of_up_to_four_mebibytes_is_read_and_a_longer_one_is_not() {
    let server = AgentServer::start().await.expect("a port");
    let limit = 4 * 1024 * 1024;
    server.next(Behaviour::Answer("x".repeat(limit - 100)));
    assert_eq!(ask(&server).await.expect("an answer").text.len(), limit - 100);
    server.next(Behaviour::Answer("x".repeat(limit)));
    let outcome = ask(&server).await;
    assert!(matches!(outcome, Err(AgentError::Protocol { .. })), "{outcome:?}");
}

#[tokio::test]
async fn with_tls_only_a_certificate_that_is_trusted_and_names_the_host_is_talked_to() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let server = AgentServer::start_with_tls(&cert.pem(), &signing_key.serialize_pem())
        .await
        .expect("a port");
    let trusting =
        |url: &str| GrpcAgent::with_roots(url, Arc::new(clock()), &cert.pem()).expect("an endpoint");
    let answer = trusting(server.url()).ask(question(), PATIENT).await;
    assert_eq!(answer.expect("an answer").text, "The answer.");

    let other_name = server.url().replace("localhost", "127.0.0.1");
    for (stranger, why) in [
        (agent_at(server.url()), "unknown authority"),
        (trusting(&other_name), "another name"),
    ] {
        let outcome = stranger.ask(question(), PATIENT).await;
        assert!(
            matches!(outcome, Err(AgentError::Unavailable { .. })),
            "{why}: {outcome:?}"
        );
    }
    assert_eq!(server.asked().len(), 1, "nothing was said to a stranger");
}

/// Speaks HTTP/2 by hand: waits for the headers of the first request, writes `reply`, and hangs up.
async fn reply_to_headers_with(reply: &'static [u8]) -> (String, JoinSet<std::io::Result<()>>) {
    const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const HEADERS: u8 = 1;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let mut task = JoinSet::new();
    task.spawn(async move {
        let (mut connection, _) = listener.accept().await?;
        connection.read_exact(&mut [0; PREFACE]).await?;
        connection.write_all(&SETTINGS).await?;
        loop {
            let mut head = [0; 9];
            connection.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut body = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
            connection.read_exact(&mut body).await?;
            if head[3] == HEADERS {
                break;
            }
        }
        connection.write_all(reply).await?;
        // Reads on until the client hangs up, so that nothing written before is lost to a reset.
        connection.shutdown().await?;
        while connection.read(&mut [0; 1024]).await? > 0 {}
        Ok(())
    });
    (url, task)
}

#[tokio::test]
async fn a_stream_that_http2_says_was_not_looked_at_may_be_asked_again() {
    // RST_STREAM of stream 1 with REFUSED_STREAM; GOAWAY with NO_ERROR and no stream served.
    const REFUSED: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7];
    const GOING: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for reply in [REFUSED, GOING] {
        let (url, _server) = reply_to_headers_with(reply).await;
        let outcome = agent_at(&url).ask(question(), PATIENT).await;
        assert!(
            matches!(outcome, Err(AgentError::Unavailable { .. })),
            "{reply:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_stream_that_http2_says_was_begun_may_not_be_asked_again() {
    // RST_STREAM of stream 1 with INTERNAL_ERROR; GOAWAY with NO_ERROR that still serves stream 1; nothing at all.
    const FAILED: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    const SERVED: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    for reply in [FAILED, SERVED, &[]] {
        let (url, _server) = reply_to_headers_with(reply).await;
        let outcome = agent_at(&url).ask(question(), PATIENT).await;
        assert!(
            matches!(outcome, Err(AgentError::Protocol { .. })),
            "{reply:?}: {outcome:?}"
        );
    }
}
