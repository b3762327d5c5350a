//! A record that cannot be read.

use aws_sdk_sqs::types::MessageSystemAttributeName;

use crate::world::{CHANNEL, World};

/// It goes to the dead-letter queue at once, with its reason, and its thread goes on.
pub(crate) async fn unreadable(world: &World) {
    let thread = world.mention("asked before the poison").await;
    world.answered(&thread, 1).await;

    let poison = r#"{"id": "task_of_another_age", "delivery": 7}"#;
    let group = format!("slack:{}:{CHANNEL}:{}", world.workspace.team_id(), thread.ts);
    world
        .sqs
        .send_message()
        .queue_url(world.queue("TasksQueue"))
        .message_group_id(&group)
        .message_deduplication_id("poison")
        .message_body(poison)
        .send()
        .await
        .expect("the queue takes it");
    world.follow_up(&thread, "asked after the poison").await;
    world.answered(&thread, 2).await;

    // It was dealt with before the follow-up, so it is there.
    let received = world
        .sqs
        .receive_message()
        .queue_url(world.queue("TasksDeadLetterQueue"))
        .max_number_of_messages(10)
        .message_attribute_names("All")
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .expect("the dead-letter queue answers");
    let [dead] = received.messages() else {
        panic!("{} records are dead", received.messages().len());
    };
    world.tap(dead);
    assert_eq!(dead.body(), Some(poison));
    let attributes = dead.message_attributes().expect("attributes");
    assert_eq!(attributes["reason"].string_value(), Some("malformed"));
    assert!(attributes["message_id"].string_value().is_some());
    let system = dead.attributes().expect("system attributes");
    assert_eq!(system[&MessageSystemAttributeName::MessageGroupId], group);

    world
        .until_logged("agent-dispatcher", |entry| {
            entry.0.get("TasksBuried").is_some() && entry.field("reason") == Some("malformed")
        })
        .await;
}
