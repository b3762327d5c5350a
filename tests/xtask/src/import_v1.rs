//! `cargo xtask import-v1`: takes over connections of the existing InfraGPT.
//!
//! Run where both databases, KMS and the third parties can be reached, with an operator's rights:
//! `kms:GenerateDataKey` on the credentials' key and `secretsmanager:GetSecretValue` on the secrets that are named.

use std::{fs, io::Read as _, path::Path, sync::Arc};

use ::tests::local::Progress;
use anyhow::{Context as _, bail, ensure};
use shared::{
    aws::{self, Patience},
    clock::{SharedClock, SystemClock},
    config::Env,
    connector::{ConnectorKind, Connectors, contract::Parts},
    db::{Access, Db},
    id::Ids,
    integration::import::{Importer, Mode, Setting, Trust, source},
    secret::{
        kms::Kms,
        manager::SecretStore,
        v1::{PublicSalt, V1Key},
        vault::Vault,
    },
};
use zeroize::Zeroizing;

/// What the operator said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) mode: Mode,
    pub(crate) public_salt: PublicSalt,
    pub(crate) trust: Trust,
}

pub(crate) async fn run(from: &str, asked: Asked, progress: &Progress) -> anyhow::Result<()> {
    let mut env = Env::from_process();
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

    let setting: Setting = if from.starts_with("arn:") {
        secrets.json(from).await?
    } else {
        read(from)?
    };
    let v1 = V1Key::of_salt(setting.salt.as_ref(), asked.public_salt)?;
    if asked.public_salt == PublicSalt::Used {
        progress.step(
            "the salt is the one that everybody knows: have whatever is taken over replaced at the third parties, and \
             connect again",
        );
    }
    let old = Db::new(&setting.database, 1).context("the existing system's database")?;
    let all = source::read(&old).await?;
    let vault = Vault::new(Arc::new(Kms::new(&aws, &key)?), &environment, Arc::clone(&clock));
    let importer = Importer {
        key: &v1,
        mode: asked.mode,
        trust: asked.trust,
        db: &Access::in_secret(secrets, database, 1),
        vault: &vault,
        connectors: &connectors,
        clock: &*clock,
        ids: &Ids::random(),
    };
    let mut away = 0_usize;
    let report = importer
        .run(&all, |stored, outcome| {
            away += usize::from(outcome.is_outage());
            let kind = stored.connector_type.parse::<ConnectorKind>();
            let kind = kind.map_or("?", ConnectorKind::as_str);
            progress.step(&format!("{} ({kind}): {outcome}", stored.id));
        })
        .await
        .context("it stopped; what was taken over stays, and the same may be run again")?;
    let counted: Vec<_> = report
        .iter()
        .map(|(outcome, count)| format!("{count} {outcome}"))
        .collect();
    progress.step(&format!("{} connections: {}", all.len(), counted.join(", ")));
    if asked.mode == Mode::Rehearsal {
        progress.step("nothing was written; `--write` does it");
    }
    ensure!(
        away == 0,
        "the third parties of {away} connections do not answer; run it again later"
    );
    Ok(())
}

/// The setting, from a file or, for `-`, from standard input.
fn read(from: &str) -> anyhow::Result<Setting> {
    let mut text = Zeroizing::new(String::new());
    if from == "-" {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        fs::File::open(Path::new(from))
            .and_then(|mut file| file.read_to_string(&mut text))
            .context("the file that `--from` names cannot be read")?;
    }
    // The parser's own words may quote what it saw.
    let Ok(setting) = serde_json::from_str(&text) else {
        bail!(
            "what was given is not JSON with `database` (username, password, host, dbname and what else a database's \
             secret has) and `salt`"
        );
    };
    Ok(setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_read_from_a_file_and_what_is_wrong_with_it_is_told_without_repeating_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("existing.json");
        let read_as = |text: &str| {
            fs::write(&path, text).expect("written");
            read(path.to_str().expect("text"))
        };
        let whole = r#"{"database": {"username": "reader", "password": "hunter2", "host": "db", "dbname": "infragpt"},
                        "salt": "hunter2"}"#;
        let setting = read_as(whole).expect("it is whole");
        assert!(setting.salt.is_some());
        assert!(!format!("{setting:?}").contains("hunter2"));
        for text in [
            "hunter2",
            r#"{"salt": "hunter2"}"#,
            r#"{"database": "postgres://reader:hunter2@db/infragpt"}"#,
        ] {
            let error = read_as(text).expect_err("it is not");
            assert!(!format!("{error:#} {error:?}").contains("hunter2"), "{error:#}");
        }
        // Somebody may take the salt itself for what is asked for.
        let error = read("hunter2").expect_err("there is no such file");
        assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
    }
}
