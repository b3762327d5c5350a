//! What must be seen nowhere.

use std::collections::HashSet;

use serde_json::{Value, json};
use shared::clock::{Clock as _, SystemClock};
use tests::{agent::Behaviour, local::Installed};

use crate::{
    door::signed,
    logs::{Entry, is_platforms},
    scanner::Scanner,
    world::{MARK, World},
};

/// Looks like what AWS hands out.
const ACCESS_KEY: &str = "AKIAQ7ZLWX3MNB5VTRHC";
const SECRET_KEY: &str = "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";

/// A workspace whose people take our app out again.
const LEAVING: &str = "T0E2E0002";
const LEAVING_TOKEN: &str = "xoxb-9046128375-pWn6DsKqXrHcYv4ZtLbM";

/// What somebody is sent to a third party with, and what they are known by when they come back.
pub(crate) const STATE: &str = "the state of a connection";

/// Where an admin sees what colleagues are called.
const MEMBERS: &str = "/identity/members/";
/// What answers show because it is what they are for.
const SHOWN: [(&str, &[&str]); 4] = [
    (MEMBERS, &["a given name", "a family name", "an e-mail address"]),
    ("/integrations/initiate/", &[STATE]),
    ("/integrations/activity/", &["a message"]),
    ("/integrations/alerts/", &["a message"]),
];

/// An agent that says in its error what it was told, and more. None of it is repeated to anybody.
pub(crate) async fn talkative_agent(world: &World) {
    world.hide("an access key", ACCESS_KEY);
    world.hide("a secret key", SECRET_KEY);
    world.agent.next(Behaviour::Refuse(format!(
        "{MARK}: {ACCESS_KEY} and {SECRET_KEY} are not accepted"
    )));
    let thread = world
        .mention(&format!("use {ACCESS_KEY} with {SECRET_KEY}"))
        .await;
    world.answered(&thread, 1).await;
    let answer = world.messages(&thread).pop().expect("an answer");
    let shown = answer.shown();
    assert!(shown.contains("Reference: "), "{shown}");
    assert!(!shown.contains(MARK), "{shown}");
}

/// Who takes our app out of their workspace is disconnected, and their token is destroyed. Nobody else is: not when the
/// tokens of a workspace are revoked that we do not know, either.
pub(crate) async fn revocation(world: &World) {
    world.hide("the bot token of another workspace", LEAVING_TOKEN);
    let workspace = world.slack.workspace(LEAVING, "Globex", LEAVING_TOKEN);
    let (founder, _) = world.founder("Globex", "globex");
    let installed = Installed {
        organization: &world.clerk.organization(&founder, "Globex"),
        team: LEAVING,
        bot_user: workspace.bot_user_id(),
        token: LEAVING_TOKEN,
    };
    let connected = world.stack.connect_slack(&installed).await;
    let connected = connected.expect("the workspace is connected");

    let deliver = async |id: &str, team: &str, change: Value| {
        let mut event = world
            .events(&world.write("nobody is told of this", None))
            .remove(0);
        event["event_id"] = id.into();
        event["team_id"] = team.into();
        event["authorizations"] = json!([]);
        event["event"] = change;
        // Slack's clock tells seconds, and what came before the workspace was connected ends nothing.
        event["event_time"] = (SystemClock.now().timestamp() + 1).into();
        let body = serde_json::to_vec(&event).expect("JSON");
        let headers = signed(&world.signing_secret.borrow().clone(), &body);
        let answer = world.door.post("/slack/events", &headers, &body).await;
        assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    };
    let said = async |id: &str, message: &str| {
        let delivery = format!("slack:{id}");
        world
            .until_logged("event-processor", |entry| {
                entry.says(message) && entry.field("delivery.id") == Some(&delivery)
            })
            .await;
    };
    let revoked = json!({"type": "tokens_revoked", "tokens": {"bot": ["U0E2EBOT1"]}});
    deliver("Ev0E2EREVOKED", "T0STRANGER", revoked).await;
    said("Ev0E2EREVOKED", "the workspace is not connected").await;
    deliver("Ev0E2EUNINSTALLED", LEAVING, json!({"type": "app_uninstalled"})).await;
    said("Ev0E2EUNINSTALLED", "a connection was ended by Slack").await;

    let superuser = world.superuser().await;
    let rows = superuser
        .query(
            "SELECT i.integration_id = $1, i.status, i.health_reason, count(c.*)
               FROM integrations i LEFT JOIN integration_credentials c USING (integration_id)
              GROUP BY i.integration_id ORDER BY 1",
            &[&connected.integration.uuid()],
        )
        .await
        .expect("the connections");
    let found: Vec<(bool, String, Option<String>, i64)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    let reason = Some("app_uninstalled".to_owned());
    assert_eq!(
        found,
        [
            (false, "active".to_owned(), None, 1),
            (true, "inactive".to_owned(), reason, 0),
        ]
    );
    world.webhooks_come().await;
    let ended = world.record(&founder, "integration.ended").await;
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(ended[0]["actor"], "event-processor");
}

