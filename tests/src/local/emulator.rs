//! The AWS emulator.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use aws_config::SdkConfig;
use nix::unistd::Pid;
use shared::{
    aws::{self, Patience},
    config::Env,
};
use tokio::net::TcpStream;

use super::{
    port,
    process::{Process, Program, StopSignal},
    progress::Progress,
    tools::{Tools, Toolset},
};

/// The region that the emulator plays.
pub const REGION: &str = "eu-central-1";

/// The services of the emulator that the template and the SAM command line use.
const SERVICES: &str = "apigateway,cloudformation,cloudwatch,ec2,events,iam,kms,lambda,logs,rds,s3,secretsmanager,sns,sqs,ssm,sts";

/// A running MiniStack on 127.0.0.1. It runs the functions' `bootstrap` files as processes; dropping it ends those too.
#[derive(Debug)]
pub struct Emulator {
    process: Process,
    port: u16,
    log: PathBuf,
}

impl Emulator {
    /// Starts the emulator. Its files go into `folder`, its log, which holds what the functions print, into `logs`.
    pub async fn start(
        tools: &Tools,
        folder: &Path,
        logs: &Path,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        progress.step("starting the AWS emulator");
        let port = port::free()?;
        let log = logs.join("emulator.log");
        let temporary = folder.join("emulator");
        std::fs::create_dir_all(&temporary)?;
        let path = Env::from_process().optional("PATH").unwrap_or_default();
        let process = Program::new("the AWS emulator", tools.program(Toolset::Emulator, "ministack"))
            // Functions inherit the emulator's environment, so it holds nothing that Lambda would not set.
            .clean_environment()
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", &temporary)
            .env("TMPDIR", &temporary)
            .env("STATE_DIR", temporary.join("state"))
            .env("S3_DATA_DIR", temporary.join("s3"))
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("MINISTACK_REGION", REGION)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_ENDPOINT_URL", endpoint(port))
            .env("LAMBDA_EXECUTOR", "local")
            // Lambda sets this from the template's ApplicationLogLevel, which the emulator does not know.
            .env("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
            .env("SERVICES", SERVICES)
            // These would listen on ports of their own.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .directory(&temporary)
            .stop_with(StopSignal::Terminate, Duration::from_secs(3))
            .log(&log)
            .spawn(tools.python())?;
        let mut emulator = Self { process, port, log };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            emulator.process.expect_running()?;
            if begun.elapsed() > Duration::from_mins(1) {
                bail!("the AWS emulator does not answer; see {}", emulator.log.display());
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        Ok(emulator)
    }

    /// The address that stands for AWS.
    #[must_use]
    pub fn endpoint(&self) -> String {
        endpoint(self.port)
    }

    /// What a program of AWS's needs to talk to the emulator, and what keeps it away from the person's own account.
    #[must_use]
    pub fn environment(&self, folder: &Path) -> [(&'static str, String); 8] {
        let nowhere = folder.join("no-aws-configuration").display().to_string();
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_CONFIG_FILE", nowhere.clone()),
            ("AWS_SHARED_CREDENTIALS_FILE", nowhere),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// The configuration of our own clients.
    pub fn sdk(&self) -> anyhow::Result<SdkConfig> {
        sdk(&self.endpoint(), Patience::BEHIND_A_QUEUE)
    }

    /// What a request carries that no SDK makes. The emulator finds the account and the service in it and does not
    /// check the signature.
    #[must_use]
    pub fn authorization(&self, service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    }

    /// The emulator's log.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The `bootstrap` processes that serve a function now. Needs `/proc`, so it is empty elsewhere than on Linux.
    #[must_use]
    pub fn processes_of(&self, function: &str) -> Vec<Pid> {
        let ours = format!("AWS_ENDPOINT_URL={}", self.endpoint());
        let name = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(Result::ok)
            .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
            .filter(|(_, path)| {
                std::fs::read(path.join("environ")).is_ok_and(|environment| {
                    let has = |wanted: &str| {
                        environment
                            .split(|byte| *byte == 0)
                            .any(|pair| pair == wanted.as_bytes())
                    };
                    has(&ours) && has(&name)
                })
            })
            .map(|(pid, _)| Pid::from_raw(pid))
            .collect()
    }
}

/// The configuration of clients of whoever plays AWS at this address.
///
/// # Errors
/// When no TLS can be set up.
pub fn sdk(endpoint: &str, patience: Patience) -> anyhow::Result<SdkConfig> {
    let mut env = Env::from_pairs([
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", endpoint),
    ]);
    aws::config(&mut env, patience).context("no client of the emulator can be made")
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
