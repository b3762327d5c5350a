//! A comparison finds what no webhook told, and nothing else.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use shared::{
    clock::{self, Clock as _},
    identity::{fake::Trouble, reconcile::LEASE},
    task::{ClerkMembership, ClerkUser, IdentityChange, MemberRole},
};

use super::{DAY, SECOND, World, outcome, start};

#[tokio::test]
async fn one_pass_finds_all_that_no_webhook_told() {
    let world = World::new().await;
    let clerk = &world.clerk;
    let ada = clerk.sign_up("ada@acme.example", "Ada", "Byte");
    let bob = clerk.sign_up("bob@acme.example", "Bob", "Byte");
    let eve = clerk.sign_up("eve@acme.example", "Eve", "Byte");
    let acme = clerk.create_organization("Acme", "acme", &ada);
    let past = clerk.create_organization("Past", "past", &bob);
    clerk.add_member(&acme, &bob, "org:member");
    clerk.add_member(&acme, &eve, "org:member");
    world.deliver().await;
    world.has_converged().await;
    world.clock.advance(SECOND);

    clerk.without_webhooks(|clerk| {
        clerk.change_email(&ada, "ada@new.example");
        clerk.delete_user(&eve);
        clerk.set_role(&acme, &bob, "org:admin");
        clerk.update_organization(&acme, "Acme Corp", "acme-corp");
        clerk.remove_member(&acme, &ada);
        clerk.delete_organization(&past);
        let zoe = clerk.sign_up("zoe@acme.example", "Zoe", "");
        let next = clerk.create_organization("Next", "next", &zoe);
        clerk.add_member(&next, &bob, "org:member");
        clerk.add_member(&acme, &zoe, "org:member");
    });
    let report = world.compare().await;
    world.has_converged().await;
    assert_eq!(
        report,
        json!({
            "job": "reconcile_identity",
            "outcome": "completed",
            // Ada, Zoe, Eve; Acme, Next, Past; Bob, Zoe, Ada and Eve at Acme, Zoe and Bob at Next.
            "repaired": {"users": 3, "organizations": 3, "memberships": 6},
            "unreadable": 0,
        })
    );
    let kinds = world.metric("IdentityRepaired", "kind");
    for (kind, count) in [("user", 3), ("organization", 3), ("membership", 6)] {
        let counted = kinds
            .iter()
            .filter(|(name, value)| name == kind && value == "1.0");
        assert_eq!(counted.count(), count, "{kind}");
    }
    assert_eq!(world.metric("IdentityPassMilliseconds", "").len(), 1);
    let recorded = "SELECT DISTINCT action FROM audit_events
                     WHERE actor = 'scheduler' AND request_id = 'request-1' ORDER BY 1";
    assert_eq!(
        world.rows(recorded).await,
        [
            "member.removed",
            "member.updated",
            "organization.deleted",
            "organization.updated"
        ]
    );

    // What is as it should be is left alone.
    world.clock.advance(DAY);
    let report = world.compare().await;
    assert_eq!(
        (outcome(&report), &report["repaired"]),
        (
            "completed",
            &json!({"users": 0, "organizations": 0, "memberships": 0})
        )
    );
}

#[tokio::test]
async fn the_next_pass_begins_a_day_after_the_last_one_ended() {
    let world = World::new().await;
    let people = world.crowd(3);
    assert_eq!(outcome(&world.compare().await), "completed");
    world
        .clerk
        .without_webhooks(|clerk| clerk.delete_user(&people[0]));
    let calls = world.clerk.calls().len();
    world.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(outcome(&world.compare().await), "not_due");
    assert_eq!(world.clerk.calls().len(), calls);
    world.clock.advance(SECOND);
    assert_eq!(outcome(&world.compare().await), "completed");
    world.has_converged().await;
}

#[tokio::test]
async fn stubs_are_filled_and_those_of_nobody_end() {
    let world = World::new().await;
    let ada = world
        .clerk
        .without_webhooks(|clerk| clerk.sign_up("ada@acme.example", "Ada", ""));
    let acme = world
        .clerk
        .without_webhooks(|clerk| clerk.create_organization("Acme", "acme", &ada));
    // Memberships came, and nothing of whom or what they are of.
    for (organization, user) in [
        (acme.as_str(), ada.as_str()),
        (&acme, "user_nobody"),
        ("org_nothing", &ada),
    ] {
        world
            .apply(&IdentityChange::MembershipUpserted(ClerkMembership {
                organization_id: organization.to_owned(),
                user_id: user.to_owned(),
                role: MemberRole::Member,
                joined_at: clock::before(start(), 2 * DAY),
                updated_at: clock::before(start(), 2 * DAY),
            }))
            .await;
    }
    world.clock.advance(SECOND);
    assert_eq!(outcome(&world.compare().await), "completed");
    world.has_converged().await;
    let gone = "SELECT clerk_user_id FROM users WHERE deleted_at IS NOT NULL
                UNION SELECT clerk_org_id FROM organizations WHERE deleted_at IS NOT NULL ORDER BY 1";
    assert_eq!(world.rows(gone).await, ["org_nothing", "user_nobody"]);
}

