//! What is done by the clock. The schedules tick every quarter of an hour and every hour, so the stories do the jobs as an
//! operator may: at once.

use serde_json::{Value, json};

use crate::world::World;

/// Changes of which Clerk's webhooks were lost are found by comparing.
pub(crate) async fn compared(world: &World) {
    let (founder, _) = world.founder("Kelp", "kelp");
    let (joiner, _) = world.joiner(&founder);
    world.webhooks_come().await;
    let token = world.long_token(&joiner);
    assert_eq!(
        world
            .post_with(&token, "/identity/me/", &json!({}))
            .await
            .status
            .as_u16(),
        200
    );

    let new = world.names();
    world.clerk.now().without_webhooks(|clerk| {
        clerk.update_user(&founder.id, &new.first, &new.last);
        clerk.update_organization(&founder.organization, "Kelp Forest", "kelp");
        clerk.remove_member(&founder.organization, &joiner.id);
    });
    let (member, _) = world.clerk.now().without_webhooks(|_| world.joiner(&founder));
    assert_eq!(world.me(&founder).await["name"], "Kelp", "nobody has told us");

    let report = world.job("reconcile_identity").await;
    assert_eq!(
        (&report["outcome"], &report["unreadable"]),
        (&json!("completed"), &json!(0))
    );
    let repaired = |kind: &str| report["repaired"][kind].as_u64().expect("a count");
    // The founder and the new one; the organization; the two who joined and left. A story that went wrong may have left
    // more.
    for (kind, count) in [("users", 2), ("organizations", 1), ("memberships", 2)] {
        assert!(repaired(kind) >= count, "{kind}: {report}");
    }
    assert_eq!(world.me(&founder).await["name"], "Kelp Forest");
    let members = world.post(&founder, "/identity/members/", &json!({})).await;
    let shown: Vec<_> = members["members"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|member| member["role"].as_str().expect("a role"))
        .collect();
    assert_eq!(shown, ["admin", "member"]);
    assert_eq!(members["members"][0]["first_name"], new.first.as_str());
    assert_eq!(
        world.me(&member).await["user_id"],
        members["members"][1]["user_id"]
    );
    let answer = world.post_with(&token, "/identity/me/", &json!({})).await;
    assert_eq!(answer.status.as_u16(), 403, "{}", answer.body);

    assert_eq!(
        world.job("reconcile_identity").await["outcome"],
        "not_due",
        "once a day is enough"
    );
}

/// What has been kept for long enough is removed, and nothing else.
pub(crate) async fn expired(world: &World) {
    let (long_gone, _) = world.founder("Dune", "dune");
    let (just_gone, _) = world.joiner(&long_gone);
    world.webhooks_come().await;
    for person in [&long_gone, &just_gone] {
        world.clerk.now().delete_user(&person.id);
    }
    world.webhooks_come().await;
    let superuser = world.superuser().await;
    let aged = superuser
        .execute(
            "UPDATE users SET deleted_at = deleted_at - interval '31 days' WHERE clerk_user_id = $1",
            &[&long_gone.id],
        )
        .await
        .expect("a row");
    assert_eq!(aged, 1);

    let report = world.job("expire").await;
    assert_eq!(report["outcome"], "completed", "{report}");
    assert_eq!(report["removed"]["users"], 1, "{report}");
    let left: Vec<String> = superuser
        .query(
            "SELECT clerk_user_id FROM users WHERE clerk_user_id = ANY ($1)",
            &[&vec![&long_gone.id, &just_gone.id]],
        )
        .await
        .expect("the table")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(left, [just_gone.id]);
}

impl World {
    /// Does a job of the scheduler's; answers its report.
    pub(crate) async fn job(&self, job: &str) -> Value {
        let report = self.stack.invoke("scheduler", &json!({ "job": job })).await;
        report.expect("the job is done")
    }
}
