//! `cargo xtask github-app`: registers the GitHub App of a deployment.
//!
//! A page on this machine hands the manifest to GitHub, where somebody agrees to it; GitHub sends their browser back here
//! with a code, which is worth the App's secrets, once. They go into two files that only this person can read, and from
//! there into the deployment's secrets: nothing of them is printed.
//! Source: <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use ::tests::local::{Progress, local_folder, repository};
use anyhow::{Context as _, bail, ensure};
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::Html,
    routing::get,
};
use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::http::{
    client::{Call, HttpClient},
    fake::{ANY_PORT, Server},
};
use tokio::sync::mpsc;

use crate::output::say;

/// What is asked for on the command line.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// The address of the deployed API: the output `HttpApiUrl` of the stack.
    #[arg(long)]
    url: String,
    /// The address of your web client, where it takes people back from GitHub.
    #[arg(long)]
    console: Option<String>,
    /// Where GitHub sends people after they have installed the App, if not to the addresses that it calls back.
    #[arg(long, value_name = "URL")]
    setup: Option<String>,
    /// The organization at GitHub that the App is to belong to; without it, you.
    #[arg(long, value_name = "LOGIN")]
    organization: Option<String>,
    /// What the App is called; no two at GitHub have the same name.
    #[arg(long, default_value = "InfraGPT")]
    name: String,
    /// Address of GitHub's pages.
    #[arg(long, value_name = "URL", default_value = "https://github.com")]
    github: String,
    /// Address of GitHub's API.
    #[arg(long, value_name = "URL", default_value = "https://api.github.com")]
    github_api: String,
}

/// An App, as GitHub describes it once.
#[derive(Deserialize)]
struct Registered {
    id: i64,
    slug: String,
    client_id: String,
    client_secret: SecretString,
    webhook_secret: SecretString,
    pem: SecretString,
}

/// How a browser comes back.
#[derive(Deserialize)]
struct Back {
    code: Option<String>,
    state: Option<String>,
}

/// What the page needs.
struct Page {
    html: String,
    state: String,
    codes: mpsc::Sender<String>,
}

pub(crate) async fn run(wanted: &Wanted, progress: &Progress) -> anyhow::Result<()> {
    let manifest = read_manifest()?;
    let mut flow = Flow::start(wanted, &manifest).await?;
    say(&format!(
        "Open {} in your browser, and register the App.",
        flow.url()
    ));
    let registered = flow.finish(&wanted.github_api).await?;
    progress.step("GitHub has registered the App");
    let files = keep(&registered, &local_folder())?;
    say(&instructions(&files));
    Ok(())
}