#[tokio::test]
async fn what_a_webhook_brought_that_is_newer_stays() {
    let world = World::new().await;
    let ada = world.clerk.sign_up("ada@acme.example", "Ada", "Byte");
    let bob = world.clerk.sign_up("bob@acme.example", "Bob", "Byte");
    let eve = world.clerk.sign_up("eve@acme.example", "Eve", "Byte");
    let acme = world.clerk.create_organization("Acme", "acme", &ada);
    world.clerk.add_member(&acme, &bob, "org:member");
    world.deliver().await;
    // Clerk's answers are of a moment before these.
    let later = clock::after(start(), SECOND);
    for newer in [
        IdentityChange::UserUpserted(ClerkUser {
            id: ada.clone(),
            email: "ada@newer.example".to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            image_url: String::new(),
            updated_at: later,
        }),
        IdentityChange::UserDeleted {
            user_id: eve,
            at: later,
        },
        IdentityChange::MembershipDeleted {
            organization_id: acme.clone(),
            user_id: bob,
            at: later,
        },
        IdentityChange::MembershipUpserted(ClerkMembership {
            organization_id: acme,
            user_id: ada,
            role: MemberRole::Member,
            joined_at: later,
            updated_at: later,
        }),
    ] {
        world.apply(&newer).await;
    }
    let before = world.mirrored().await;
    let report = world.compare().await;
    assert_eq!(
        (outcome(&report), &report["repaired"]),
        (
            "completed",
            &json!({"users": 0, "organizations": 0, "memberships": 0})
        )
    );
    assert_eq!(world.mirrored().await, before);
}

#[tokio::test]
async fn a_pass_that_takes_many_runs_goes_on_where_it_stands_and_asks_nothing_twice() {
    let world = World::new().await;
    let people = world.crowd(350);
    let acme = world.clerk.without_webhooks(|clerk| {
        let acme = clerk.create_organization("Acme", "acme", &people[0]);
        for user in &people[1..130] {
            clerk.add_member(&acme, user, "org:member");
        }
        acme
    });
    let mut runs = 1;
    while outcome(&world.compare_for(300).await) == "out_of_time" {
        runs += 1;
        assert!(runs < 30, "it gets nowhere");
    }
    assert!(runs > 3, "it was not interrupted: {runs}");
    let users = world.offsets("/v1/users");
    assert!(users.is_sorted_by(|a, b| a < b), "{users:?}");
    assert!(users.len() <= 4 + runs, "{users:?}");
    let memberships = world.offsets(&format!("/v1/organizations/{acme}/memberships"));
    assert!(memberships.is_sorted_by(|a, b| a < b), "{memberships:?}");
    let asked: usize = world.clerk.calls().len();
    assert!(asked <= users.len() + memberships.len() + runs, "{asked} calls");
    world.has_converged().await;
    let repaired = world.metric("IdentityRepaired", "kind").len();
    assert_eq!(repaired, 350 + 1 + 130, "everything once");
}

#[tokio::test]
async fn a_deletion_while_we_page_moves_things_up_and_nobody_is_given_up_for_it() {
    let world = World::new().await;
    let people = world.crowd(205);
    let clerk = &world.clerk;
    clerk.without_webhooks(|clerk| {
        for person in &people[..3] {
            let _ = clerk.create_organization("Org", "org", person);
        }
    });
    assert_eq!(outcome(&world.compare().await), "completed");

    world.clock.advance(DAY);
    let before = world.offsets("/v1/users").len();
    let mut runs = 0;
    loop {
        let report = world.compare_for(100).await;
        runs += 1;
        if runs == 1 {
            // Those who slip onto the pages that were read.
            clerk.without_webhooks(|clerk| people[..3].iter().for_each(|user| clerk.delete_user(user)));
        }
        if outcome(&report) == "completed" {
            break;
        }
    }
    let offsets = &world.offsets("/v1/users")[before..];
    assert!(
        offsets.len() > 2 && offsets[1] > 3,
        "nothing slipped: {offsets:?}"
    );
    let asked: Vec<_> = clerk
        .calls()
        .into_iter()
        .filter(|call| call.path.starts_with("/v1/users/user_"))
        .collect();
    assert_eq!(asked.len(), 3, "those who slipped were asked for: {asked:?}");
    assert_eq!(world.count("users WHERE deleted_at IS NULL").await, 205);

    // The next pass finds those who went after their page had been read.
    world.clock.advance(DAY);
    assert_eq!(outcome(&world.compare().await), "completed");
    world.has_converged().await;
    assert_eq!(world.count("users WHERE deleted_at IS NOT NULL").await, 3);
}

