//! The way to a database on another machine: encrypted, to the right machine, or not at all.

#![expect(
    clippy::disallowed_methods,
    reason = "no function: what is spawned ends with the test's runtime"
)]

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer};
use shared::db::{DatabaseSecret, Db, DbError, SslMode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

/// What a client sends first: that it wants TLS. Source: "Message Formats" of the Postgres manual.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// What a client did.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// It sent its login inside TLS.
    Login,
    /// It broke off before.
    BrokeOff,
    /// It sent something after it was told that there is no TLS.
    Clear,
}

/// A certificate authority, as PEM and as what signs.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let pem = params.self_signed(&key).expect("a certificate").pem();
    (pem, Issuer::new(params, key))
}

/// Listens like Postgres, up to the login; `issuer` signs its certificate for `name`, none speaks no TLS.
async fn server(tls: Option<(&Issuer<'static, KeyPair>, &str)>) -> (u16, mpsc::UnboundedReceiver<Seen>) {
    let acceptor = tls.map(|(issuer, name)| {
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new([name.to_owned()])
            .expect("a name")
            .signed_by(&key, issuer)
            .expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .expect("a certificate and its key");
        TlsAcceptor::from(Arc::new(config))
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, seen) = mpsc::unbounded_channel();
    tokio::task::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8];
            stream
                .read_exact(&mut request)
                .await
                .expect("the client speaks first");
            assert_eq!(request, SSL_REQUEST);
            let mut byte = [0; 1];
            let what = if let Some(acceptor) = &acceptor {
                stream.write_all(b"S").await.expect("the client listens");
                let reads = match acceptor.accept(stream).await {
                    Ok(mut tls) => tls.read_exact(&mut byte).await.is_ok(),
                    Err(_) => false,
                };
                if reads { Seen::Login } else { Seen::BrokeOff }
            } else {
                stream.write_all(b"N").await.expect("the client listens");
                match stream.read(&mut byte).await {
                    Ok(1..) => Seen::Clear,
                    _ => Seen::BrokeOff,
                }
            };
            if sender.send(what).is_err() {
                return;
            }
        }
    });
    (port, seen)
}

fn secret(host: &str, port: u16, ca: Option<&str>) -> DatabaseSecret {
    DatabaseSecret {
        username: "app".to_owned(),
        password: "p".into(),
        host: Some(host.to_owned()),
        port: Some(port),
        dbname: Some("d".to_owned()),
        sslmode: SslMode::VerifyFull,
        ca: ca.map(str::to_owned),
    }
}

async fn connect(secret: &DatabaseSecret) -> DbError {
    Db::new(secret, 1)
        .expect("the secret is usable")
        .get()
        .await
        .expect_err("nobody lets it in")
}

#[tokio::test]
async fn the_login_is_sent_to_a_server_that_proves_its_name_by_a_trusted_authority() {
    let (pem, issuer) = authority();
    let (port, mut seen) = server(Some((&issuer, "localhost"))).await;
    connect(&secret("localhost", port, Some(&pem))).await;
    assert_eq!(seen.recv().await, Some(Seen::Login));
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_of_another_name() {
    let (pem, issuer) = authority();
    let (port, mut seen) = server(Some((&issuer, "db.example.com"))).await;
    let error = connect(&secret("localhost", port, Some(&pem))).await;
    assert_eq!(seen.recv().await, Some(Seen::BrokeOff), "{error:?}");
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_whose_authority_nobody_trusts() {
    let (_, issuer) = authority();
    let (other, _) = authority();
    for ca in [None, Some(other.as_str())] {
        let (port, mut seen) = server(Some((&issuer, "localhost"))).await;
        let error = connect(&secret("localhost", port, ca)).await;
        assert_eq!(seen.recv().await, Some(Seen::BrokeOff), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_no_login_in_clear() {
    let (port, mut seen) = server(None).await;
    let error = connect(&secret("localhost", port, None)).await;
    assert_eq!(seen.recv().await, Some(Seen::BrokeOff), "{error:?}");
}
