//! Turns `proto/agent.proto` into Rust, without `protoc`. The server's side is for tests, which play the agent.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../proto");
    let descriptors = protox::compile(["agent.proto"], ["../proto"])?;
    tonic_prost_build::configure()
        .build_client(true)
        .build_server(cfg!(feature = "test-support"))
        .build_transport(false)
        .compile_fds(descriptors)?;
    Ok(())
}