#[tokio::test]
async fn a_run_that_dies_after_its_work_and_before_its_note_is_taken_over_when_its_lease_ends() {
    let world = World::new().await;
    world.crowd(20);
    world
        .run(
            "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = '57P01'; END $$;
             CREATE TRIGGER die BEFORE UPDATE ON reconciliations FOR EACH ROW EXECUTE FUNCTION die()",
        )
        .await;
    assert_eq!(outcome(&world.compare().await), "unavailable");
    assert_eq!(world.count("users").await, 20, "the work was done");
    assert_eq!(
        world.rows("SELECT phase || position FROM reconciliations").await,
        ["users0"]
    );
    world.run("DROP TRIGGER die ON reconciliations").await;

    world.clock.advance(Duration::from_secs(LEASE.as_secs() - 1));
    assert_eq!(outcome(&world.compare().await), "busy");
    world.clock.advance(SECOND);
    let report = world.compare().await;
    assert_eq!(
        (outcome(&report), &report["repaired"]["users"]),
        ("completed", &json!(0))
    );
    assert_eq!(world.offsets("/v1/users"), [0, 0]);
    world.has_converged().await;
}

#[tokio::test]
async fn of_two_runs_at_once_one_does_nothing() {
    let world = World::new().await;
    world.crowd(5);
    world.clerk.trouble("/v1/users", 1, &Trouble::Hang);
    let first = world.app();
    tokio::select! {
        report = world.tick(&first, "reconcile_identity") => panic!("it hangs: {report:?}"),
        () = async {
            world.clerk.until_hanging(1).await;
            assert_eq!(outcome(&world.compare().await), "busy");
        } => {} // and the first one is killed
    }
    assert_eq!(world.clerk.calls().len(), 1);
    world.clock.advance(LEASE);
    assert_eq!(outcome(&world.compare().await), "completed");
    world.has_converged().await;
}

#[tokio::test]
async fn a_run_that_was_taken_over_notes_nothing() {
    let world = World::new().await;
    world.crowd(5);
    world.clerk.trouble("/v1/users", 1, &Trouble::RateLimited(SECOND));
    let slow = world.app();
    let (slow, ()) = tokio::join!(world.tick(&slow, "reconcile_identity"), async {
        // Until it is asleep, and has said until when it will live.
        let asleep = "reconciliations WHERE lease_until > updated_at + interval '60 seconds'";
        while world.count(asleep).await == 0 {}
        world.clock.advance(LEASE + 2 * SECOND);
        assert_eq!(outcome(&world.compare().await), "completed");
    });
    assert_eq!(outcome(&slow.expect("no error")), "taken_over");
    let completed = "SELECT phase || (completed_at >= pass_started_at) FROM reconciliations";
    assert_eq!(world.rows(completed).await, ["missing_organizationstrue"]);
    assert_eq!(world.metric("IdentityPassMilliseconds", "").len(), 1);
}

#[tokio::test]
async fn members_who_joined_through_a_token_alone_are_confirmed_or_removed() {
    let world = World::new().await;
    let ada = world.clerk.sign_up("ada@acme.example", "Ada", "");
    let bob = world.clerk.sign_up("bob@acme.example", "Bob", "");
    let acme = world.clerk.create_organization("Acme", "acme", &ada);
    world.deliver().await;
    // A token said so once, and Clerk knows nothing of it any more.
    world
        .apply(&IdentityChange::MembershipUpserted(ClerkMembership {
            organization_id: acme.clone(),
            user_id: bob.clone(),
            role: MemberRole::Admin,
            joined_at: start(),
            updated_at: shared::clock::Timestamp::UNIX_EPOCH,
        }))
        .await;
    world.clock.advance(SECOND);
    assert_eq!(outcome(&world.compare().await), "completed");
    world.has_converged().await;
    let path = format!("/v1/organizations/{acme}/memberships");
    let calls = world.clerk.calls();
    let asked = calls
        .iter()
        .find(|call| call.path == path && call.field("user_id") == Some(&bob));
    assert!(asked.is_some(), "nobody is removed without being asked for");

    // And comes back with the next thing that Clerk tells.
    world.clerk.set_clock(world.clock.now());
    world.clerk.add_member(&acme, &bob, "org:member");
    world.deliver().await;
    world.has_converged().await;
}

#[tokio::test]
async fn requests_keep_their_pace() {
    let world = World::new().await;
    let secrets = shared::secret::manager::SecretStore::from_source(world.secrets.clone());
    let pace = Duration::from_millis(40);
    let api =
        shared::identity::api::ClerkApi::new(&world.clerk.url(), secrets, super::SECRET_ARN.to_owned(), pace);
    let api = Arc::new(api.expect("a client"));
    let began = std::time::Instant::now();
    let asked = futures_util::future::join_all((0..6).map(|_| api.users(0))).await;
    assert!(asked.iter().all(Result::is_ok));
    assert!(began.elapsed() >= 5 * pace, "{:?}", began.elapsed());
}
