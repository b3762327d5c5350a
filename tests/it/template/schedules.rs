//! The clock: what is done by it, how often, and what happens when it fails.

use std::collections::BTreeMap;

use scheduler::Job;
use serde_json::{Value, json};

use super::{Complaints, functions, passes, stops};

/// What the scheduler knows how to do; every other job it refuses.
fn jobs() -> Vec<&'static str> {
    Job::ALL.into_iter().map(Job::as_str).collect()
}

/// The jobs that ask Clerk, and are not done before there is an instance to ask.
const WITH_CLERK: [&str; 1] = ["reconcile_identity"];

/// The seconds between two ticks of `rate(15 minutes)`.
/// Source: "Rate expressions" in the Amazon `EventBridge` user guide.
fn period(schedule: &str) -> Option<u64> {
    let (number, unit) = schedule
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let seconds = match unit.trim_end_matches('s') {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * seconds)
}

/// The job that a tick asks for, when it asks for nothing else.
fn job(input: &Value) -> Option<String> {
    let input: Value = serde_json::from_str(input.as_str()?).ok()?;
    let job = input["job"].as_str()?.to_owned();
    (input == json!({ "job": job })).then_some(job)
}

fn schedules(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    let mut scheduled: BTreeMap<String, usize> = BTreeMap::new();
    let with_clerk = json!({"Fn::If": ["HasClerk", "ENABLED", "DISABLED"]});
    for function in functions(template) {
        let id = function.id;
        let ticks = function.events("Schedule");
        // Without an EventInvokeConfig Lambda tries twice more, while the next tick does the same anyway.
        if !ticks.is_empty() && function.properties["EventInvokeConfig"]["MaximumRetryAttempts"] != 0 {
            complaints.push(format!("{id} is called again when it fails"));
        }
        for tick in ticks {
            let Some(job) = job(&tick["Input"]).filter(|job| jobs().contains(&job.as_str())) else {
                complaints.push(format!(
                    "{id} is asked for what it does not know: {}",
                    tick["Input"]
                ));
                continue;
            };
            match tick["Schedule"].as_str().and_then(period) {
                None => complaints.push(format!("nobody knows when {job} is done")),
                Some(period) if period <= function.timeout() => {
                    complaints.push(format!("{job} may meet itself"));
                }
                Some(_) => {}
            }
            let is_right = if WITH_CLERK.contains(&job.as_str()) {
                tick["State"] == with_clerk
            } else {
                tick["State"].is_null() && tick["Enabled"].is_null()
            };
            if !is_right {
                complaints.push(format!("{job} is not done when it should be"));
            }
            *scheduled.entry(job).or_default() += 1;
        }
    }
    for job in jobs() {
        let times = scheduled.get(job).copied().unwrap_or_default();
        if times != 1 {
            complaints.push(format!("{job} is scheduled {times} times"));
        }
    }
    let nobody = &template["Parameters"]["ClerkInstanceId"]["Default"];
    if template["Conditions"]["HasClerk"]
        != json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "ClerkInstanceId"}, nobody]}]})
    {
        complaints.push("nobody knows whether there is a Clerk instance".to_owned());
    }
    complaints
}

#[test]
fn a_schedule_that_asks_for_nothing_known_or_repeats_itself_is_found() {
    passes(schedules);
    let properties = "/Resources/SchedulerFunction/Properties";
    let reconcile = format!("{properties}/Events/ReconcileIdentity/Properties");
    let expire = format!("{properties}/Events/Expire/Properties");
    for (pointer, value, complaint) in [
        (format!("{reconcile}/Input"), Value::Null, "what it does not know"),
        (
            format!("{reconcile}/Input"),
            json!(r#"{"job":"reconcile"}"#),
            "what it does not know",
        ),
        (
            format!("{expire}/Input"),
            json!(r#"{"job":"expire","at":"once"}"#),
            "what it does not know",
        ),
        (
            format!("{expire}/Input"),
            json!(r#"{"job":"reconcile_identity"}"#),
            "reconcile_identity is scheduled 2 times",
        ),
        (
            format!("{properties}/Events/Expire"),
            Value::Null,
            "expire is scheduled 0 times",
        ),
        (
            format!("{expire}/Schedule"),
            json!("every hour"),
            "nobody knows when expire is done",
        ),
        (
            format!("{reconcile}/Schedule"),
            json!("rate(5 minutes)"),
            "reconcile_identity may meet itself",
        ),
        (
            format!("{reconcile}/State"),
            json!("ENABLED"),
            "reconcile_identity is not done when",
        ),
        (
            format!("{expire}/State"),
            json!("DISABLED"),
            "expire is not done when",
        ),
        (
            format!("{properties}/EventInvokeConfig"),
            Value::Null,
            "SchedulerFunction is called again",
        ),
        (
            format!("{properties}/EventInvokeConfig/MaximumRetryAttempts"),
            json!(2),
            "SchedulerFunction is called again",
        ),
        (
            "/Parameters/ClerkInstanceId/Default".to_owned(),
            json!("ins_1111111111"),
            "whether there is a Clerk instance",
        ),
    ] {
        stops(schedules, &pointer, value, complaint);
    }
}
