//! The signing secret changes.

use crate::world::World;

/// An administrator puts a new secret in the place of the old one while the functions run. What Slack signs with the
/// new one is taken at once, what it signed with the old one still is.
pub(crate) async fn both_accepted(world: &World) {
    let old = world.signing_secret.borrow().clone();
    let new = "5f1c0de4b7a94c2e8d3f6a1b9e0c7d52".to_owned();
    world.hide("the new signing secret", &new);
    world
        .secrets
        .put_secret_value()
        .secret_id(world.stack.deployment.resource("SlackSecret").expect("a secret"))
        .secret_string(serde_json::json!({ "signing_secret": new }).to_string())
        .send()
        .await
        .expect("the secret is replaced");

    world.signing_secret.replace(new.clone());
    let thread = world.mention("is the new secret known?").await;
    world.answered(&thread, 1).await;

    world.signing_secret.replace(old);
    world.follow_up(&thread, "and the old one?").await;
    world.answered(&thread, 2).await;
    world.signing_secret.replace(new);
}
