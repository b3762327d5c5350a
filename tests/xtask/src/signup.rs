//! The second act of `cargo xtask demo`: somebody signs up, and is known before Clerk has told of it.

use std::time::{Duration, Instant};

use ::tests::{
    client::Answer,
    local::Progress,
    people::{Named, Person},
};
use anyhow::bail;
use serde_json::{Value, json};

use crate::{output::say, world::World};

const GRACE: Named<'_> = Named {
    first_name: "Grace",
    last_name: "Hopper",
    email: "grace@hopper-labs.example",
};
const ORGANIZATION: &str = "Hopper Labs";
const SLUG: &str = "hopper-labs";

/// What the demo shows of a profile.
const PROFILE: [&str; 4] = ["name", "slug", "role", "metadata"];
/// What the demo shows of an entry of the record.
const ENTRY: [&str; 4] = ["at", "actor", "action", "outcome"];

/// How long the webhooks may take until they are applied; the first one starts two functions.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait before asking again. Nobody tells the web client when something is applied, and it may ask 120
/// times a minute.
const ASK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) async fn run(world: &World, progress: &Progress) -> anyhow::Result<()> {
    progress.step("Grace signs up and founds Hopper Labs at Clerk");
    let clerk = world.clerk.now();
    // What Clerk tells of Ada is another story.
    drop(clerk.drain());
    let grace = Person::founder(clerk, GRACE, ORGANIZATION, SLUG);
    let told = clerk.drain();

    say("\nGrace opens InfraGPT before any webhook has come: what her session token says is enough.\n");
    let me = json!({ "clerk_user_id": grace.id, "clerk_org_id": grace.organization });
    let answer = world.ask(&grace, "/identity/me/", &me).await?;
    line("POST /identity/me/ (cold)", &answer);
    let profile = answer.json()?;
    show(&profile, &PROFILE);

    progress.step("Clerk sends its webhooks");
    say("\nClerk tells of it in webhooks, each of them signed:\n");
    let begun = Instant::now();
    for (number, event) in told.iter().enumerate() {
        let answer = world.tell(event).await?;
        let cold = if number == 0 { " (cold)" } else { "" };
        line(&format!("POST /webhooks/clerk   {}{cold}", event.kind), &answer);
    }
    let profile = named(world, &grace, &me).await?;
    say(&format!(
        "  {:<58}{:>9} ms",
        "event-processor has applied it, after the first was sent",
        begun.elapsed().as_millis()
    ));
    show(&profile, &["name", "slug"]);

    progress.step("Grace tells what Hopper Labs needs InfraGPT for");
    say("\nGrace fills in the form that the web client shows after signing up:\n");
    let form = json!({
        "organization_id": profile["organization_id"],
        "company_size": "startup",
        "team_size": "1-5",
        "use_cases": ["incident_response", "cost_optimization"],
        "observability_stack": ["prometheus_grafana", "pagerduty"],
    });
    let answer = world
        .ask(&grace, "/identity/organization/set-metadata/", &form)
        .await?;
    line("POST /identity/organization/set-metadata/", &answer);
    say(&format!("    {}", answer.body));
    let answer = world.ask(&grace, "/identity/me/", &me).await?;
    line("POST /identity/me/", &answer);
    show(&answer.json()?, &["name", "metadata"]);

    progress.step("Grace reads the record of who did what");
    say("\nGrace is an admin, so she may read who did what in Hopper Labs, newest first:\n");
    let answer = world.ask(&grace, "/identity/audit/", &json!({})).await?;
    line("POST /identity/audit/", &answer);
    let record = answer.json()?;
    for entry in record["events"].as_array().into_iter().flatten() {
        let fields = ENTRY.map(|name| format!("\"{name}\": {}", entry[name]));
        say(&format!("    {{{}}}", fields.join(", ")));
    }
    Ok(())
}

/// Waits until the organization has the name that a webhook brings.
async fn named(world: &World, person: &Person, me: &Value) -> anyhow::Result<Value> {
    let begun = Instant::now();
    loop {
        let profile = world.ask(person, "/identity/me/", me).await?.json()?;
        if profile["name"] == ORGANIZATION {
            return Ok(profile);
        }
        if begun.elapsed() > PATIENCE {
            bail!(
                "the webhooks are not applied after {} s; the logs are in {}",
                PATIENCE.as_secs(),
                world.logs().display()
            );
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// A request, its status, and the time until it was answered.
fn line(request: &str, answer: &Answer) {
    say(&format!(
        "  {request:<58}{:>4}{:>5} ms",
        answer.status.as_str(),
        answer.took.as_millis()
    ));
}

/// Some fields of an answer, each on its line.
fn show(answer: &Value, names: &[&str]) {
    say("    {");
    for (number, name) in names.iter().enumerate() {
        let comma = if number + 1 < names.len() { "," } else { "" };
        let text = pretty(&answer[*name], "      ");
        say(&format!("      \"{name}\": {text}{comma}"));
    }
    say("    }");
}

/// JSON with each field on its line and each list on one.
fn pretty(value: &Value, indent: &str) -> String {
    let Value::Object(fields) = value else {
        return value.to_string();
    };
    let lines: Vec<_> = fields
        .iter()
        .map(|(name, value)| {
            format!(
                "\n{indent}  \"{name}\": {}",
                pretty(value, &format!("{indent}  "))
            )
        })
        .collect();
    format!("{{{}\n{indent}}}", lines.join(","))
}