/// All that the run has left: log lines, answers, outputs, queue messages.
pub(crate) async fn nothing_shown(world: &World) {
    let mut secrets = Scanner::default();
    for (what, secret) in world.hidden() {
        secrets.hide(what, &secret);
    }
    let mut people = Scanner::default();
    for (what, name) in world.people() {
        people.hide(what, &name);
    }
    let mut said = Scanner::default();
    said.hide("a message", MARK);
    let shown_in = |scanners: &[&Scanner], text: &str| -> Vec<_> {
        scanners
            .iter()
            .flat_map(|scanner| scanner.found_in(text))
            .collect()
    };
    let all = [&secrets, &said, &people];

    // Were this not found, nothing would be.
    let seen = world.tapped();
    assert_eq!(seen.len(), 4, "two on tasks.fifo, one dead, one on events.fifo");
    let carried: HashSet<_> = seen
        .iter()
        .flat_map(|message| shown_in(&[&said, &people], message))
        .collect();
    assert_eq!(
        carried,
        HashSet::from(["a message", "a given name", "a family name", "an e-mail address"]),
        "what is asked and what has changed travel on queues"
    );

    for message in &seen {
        assert_eq!(secrets.found_in(message), [""; 0], "in a message: {message}");
    }
    let mut told = HashSet::new();
    for kept in world.client.answers() {
        let answer = &kept.answer;
        let text = format!("{} {:?}\n{}", answer.status, answer.headers, answer.body);
        let mut found = shown_in(&all, &text);
        for (path, shown) in SHOWN {
            if kept.path.ends_with(path) {
                told.extend(found.extract_if(.., |what| shown.contains(what)));
            }
        }
        assert_eq!(found, [""; 0], "in an answer of {}: {text}", kept.path);
    }
    let meant: HashSet<_> = SHOWN.iter().flat_map(|(_, shown)| *shown).copied().collect();
    assert_eq!(told, meant, "what answers are for they show");
    for (output, value) in &world.stack.deployment.outputs {
        assert_eq!(shown_in(&all, value), [""; 0], "in the output {output}");
    }

    let mut levels = HashSet::new();
    for function in world.stack.functions() {
        let lines = world.stack.lines_of(function).await.expect("a log");
        let own: Vec<_> = lines.iter().filter(|line| !is_platforms(line)).collect();
        assert!(!own.is_empty(), "{function} has written nothing");
        for line in own {
            let line_text = &line.message;
            assert_eq!(shown_in(&all, line_text), [""; 0], "{function}: {line_text}");
            let entry = Entry::read(line).unwrap_or_else(|| panic!("{function} wrote no JSON: {line_text}"));
            // Somebody is woken by these; there is one reason to in this run.
            assert!(
                entry.field("level") != Some("ERROR") || entry.says("a record cannot be read"),
                "{function}: {line_text}"
            );
            levels.extend(entry.field("level").map(str::to_owned));
        }
    }
    assert!(levels.contains("DEBUG"), "the functions could have said more");
}
