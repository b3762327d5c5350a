//! `cargo xtask reencrypt`: what the function `reencryptor` does to a deployment, done to the running stack.

use std::sync::Arc;

use ::tests::local::{ENVIRONMENT, Progress, local_folder, sdk};
use anyhow::{Context as _, ensure};
use shared::{
    aws::Patience,
    clock::{SharedClock, SystemClock, Timestamp},
    db::Access,
    id::Ids,
    integration::reencrypt::{Outcome, Reencryptor},
    secret::{kms::Kms, manager::SecretStore, vault::Vault},
    telemetry::Metrics,
};

use crate::up;

pub(crate) async fn run(from: &str, to: &str, progress: &Progress) -> anyhow::Result<()> {
    let places = up::places(&local_folder())?;
    let aws = sdk(&places.endpoint, Patience::BEHIND_A_QUEUE)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let keys = Kms::new(&aws, to).and_then(|kms| kms.with_previous(Some(from)))?;
    let db = Access::in_secret(SecretStore::new(&aws), places.application_secret, 1);
    let vault = Vault::new(Arc::new(keys), ENVIRONMENT, Arc::clone(&clock));
    // Metrics are for CloudWatch.
    let metrics = Metrics::to(
        ENVIRONMENT,
        "xtask",
        Arc::clone(&clock),
        Arc::new(std::sync::Mutex::new(std::io::sink())),
    );
    let reencryptor = Reencryptor {
        db: &db,
        vault: &vault,
        key_id: to,
        clock: &*clock,
        ids: &Ids::random(),
        metrics: &metrics,
        actor: "xtask",
        request_id: None,
    };
    let report = reencryptor
        .run(Timestamp::MAX_UTC)
        .await
        .context("not all credentials are moved; what was moved stays moved")?;
    ensure!(
        report.outcome != Outcome::Busy,
        "another run is at it, or died less than a minute ago"
    );
    progress.step(&format!(
        "{} moved, {} replaced meanwhile, {} do not open, {} remain under another key",
        report.moved,
        report.overtaken,
        report.unopened.len(),
        report.remaining
    ));
    for integration in report.unopened {
        progress.step(&format!(
            "{integration} does not open: whoever connects again replaces it"
        ));
    }
    Ok(())
}