fn read_manifest() -> anyhow::Result<String> {
    let path = repository().join("functions/github-webhook/manifest.json");
    fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

/// A registration that has been begun.
struct Flow {
    server: Server,
    codes: mpsc::Receiver<String>,
}

impl Flow {
    async fn start(wanted: &Wanted, manifest: &str) -> anyhow::Result<Self> {
        // The port is known only when it is served, and stands in the manifest: so the page comes after the server.
        let page = Arc::new(std::sync::OnceLock::new());
        let router = Router::new()
            .route("/", get(show))
            .route("/registered", get(come_back))
            .with_state(Arc::clone(&page));
        let server = Server::start(ANY_PORT, router).await?;
        let manifest = fill(
            manifest,
            wanted,
            &format!("http://{}/registered", server.address()),
        )?;
        let state = ::tests::local::secret()?;
        let (sender, codes) = mpsc::channel(1);
        let html = form(wanted, &manifest, &state);
        let is_first = page
            .set(Page {
                html,
                state,
                codes: sender,
            })
            .is_ok();
        ensure!(is_first, "the page is there already");
        Ok(Self { server, codes })
    }

    fn url(&self) -> String {
        format!("http://{}/", self.server.address())
    }

    /// Waits until the browser comes back, and asks GitHub what the code is worth.
    async fn finish(&mut self, github_api: &str) -> anyhow::Result<Registered> {
        let code = self.codes.recv().await.context("the page has gone away")?;
        let api = HttpClient::new(github_api).context("GitHub's API has another address")?;
        let answer = api
            .send(Call::post(format!("/app-manifests/{code}/conversions")))
            .await
            .context("GitHub does not answer")?;
        match answer.status {
            StatusCode::CREATED => Ok(answer.json().context("GitHub describes no App")?),
            StatusCode::NOT_FOUND => {
                bail!("GitHub does not know the code; it works once and for an hour: begin again")
            }
            status => bail!("GitHub answered {status}"),
        }
    }
}

async fn show(State(page): State<Arc<std::sync::OnceLock<Page>>>) -> Result<Html<String>, StatusCode> {
    let page = page.get().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(Html(page.html.clone()))
}

async fn come_back(
    State(page): State<Arc<std::sync::OnceLock<Page>>>,
    Query(back): Query<Back>,
) -> Result<Html<&'static str>, (StatusCode, &'static str)> {
    const NOT_OURS: (StatusCode, &str) = (StatusCode::FORBIDDEN, "This was not begun here.");
    let page = page.get().ok_or(NOT_OURS)?;
    // Any page that this browser shows can send it here.
    if back.state.as_deref() != Some(page.state.as_str()) {
        return Err(NOT_OURS);
    }
    let code = back.code.filter(|code| is_code(code)).ok_or(NOT_OURS)?;
    page.codes
        .try_send(code)
        .map_err(|_| (StatusCode::CONFLICT, "The App is registered already."))?;
    Ok(Html("The App is registered. Go on in the terminal."))
}

/// It becomes part of a path.
fn is_code(code: &str) -> bool {
    (1..=200).contains(&code.len())
        && code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// The manifest with the addresses filled in; what is about a web client goes where there is none.
fn fill(manifest: &str, wanted: &Wanted, redirect: &str) -> anyhow::Result<String> {
    let url = wanted
        .url
        .trim_end_matches('/')
        .trim_end_matches("/webhooks/github");
    check(url)?;
    let mut filled = manifest.replace("${URL}", url);
    if let Some(console) = &wanted.console {
        let console = console.trim_end_matches('/');
        check(console)?;
        filled = filled.replace("${CONSOLE}", console);
    }
    let mut filled: Value = serde_json::from_str(&filled).context("the manifest is no JSON")?;
    if let Some(callbacks) = filled["callback_urls"].as_array_mut() {
        callbacks.retain(|callback| !callback.as_str().is_some_and(|url| url.contains("${CONSOLE}")));
    }
    if let Some(setup) = &wanted.setup {
        check(setup)?;
        filled["setup_url"] = json!(setup);
    }
    filled["name"] = json!(wanted.name);
    filled["redirect_url"] = json!(redirect);
    Ok(filled.to_string())
}

fn check(url: &str) -> anyhow::Result<()> {
    let host = url.strip_prefix("https://").unwrap_or_default();
    ensure!(
        !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '#' | '\\')),
        "GitHub takes https addresses, such as https://abc123.execute-api.eu-central-1.amazonaws.com; not {url}"
    );
    Ok(())
}

