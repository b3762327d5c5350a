//! Our way out against servers that do not behave.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::any,
};
use futures_util::stream;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::http::client::{HttpClient, HttpError};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

const TOKEN: &str = "sk_test_hunter2";
const HASTE: Duration = Duration::from_millis(300);

/// A server that counts what it is asked.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn answering<F, A>(answer: F) -> Self
    where
        F: Fn(HeaderMap) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let router = Router::new().fallback(any(move |headers: HeaderMap| {
            count.fetch_add(1, Ordering::SeqCst);
            answer(headers)
        }));
        run(async move { axum::serve(listener, router).await });
        Self { address, requests }
    }

    fn client(&self) -> HttpClient {
        HttpClient::new(&format!("http://{}/v1", self.address)).expect("a loopback url")
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A server that speaks something else than HTTP, or nothing: what it says to each connection, then it hangs up.
async fn saying(words: &'static [u8]) -> HttpClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    run(async move {
        loop {
            let (mut socket, _) = listener.accept().await?;
            // The request is one packet on a loopback connection.
            let _ = socket.read(&mut [0; 4096]).await?;
            socket.write_all(words).await?;
        }
    });
    HttpClient::new(&format!("http://{address}")).expect("a loopback url")
}

#[expect(clippy::disallowed_methods, reason = "a fake server is no part of a function")]
fn run(server: impl Future<Output = io::Result<()>> + Send + 'static) {
    drop(tokio::spawn(server));
}

#[tokio::test]
async fn an_answer_comes_with_its_status_whatever_that_is() {
    let server = Server::answering(|headers| async move {
        let seen = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(String::from)
        };
        let body = json!({ "authorization": seen(header::AUTHORIZATION), "accept": seen(header::ACCEPT) });
        let wait = [(header::RETRY_AFTER, "3")];
        (StatusCode::TOO_MANY_REQUESTS, wait, axum::Json(body)).into_response()
    })
    .await;
    let answer = server
        .client()
        .get("/users?limit=1", Some(&SecretString::from(TOKEN)))
        .await
        .expect("an answer");
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(3)));
    assert_eq!(
        answer.json::<Value>(),
        Ok(json!({ "authorization": "Bearer sk_test_hunter2", "accept": "application/json" }))
    );
    assert!(!format!("{answer:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let elsewhere = Server::answering(|_| async { StatusCode::OK.into_response() }).await;
    let target = format!("http://{}/stolen", elsewhere.address);
    let server = Server::answering(move |_| {
        let target = target.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]).into_response() }
    })
    .await;
    let answer = server
        .client()
        .get("/users", Some(&SecretString::from(TOKEN)))
        .await
        .expect("an answer");
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!((server.requests(), elsewhere.requests()), (1, 0));
}

#[tokio::test]
async fn a_server_that_hangs_is_left_in_time() {
    let begun = Instant::now();
    let silent = Server::answering(|_| std::future::pending()).await;
    let endless = Server::answering(|_| async {
        // The head comes at once, the end of the body never does.
        Body::from_stream(stream::pending::<io::Result<Bytes>>()).into_response()
    })
    .await;
    for server in [&silent, &endless] {
        let client = server.client().with_timeout(HASTE);
        assert_eq!(client.get("/", None).await.err(), Some(HttpError::Timeout));
        assert_eq!(server.requests(), 1);
    }
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_larger_than_the_limit_is_not_read_to_its_end() {
    let endless = Server::answering(|_| async {
        let chunk = || Ok::<_, io::Error>(Bytes::from_static(&[b' '; 16 * 1024]));
        Body::from_stream(stream::repeat_with(chunk)).into_response()
    })
    .await;
    let client = endless.client();
    assert_eq!(client.get("/", None).await.err(), Some(HttpError::TooLarge));

    let exact = Server::answering(|_| async { [b' '; 1024].into_response() }).await;
    let read = |limit| {
        let client = exact.client().with_max_body(limit);
        async move { client.get("/", None).await.map(|answer| answer.body.len()) }
    };
    assert_eq!(read(1024).await, Ok(1024));
    assert_eq!(read(1023).await, Err(HttpError::TooLarge));
}

#[tokio::test]
async fn what_keeps_an_answer_away_is_told_by_its_kind_and_in_no_words_of_the_other_side() {
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("an address")
    };
    let client = HttpClient::new(&format!("http://{nobody}")).expect("a loopback url");
    assert_eq!(
        client.get("/", None).await.err(),
        Some(HttpError::Unreachable(io::ErrorKind::ConnectionRefused))
    );

    let client = saying(b"SSH-2.0-hunter2\r\n\r\n").await;
    let error = client.get("/", None).await.expect_err("not http");
    assert!(matches!(error, HttpError::Protocol { .. }), "{error:?}");

    for words in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhunter2"] {
        let error = saying(words).await.get("/", None).await.expect_err("hung up");
        assert!(matches!(error, HttpError::Unreachable(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}

/// As when the sandbox was frozen for longer than the other side keeps a connection.
#[tokio::test]
async fn a_connection_that_died_meanwhile_is_made_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    run(async move {
        loop {
            let (mut socket, _) = listener.accept().await?;
            count.fetch_add(1, Ordering::SeqCst);
            let _ = socket.read(&mut [0; 4096]).await?;
            socket
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                .await?;
            // The second request on this connection is read and never answered.
            let _ = socket.read(&mut [0; 4096]).await?;
        }
    });
    let client = HttpClient::new(&format!("http://{address}")).expect("a loopback url");
    for _ in 0..2 {
        let answer = client.get("/", None).await.expect("an answer");
        assert_eq!(answer.status, StatusCode::OK);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}
