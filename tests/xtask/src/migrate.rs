//! `cargo xtask migrate`: what a deployment does to the database, done to that of the running stack.

use ::tests::local::{Progress, local_folder, sdk};
use anyhow::Context as _;
use migrator::run::{Settings, run as bring_up_to_date};
use shared::{aws::Patience, secret::manager::SecretStore};

use crate::up;

pub(crate) async fn run(progress: &Progress) -> anyhow::Result<()> {
    let places = up::places(&local_folder())?;
    let settings = Settings {
        application_secret: places.application_secret,
        admin_secret: places.admin_secret,
        host: None,
        port: None,
        dbname: None,
    };
    let report = bring_up_to_date(
        &settings,
        &SecretStore::new(&sdk(&places.endpoint, Patience::BEHIND_A_QUEUE)?),
    )
    .await
    .context("the migrations cannot be applied")?;
    progress.step(&match report.applied {
        0 => format!("the schema has version {} already", report.version),
        1 => format!("one migration applied; the schema has version {}", report.version),
        count => format!(
            "{count} migrations applied; the schema has version {}",
            report.version
        ),
    });
    Ok(())
}
