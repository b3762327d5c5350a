//! The queues: nothing is lost on them, nothing is read on them, and nothing waits unseen.

use serde_json::{Value, json};

use super::{Complaints, alarms, attribute_of, by_default, functions, passes, resources, stops};

/// Fourteen days, the longest that SQS keeps a message.
const LONGEST: u64 = 1_209_600;
/// How often a record is tried before it is given up.
const RECEIVES: u64 = 20;
/// How long something may wait, in seconds, before somebody hears of it: a quarter of an hour.
const UNHEARD: u64 = 900;

fn kept(template: &Value) -> Complaints {
    let queues = resources(template, "AWS::SQS::Queue");
    let dead_letter: Vec<_> = queues
        .iter()
        .filter_map(|(_, queue)| {
            attribute_of(
                &queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"],
                "Arn",
            )
        })
        .collect();
    let mut complaints = Complaints::new();
    for (id, queue) in queues {
        let queue = &queue["Properties"];
        let name = json!({"Fn::GetAtt": [id, "QueueName"]});
        if queue["FifoQueue"] != true {
            complaints.push(format!("{id} keeps no order"));
        }
        if attribute_of(&queue["KmsMasterKeyId"], "Arn") != Some("QueuesKey") {
            complaints.push(format!("{id} is not encrypted with the stack's key"));
        }
        if dead_letter.contains(&id) {
            if queue["MessageRetentionPeriod"].as_u64() != Some(LONGEST) {
                complaints.push(format!("{id} forgets before fourteen days are over"));
            }
            if alarms(template, "ApproximateNumberOfMessagesVisible", "QueueName", &name).is_empty() {
                complaints.push(format!("nobody hears of what is in {id}"));
            }
            continue;
        }
        if attribute_of(&queue["RedrivePolicy"]["deadLetterTargetArn"], "Arn").is_none() {
            complaints.push(format!("{id} has no dead-letter queue"));
        }
        if queue["RedrivePolicy"]["maxReceiveCount"].as_u64() != Some(RECEIVES) {
            complaints.push(format!("{id} gives up after another number of attempts"));
        }
        let heard = alarms(template, "ApproximateAgeOfOldestMessage", "QueueName", &name)
            .iter()
            .any(|alarm| {
                by_default(template, &alarm["Threshold"])
                    .as_u64()
                    .is_some_and(|age| age <= UNHEARD)
            });
        if !heard {
            complaints.push(format!("nobody hears of what waits in {id}"));
        }
    }
    complaints
}

#[test]
fn a_queue_that_forgets_that_anybody_can_read_or_that_nobody_watches_is_found() {
    passes(kept);
    for (pointer, value, complaint) in [
        (
            "/Resources/TasksQueue/Properties/FifoQueue",
            Value::Null,
            "TasksQueue keeps no order",
        ),
        (
            "/Resources/EventsQueue/Properties/KmsMasterKeyId",
            json!("alias/aws/sqs"),
            "EventsQueue is not encrypted",
        ),
        (
            "/Resources/TasksQueue/Properties/RedrivePolicy",
            Value::Null,
            "TasksQueue has no dead-letter queue",
        ),
        (
            "/Resources/EventsQueue/Properties/RedrivePolicy/maxReceiveCount",
            json!(3),
            "EventsQueue gives up",
        ),
        (
            "/Resources/TasksDeadLetterQueue/Properties/MessageRetentionPeriod",
            json!(345_600),
            "TasksDeadLetterQueue forgets",
        ),
        (
            "/Resources/TasksAgeAlarm",
            Value::Null,
            "nobody hears of what waits in TasksQueue",
        ),
        (
            "/Resources/EventsAgeAlarm/Properties/Threshold",
            json!(864_000),
            "nobody hears of what waits in EventsQueue",
        ),
        (
            "/Parameters/TaskAgeAlarmSeconds/Default",
            json!(3_600),
            "nobody hears of what waits in TasksQueue",
        ),
        (
            "/Resources/EventsDeadLetterAlarm/Properties/AlarmActions",
            json!([]),
            "nobody hears of what is in EventsDeadLetterQueue",
        ),
    ] {
        stops(kept, pointer, value, complaint);
    }
}

/// AWS advises six times the function's timeout: throttled batches are tried for that long, and must stay hidden.
/// Source: "Creating and configuring an Amazon SQS event source mapping" in the AWS Lambda developer guide.
const VISIBILITY: u64 = 6;

fn consumed(template: &Value) -> Complaints {
    let mut complaints = Complaints::new();
    for function in functions(template) {
        for source in function.events("SQS") {
            let id = function.id;
            let Some(queue) = attribute_of(&source["Queue"], "Arn") else {
                complaints.push(format!("{id} consumes a queue of somebody else"));
                continue;
            };
            let hidden = template["Resources"][queue]["Properties"]["VisibilityTimeout"]
                .as_u64()
                .unwrap_or(30);
            if hidden < VISIBILITY * function.timeout() {
                complaints.push(format!(
                    "{queue} hides for {hidden} s, {id} may take {} s",
                    function.timeout()
                ));
            }
            if source["FunctionResponseTypes"] != json!(["ReportBatchItemFailures"]) {
                complaints.push(format!("{id} cannot give back one record of a batch"));
            }
            // A FIFO batch waits for its slowest record; a turn takes minutes, an event milliseconds.
            let most = if queue == "TasksQueue" { 1 } else { 10 };
            if source["BatchSize"].as_u64().is_none_or(|size| size > most) {
                complaints.push(format!("{id} takes more than {most} records at once"));
            }
            let limit = &source["ScalingConfig"]["MaximumConcurrency"];
            if by_default(template, limit).as_u64().is_none() {
                complaints.push(format!("{id} takes as many connections as there are records"));
            }
        }
    }
    complaints
}

#[test]
fn a_consumer_that_would_lose_repeat_or_hold_up_records_is_found() {
    passes(consumed);
    let source = "/Resources/AgentDispatcherFunction/Properties/Events/Tasks/Properties";
    stops(
        consumed,
        "/Resources/TasksQueue/Properties/VisibilityTimeout",
        json!(1_799),
        "TasksQueue hides for 1799 s",
    );
    stops(
        consumed,
        "/Resources/AgentDispatcherFunction/Properties/Timeout",
        json!(301),
        "AgentDispatcherFunction may take 301 s",
    );
    stops(
        consumed,
        &format!("{source}/FunctionResponseTypes"),
        Value::Null,
        "cannot give back",
    );
    stops(
        consumed,
        &format!("{source}/BatchSize"),
        json!(2),
        "more than 1 records",
    );
    let source = "/Resources/EventProcessorFunction/Properties/Events/Events/Properties";
    stops(
        consumed,
        "/Resources/EventsQueue/Properties/VisibilityTimeout",
        json!(359),
        "EventsQueue hides for 359 s",
    );
    stops(
        consumed,
        &format!("{source}/BatchSize"),
        json!(11),
        "more than 10 records",
    );
    stops(
        consumed,
        &format!("{source}/ScalingConfig"),
        Value::Null,
        "EventProcessorFunction takes as many connections",
    );
}

#[test]
fn each_queue_has_one_consumer() {
    let template = super::template();
    let mut consumed: Vec<_> = functions(&template)
        .iter()
        .flat_map(|function| function.events("SQS"))
        .filter_map(|source| attribute_of(&source["Queue"], "Arn"))
        .collect();
    consumed.sort_unstable();
    assert_eq!(consumed, ["EventsQueue", "TasksQueue"]);
}
