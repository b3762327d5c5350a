//! `cargo xtask import-v1`: takes over connections of the system before this one.
//!
//! Run where the deployment's database and KMS can be reached, with an operator's rights: `kms:GenerateDataKey` on the
//! credentials' key and `secretsmanager:GetSecretValue` on two secrets.

use std::{fs, io::Read as _, path::Path, sync::Arc};

use ::tests::local::Progress;
use anyhow::{Context as _, bail};
use secrecy::SecretString;
use serde::Deserialize;
use shared::{
    aws::{self, Patience},
    clock::{SharedClock, SystemClock},
    config::Env,
    connector::{Connectors, contract::Parts},
    db::Access,
    id::Ids,
    integration::import::{Exported, Importer, Outcome, Trust},
    secret::{kms::Kms, manager::SecretStore, v1::V1Key, vault::Vault},
};
use zeroize::Zeroizing;

/// The secret with what the old system's key was made of.
#[derive(Deserialize)]
struct Salt {
    salt: SecretString,
}

pub(crate) async fn run(export: &Path, trust: Trust, progress: &Progress) -> anyhow::Result<()> {
    let mut env = Env::from_process();
    let Some(salt) = env.optional("ENCRYPTION_SALT_SECRET_ARN") else {
        bail!(
            "ENCRYPTION_SALT_SECRET_ARN names no secret: without the old system's salt its credentials are not read"
        );
    };
    let environment = env.required("ENVIRONMENT");
    let database = env.required("DATABASE_SECRET_ARN");
    let key = env.required("CREDENTIALS_KEY_ARN");
    let aws = aws::config(&mut env, Patience::BEHIND_A_QUEUE)?;
    let clock: SharedClock = Arc::new(SystemClock);
    let secrets = SecretStore::new(&aws);
    let parts = Parts {
        clock: Arc::clone(&clock),
        secrets: secrets.clone(),
        aws: aws.clone(),
    };
    let connectors = Connectors::from_env(&mut env, &parts)?;
    env.finish()?;

    let salt: Salt = secrets.json(&salt).await?;
    let v1 = V1Key::of_salt(&salt.salt)?;
    let all = read(export)?;
    let vault = Vault::new(Arc::new(Kms::new(&aws, &key)?), &environment, Arc::clone(&clock));
    let importer = Importer {
        key: &v1,
        trust,
        db: &Access::in_secret(secrets, database, 1),
        vault: &vault,
        connectors: &connectors,
        clock: &*clock,
        ids: &Ids::random(),
    };
    let mut taken = 0;
    for exported in &all {
        let outcome = importer.import(exported).await.with_context(|| {
            format!(
                "{} of {} cannot be taken over; run it again, what was taken over stays",
                exported.connector_type, exported.clerk_org_id
            )
        })?;
        taken += usize::from(matches!(outcome, Outcome::TakenOver(_)));
        progress.step(&format!(
            "{} of {}: {outcome}",
            exported.connector_type, exported.clerk_org_id
        ));
    }
    progress.step(&format!("{taken} of {} taken over", all.len()));
    Ok(())
}

/// The export: a JSON array, from a file or, for `-`, from standard input.
fn read(export: &Path) -> anyhow::Result<Vec<Exported>> {
    let mut text = Zeroizing::new(String::new());
    if export == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        fs::File::open(export)
            .and_then(|mut file| file.read_to_string(&mut text))
            .with_context(|| format!("{} cannot be read", export.display()))?;
    }
    // The parser's own words may quote what it saw.
    serde_json::from_str(&text).map_err(|error| {
        anyhow::anyhow!(
            "the export is not a JSON array of connections: line {}, column {}",
            error.line(),
            error.column()
        )
    })
}
