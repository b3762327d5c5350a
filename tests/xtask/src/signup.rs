//! The second act of `cargo xtask demo`: somebody signs up, and is known before Clerk has told of it.

use std::time::Instant;

use ::tests::{
    local::Progress,
    people::{Named, Person},
};
use serde_json::json;

use crate::{
    output::{fields, request, say, show},
    world::World,
};

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

/// Answers who signed up.
pub(crate) async fn run(world: &World, progress: &Progress) -> anyhow::Result<Person> {
    progress.step("Grace signs up and founds Hopper Labs at Clerk");
    let clerk = world.clerk.now();
    // What Clerk tells of Ada is another story.
    drop(clerk.drain());
    let grace = Person::founder(clerk, GRACE, ORGANIZATION, SLUG);
    let told = clerk.drain();

    say("\nGrace opens InfraGPT before any webhook has come: what her session token says is enough.\n");
    let me = json!({ "clerk_user_id": grace.id, "clerk_org_id": grace.organization });
    let answer = world.ask(&grace, "/identity/me/", &me).await?;
    request("POST /identity/me/ (cold)", &answer);
    let profile = answer.json()?;
    show(&profile, &PROFILE);

    progress.step("Clerk sends its webhooks");
    say("\nClerk tells of it in webhooks, each of them signed:\n");
    let begun = Instant::now();
    for (number, event) in told.iter().enumerate() {
        let answer = world.tell(event).await?;
        let cold = if number == 0 { " (cold)" } else { "" };
        request(&format!("POST /webhooks/clerk   {}{cold}", event.kind), &answer);
    }
    let asked = (&grace, "/identity/me/", &me);
    let (_, profile) = world
        .ask_until(asked, "the webhooks are not applied", |profile| {
            (profile["name"] == ORGANIZATION).then(|| profile.clone())
        })
        .await?;
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
    request("POST /identity/organization/set-metadata/", &answer);
    say(&format!("    {}", answer.body));
    let answer = world.ask(&grace, "/identity/me/", &me).await?;
    request("POST /identity/me/", &answer);
    show(&answer.json()?, &["name", "metadata"]);

    progress.step("Grace reads the record of who did what");
    say("\nGrace is an admin, so she may read who did what in Hopper Labs, newest first:\n");
    let answer = world.ask(&grace, "/identity/audit/", &json!({})).await?;
    request("POST /identity/audit/", &answer);
    let record = answer.json()?;
    for entry in record["events"].as_array().into_iter().flatten() {
        say(&format!("    {}", fields(entry, &ENTRY)));
    }
    Ok(grace)
}
