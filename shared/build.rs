//! What is made before the crate is compiled: the agent's service from `proto/agent.proto`, without `protoc`, and the
//! roots of Amazon out of the public ones.

use std::{env, error::Error, fs, path::Path};

use base64::{Engine as _, prelude::BASE64_STANDARD};

#[expect(
    clippy::disallowed_methods,
    reason = "cargo says in a variable where the results go"
)]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../proto");
    let descriptors = protox::compile(["agent.proto"], ["../proto"])?;
    tonic_prost_build::configure()
        .build_client(true)
        // The server's side is for tests, which play the agent.
        .build_server(cfg!(feature = "test-support"))
        .build_transport(false)
        .compile_fds(descriptors)?;

    let roots: String = webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .filter(|root| is_amazons(root))
        .map(|root| pem(root))
        .collect();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("amazon-roots.pem"), roots)?;
    Ok(())
}

/// Amazon Trust Services' roots: `Amazon Root CA 1` to `4` and the Starfield root that came before them.
/// Source: <https://www.amazontrust.com/repository/>.
fn is_amazons(root: &[u8]) -> bool {
    [&b"Amazon Root CA"[..], b"Starfield Services Root"]
        .iter()
        .any(|name| root.windows(name.len()).any(|window| window == *name))
}

fn pem(der: &[u8]) -> String {
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(der)
    )
}