/// A page that posts the manifest to GitHub when somebody presses its button.
fn form(wanted: &Wanted, manifest: &str, state: &str) -> String {
    let github = wanted.github.trim_end_matches('/');
    let path = match &wanted.organization {
        Some(login) => format!("/organizations/{login}/settings/apps/new"),
        None => "/settings/apps/new".to_owned(),
    };
    format!(
        "<!doctype html><title>InfraGPT's GitHub App</title>\n\
         <form action=\"{}\" method=\"post\">\n\
         <input type=\"hidden\" name=\"manifest\" value=\"{}\">\n\
         <button>Register the App at GitHub</button></form>\n",
        escape(&format!("{github}{path}?state={state}")),
        escape(manifest),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The two files, and the outputs of the stack that say where they belong.
type Files = [(&'static str, PathBuf); 2];

/// Keeps the App's secrets where only this person can read them: those that the two secrets of a deployment hold.
fn keep(registered: &Registered, folder: &Path) -> anyhow::Result<Files> {
    let webhook = json!({ "signing_secret": registered.webhook_secret.expose_secret() });
    let app = json!({
        "app_id": registered.id.to_string(),
        "slug": registered.slug,
        "client_id": registered.client_id,
        "client_secret": registered.client_secret.expose_secret(),
        "private_key": registered.pem.expose_secret(),
    });
    fs::create_dir_all(folder)?;
    let write = |name: &str, content: &Value| -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        // What is there may be readable by others.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        file.write_all(content.to_string().as_bytes())?;
        Ok(path)
    };
    Ok([
        ("GitHubSecretArn", write("github-secret.json", &webhook)?),
        ("GitHubAppSecretArn", write("github-app-secret.json", &app)?),
    ])
}

fn instructions(files: &Files) -> String {
    let commands = files.iter().map(|(output, path)| {
        format!(
            "aws secretsmanager put-secret-value --secret-id <{output}> --secret-string file://{path}\n",
            path = path.display()
        )
    });
    let paths: Vec<_> = files.iter().map(|(_, path)| path.display().to_string()).collect();
    format!(
        "Put its secrets where the stack's outputs say, and remove the files:\n\n{}rm {}",
        commands.collect::<String>(),
        paths.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

    use shared::{
        connector::github::{PERMISSIONS, fake::FakeGitHub},
        task::GitHubActivityEvent,
    };

    use super::*;

    fn wanted(github: &str) -> Wanted {
        Wanted {
            url: "https://x.example/".to_owned(),
            console: Some("https://app.example".to_owned()),
            setup: None,
            organization: Some("octo-org".to_owned()),
            name: "InfraGPT of \"Acme\" & <sons>".to_owned(),
            github: github.to_owned(),
            github_api: github.to_owned(),
        }
    }

    fn filled(wanted: &Wanted) -> anyhow::Result<Value> {
        let manifest = read_manifest()?;
        Ok(serde_json::from_str(&fill(
            &manifest,
            wanted,
            "http://127.0.0.1:1/registered",
        )?)?)
    }

    #[test]
    fn the_manifest_asks_for_what_the_code_uses_and_for_nothing_else() {
        let manifest = filled(&wanted("https://github.com")).expect("a manifest");
        let permissions: BTreeMap<_, _> = PERMISSIONS.iter().copied().collect();
        assert_eq!(manifest["default_permissions"], json!(permissions));
        // Those of an installation itself are sent unasked.
        let mut events: Vec<_> = GitHubActivityEvent::ALL.map(GitHubActivityEvent::as_str).into();
        events.push("repository");
        events.sort_unstable();
        assert_eq!(manifest["default_events"], json!(events));
        assert_eq!(
            manifest["hook_attributes"]["url"],
            "https://x.example/webhooks/github"
        );
        assert_eq!(manifest["request_oauth_on_install"], true);
        assert_eq!(manifest["setup_on_update"], true);
    }

    #[test]
    fn addresses_are_filled_in_however_they_were_copied_and_without_a_web_client_there_is_none() {
        let mut wanted = wanted("https://github.com");
        for url in [
            "https://x.example",
            "https://x.example/",
            "https://x.example/webhooks/github",
        ] {
            url.clone_into(&mut wanted.url);
            let manifest = filled(&wanted).expect("a manifest");
            assert_eq!(manifest["url"], "https://x.example", "{url}");
            assert_eq!(
                manifest["callback_urls"],
                json!([
                    "https://x.example/integrations/github/callback",
                    "https://app.example/integrations/github/authorize"
                ])
            );
        }
        wanted.console = None;
        wanted.setup = Some("https://x.example/setup".to_owned());
        let manifest = filled(&wanted).expect("a manifest");
        assert_eq!(
            manifest["callback_urls"],
            json!(["https://x.example/integrations/github/callback"])
        );
        assert_eq!(manifest["setup_url"], "https://x.example/setup");
        for url in [
            "http://x.example",
            "x.example",
            "https://",
            "https://a b",
            "https://a\"b",
        ] {
            url.clone_into(&mut wanted.url);
            assert!(filled(&wanted).is_err(), "{url}");
        }
    }

    /// What stands between two texts of a page, as a browser reads it.
    fn between(page: &str, before: &str, after: &str) -> String {
        let (_, rest) = page.split_once(before).expect("it is there");
        let (found, _) = rest.split_once(after).expect("it ends");
        found
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    }

    #[tokio::test]
    async fn somebody_registers_the_app_and_its_secrets_are_kept_for_them_alone() {
        let fake = FakeGitHub::start(None).await.expect("a GitHub");
        let github = fake.url();
        let mut flow = Flow::start(&wanted(&github), &read_manifest().expect("it"))
            .await
            .expect("a page");
        let here = HttpClient::new(&flow.url()).expect("an address");
        let there = HttpClient::new(&github).expect("an address");

        // The browser opens the page and presses its button.
        let page = here.get("/", None).await.expect("a page");
        let page = String::from_utf8(page.body.to_vec()).expect("text");
        let action = between(&page, "action=\"", "\"");
        let manifest = between(&page, "value=\"", "\"");
        let path = action.strip_prefix(&github).expect("GitHub's");
        assert!(
            path.starts_with("/organizations/octo-org/settings/apps/new?state="),
            "{path}"
        );
        let call = Call::post(path).form(&[("manifest", manifest.as_str())]);
        let answer = there.send(call).await.expect("an answer");
        assert_eq!(answer.status, StatusCode::FOUND);
        let location = answer.headers["location"].to_str().expect("text").to_owned();
        let back = location
            .strip_prefix(flow.url().trim_end_matches('/'))
            .expect("it leads here");

        // Somebody else's page sends the browser here with a code of its own.
        for forged in [
            "/registered?code=theirs".to_owned(),
            "/registered?code=theirs&state=x".to_owned(),
            "/registered".to_owned(),
            back.replace("code=", "code=..%2F"),
        ] {
            let answer = here.get(&forged, None).await.expect("an answer");
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{forged}");
        }
        assert_eq!(
            here.get(back, None).await.expect("an answer").status,
            StatusCode::OK
        );

        let registered = flow.finish(&github).await.expect("an App");
        let folder = tempfile::tempdir().expect("a folder");
        let stale = folder.path().join("github-secret.json");
        fs::write(&stale, "old").expect("it is written");
        let files = keep(&registered, folder.path()).expect("they are kept");
        for (_, path) in &files {
            let mode = fs::metadata(path).expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
        let [webhook, app] = files
            .each_ref()
            .map(|(_, path)| fs::read_to_string(path).expect("a file"));
        let webhook: Value = serde_json::from_str(&webhook).expect("JSON");
        assert_eq!(webhook, json!({ "signing_secret": "webhook-hunter2" }));
        let app: Value = serde_json::from_str(&app).expect("JSON");
        assert_eq!(app["app_id"], "4711");
        assert_eq!(app["client_secret"], "client-hunter2");
        assert!(
            app["private_key"]
                .as_str()
                .expect("a key")
                .contains("PRIVATE KEY")
        );
        let said = instructions(&files);
        assert!(
            said.contains("<GitHubSecretArn>") && said.contains("<GitHubAppSecretArn>"),
            "{said}"
        );
        assert!(!said.contains("hunter2"), "{said}");

        // A code works once.
        here.get(back, None).await.expect("an answer");
        let error = flow.finish(&github).await.err().expect("it is used up");
        assert!(error.to_string().contains("begin again"), "{error}");
    }
}
