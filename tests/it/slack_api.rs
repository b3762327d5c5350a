//! Our client of Slack's Web API against a Slack that keeps Slack's rules.

use std::time::Duration;

use http_body_util::BodyExt as _;
use secrecy::SecretString;
use serde_json::Value;
use shared::{
    connector::slack::{
        Page, Place,
        api::{Fault, SlackApi, SlackError},
        event::{self, SlackEvent},
        fake::{APP_ID, FakeSlack, Trouble, Workspace},
    },
    conversation::answer,
    task::SlackMessageKind,
};

const TOKEN: &str = "xoxb-acme-token";
const CHANNEL: &str = "C0OPS";
const KEY: &str = "msg_0190a:0";
/// Long enough for a call on this machine, and soon over for one that is never answered.
const HASTE: Duration = Duration::from_millis(500);

/// A workspace with one channel, in which Alice has asked something.
struct Story {
    slack: FakeSlack,
    acme: Workspace,
    api: SlackApi,
    token: SecretString,
    question: String,
}

impl Story {
    async fn new() -> Self {
        let slack = FakeSlack::start().await.expect("a free port");
        let acme = slack.workspace("T0ACME", "Acme", TOKEN);
        acme.user("UALICE", "Alice Adams");
        acme.channel(CHANNEL, "ops");
        let mention = format!("<@{}> why is checkout slow &amp; red?", acme.bot_user_id());
        let question = acme.say(CHANNEL, "UALICE", &mention, None);
        let api = SlackApi::new(&slack.url()).expect("a loopback url");
        Self {
            slack,
            acme,
            api,
            token: TOKEN.into(),
            question,
        }
    }

    fn thread(&self) -> Place {
        Place {
            channel: CHANNEL.to_owned(),
            thread_ts: Some(self.question.clone()),
        }
    }

    async fn post(&self, key: &str) -> Result<String, SlackError> {
        let page = page("It is **the disk**.");
        self.api.post(&self.token, &self.thread(), &page, key).await
    }

    async fn find(&self, key: &str) -> Result<Option<String>, SlackError> {
        let thread = self.thread();
        self.api
            .find_posted(&self.token, &thread, &self.question, key)
            .await
    }
}

fn page(markdown: &str) -> Page {
    answer::pages(markdown).remove(0)
}

/// What `cargo xtask up` prints writes with it: a later attempt looks into the thread first, and finds none where no
/// message is.
#[tokio::test]
async fn what_a_program_writes_as_a_person_can_be_answered_at_a_later_attempt() {
    let story = Story::new().await;
    let request = http::Request::post(story.acme.says_url(CHANNEL, "UALICE"))
        .body("is anybody there?".to_owned())
        .expect("a request");
    let client =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http();
    let answer = client.request(request).await.expect("an answer").into_body();
    let ts = answer.collect().await.expect("a whole answer").to_bytes();
    let ts = String::from_utf8(ts.to_vec()).expect("a text");

    let thread = Place {
        channel: CHANNEL.to_owned(),
        thread_ts: Some(ts.clone()),
    };
    let find = || story.api.find_posted(&story.token, &thread, &ts, KEY);
    assert_eq!(find().await.expect("the thread is there"), None);
    let posted = story
        .api
        .post(&story.token, &thread, &page("Yes."), KEY)
        .await
        .expect("it is posted");
    assert_eq!(find().await.expect("the thread is there"), Some(posted));
    assert!(
        story
            .acme
            .transcript(CHANNEL, Some(&ts))
            .contains("is anybody there?")
    );
}

#[tokio::test]
async fn an_answer_is_posted_into_its_thread_and_found_again_by_its_key() {
    let story = Story::new().await;
    story
        .api
        .add_reaction(&story.token, CHANNEL, &story.question, "eyes")
        .await
        .expect("a reaction");
    assert_eq!(story.find(KEY).await.expect("readable"), None);

    let ts = story.post(KEY).await.expect("posted");

    assert_eq!(story.find(KEY).await.expect("readable"), Some(ts));
    assert_eq!(story.find("msg_other:0").await.expect("readable"), None);
    let messages = story.acme.messages(CHANNEL, Some(&story.question));
    assert!(!messages[1].unfurls);
    insta::assert_snapshot!(story.acme.transcript(CHANNEL, None), @r"
    #ops · Acme

    Alice Adams
      @InfraGPT why is checkout slow & red?
      👀 InfraGPT

        InfraGPT [app]
          It is **the disk**.
    ");
}

#[tokio::test]
async fn in_a_direct_message_the_top_level_is_searched() {
    let story = Story::new().await;
    story.acme.direct_message("D0ALICE", "UALICE");
    let question = story.acme.say("D0ALICE", "UALICE", "hello", None);
    let place = Place {
        channel: "D0ALICE".to_owned(),
        thread_ts: None,
    };
    let ts = story
        .api
        .post(&story.token, &place, &page("hi"), KEY)
        .await
        .expect("posted");
    let _ = story.acme.say("D0ALICE", "UALICE", "thanks", None);

    let found = story.api.find_posted(&story.token, &place, &question, KEY).await;

    assert_eq!(found.expect("readable"), Some(ts));
}

#[tokio::test]
async fn a_key_is_found_on_later_pages_and_never_said_missing_without_reading_all() {
    let story = Story::new().await;
    story.slack.limit_pages(3);
    for number in 0..10 {
        let _ = story
            .acme
            .say(CHANNEL, "UALICE", &number.to_string(), Some(&story.question));
    }
    let ts = story.post(KEY).await.expect("posted");
    assert_eq!(story.find(KEY).await.expect("readable"), Some(ts));
    assert_eq!(story.slack.count("conversations.replies"), 4);

    story.slack.limit_pages(1);
    let error = story
        .find(KEY)
        .await
        .expect_err("ten pages of one message do not reach it");
    assert!(matches!(error, SlackError::Protocol { .. }), "{error:?}");
}

#[tokio::test]
async fn a_post_whose_answer_is_lost_is_found() {
    for trouble in [Trouble::HangAfterEffect, Trouble::FailAfterEffect] {
        let story = Story::new().await;
        story.slack.trouble("chat.postMessage", 1, &trouble);
        let hasty = story.api.clone().with_timeout(HASTE);

        let page = page("It is **the disk**.");
        let posted = hasty.post(&story.token, &story.thread(), &page, KEY).await;

        let error = posted.expect_err("no answer came");
        assert!(matches!(error, SlackError::Unavailable { .. }), "{error:?}");
        assert!(error.is_retryable());
        assert_eq!(story.slack.posts(), 1);
        assert!(story.find(KEY).await.expect("readable").is_some());
    }
}

#[tokio::test]
async fn a_call_without_an_answer_ends_in_time() {
    let story = Story::new().await;
    story.slack.trouble("users.info", 1, &Trouble::Hang);
    let hasty = story.api.clone().with_timeout(HASTE);
    let (named, ()) = tokio::join!(
        hasty.user_name(&story.token, "UALICE"),
        story.slack.until_hanging(1)
    );
    assert!(matches!(
        named,
        Err(SlackError::Unavailable {
            source: Fault::TimedOut
        })
    ));
}

#[tokio::test]
async fn what_slack_refuses_has_a_meaning() {
    type Meaning = fn(&SlackError) -> bool;
    type Change = fn(&Workspace);
    let by_trouble: [(Trouble, Meaning); 6] = [
        (
            Trouble::RateLimited(Duration::from_secs(17)),
            |error| matches!(error, SlackError::RateLimited { retry_after } if retry_after.as_secs() == 17),
        ),
        (Trouble::Status(503), |error| {
            matches!(
                error,
                SlackError::Unavailable {
                    source: Fault::Status(503)
                }
            )
        }),
        (
            Trouble::Status(404),
            |error| matches!(error, SlackError::Rejected { code } if code == "http_404"),
        ),
        (Trouble::Malformed, |error| {
            matches!(error, SlackError::Protocol { .. })
        }),
        (Trouble::Code("internal_error"), |error| {
            matches!(error, SlackError::Unavailable { .. })
        }),
        (
            Trouble::Code("no_permission"),
            |error| matches!(error, SlackError::Rejected { code } if code == "no_permission"),
        ),
    ];
    let story = Story::new().await;
    for (trouble, meaning) in by_trouble {
        story.slack.trouble("chat.postMessage", 1, &trouble);
        let error = story.post(KEY).await.expect_err("trouble");
        assert!(meaning(&error), "{trouble:?}: {error:?}");
        assert!(!format!("{error:?}").contains("html"), "{error:?}");
    }
    assert_eq!(story.slack.posts(), 0);

    let by_channel: [(Change, &str); 2] = [
        (|acme| acme.remove_bot(CHANNEL), "not_in_channel"),
        (|acme| acme.archive(CHANNEL), "is_archived"),
    ];
    for (change, expected) in by_channel {
        let story = Story::new().await;
        change(&story.acme);
        let error = story.post(KEY).await.expect_err("refused");
        assert!(
            matches!(&error, SlackError::ChannelGone { code } if code == expected),
            "{error:?}"
        );
    }

    for code in ["token_revoked", "account_inactive"] {
        story.acme.revoke_token(TOKEN, code);
        let error = story.post(KEY).await.expect_err("refused");
        assert!(
            matches!(&error, SlackError::Revoked { code: told } if told == code),
            "{error:?}"
        );
    }
    let error = story
        .api
        .auth_test(&"xoxb-nobody".into())
        .await
        .expect_err("refused");
    assert!(
        matches!(&error, SlackError::Revoked { code } if code == "invalid_auth"),
        "{error:?}"
    );
    story.acme.issue_token("xoxb-new");
    let identity = story
        .api
        .auth_test(&"xoxb-new".into())
        .await
        .expect("a good token");
    assert_eq!(identity.user_id, story.acme.bot_user_id());
    assert_eq!(identity.team_id, "T0ACME");
}

#[tokio::test]
async fn nobody_listening_is_no_answer() {
    let story = Story::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let api = SlackApi::new(&format!("http://{address}/api")).expect("a loopback url");
    let error = api
        .user_name(&story.token, "UALICE")
        .await
        .expect_err("nobody is there");
    assert!(
        matches!(
            error,
            SlackError::Unavailable {
                source: Fault::Connection(Some(_))
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn what_slack_cannot_lay_out_is_posted_as_text() {
    let story = Story::new().await;
    story
        .slack
        .trouble("chat.postMessage", 1, &Trouble::Code("msg_blocks_too_long"));
    let ts = story.post(KEY).await.expect("posted");
    let messages = story.acme.messages(CHANNEL, Some(&story.question));
    assert_eq!(messages[1].markdown, None);
    assert_eq!(messages[1].text, "It is **the disk**.");
    assert_eq!(story.find(KEY).await.expect("readable"), Some(ts));
}

#[tokio::test]
async fn every_page_of_a_long_answer_is_taken() {
    let story = Story::new().await;
    let code = "let x = vec![1 < 2 && 3 > 2];\n".repeat(900);
    let pages = answer::pages(&format!(
        "{}\n```rust\n{code}```",
        "Word and word. 日本語。".repeat(600)
    ));
    assert!(pages.len() > 3);
    for (number, page) in pages.iter().enumerate() {
        let key = format!("msg_0190a:{number}");
        story
            .api
            .post(&story.token, &story.thread(), page, &key)
            .await
            .expect("posted");
    }
    for message in &story.acme.messages(CHANNEL, Some(&story.question))[1..] {
        assert!(message.markdown.is_some(), "not posted as plain text");
    }
}

#[tokio::test]
async fn a_reaction_that_is_there_or_gone_already_is_fine() {
    let story = Story::new().await;
    let (token, ts) = (&story.token, story.question.as_str());
    for _ in 0..2 {
        story
            .api
            .add_reaction(token, CHANNEL, ts, "eyes")
            .await
            .expect("added");
    }
    assert_eq!(story.acme.messages(CHANNEL, None)[0].reactions.len(), 1);
    for _ in 0..2 {
        story
            .api
            .remove_reaction(token, CHANNEL, ts, "eyes")
            .await
            .expect("removed");
    }
    assert!(story.acme.messages(CHANNEL, None)[0].reactions.is_empty());
    let error = story.api.add_reaction(token, CHANNEL, "1.0", "eyes").await;
    assert!(matches!(error, Err(SlackError::Rejected { code }) if code == "message_not_found"));
}

#[tokio::test]
async fn people_have_names_and_strangers_have_none() {
    let story = Story::new().await;
    let name = story.api.user_name(&story.token, "UALICE").await.expect("known");
    assert_eq!(name.as_deref(), Some("Alice Adams"));
    assert_eq!(
        story
            .api
            .user_name(&story.token, "UNOBODY")
            .await
            .expect("answered"),
        None
    );
}

#[tokio::test]
async fn a_thread_is_read_oldest_first_up_to_a_message_and_bounded_from_its_end() {
    let story = Story::new().await;
    story.slack.limit_pages(2);
    for text in ["one", "two", "three", "four"] {
        let _ = story.acme.say(CHANNEL, "UALICE", text, Some(&story.question));
    }
    story.post(KEY).await.expect("posted");
    let last = story.acme.say(CHANNEL, "UALICE", "five", Some(&story.question));

    let read = async |limit| {
        let thread = story
            .api
            .thread(&story.token, CHANNEL, &story.question, &last, limit)
            .await;
        thread.expect("readable")
    };
    let all = read(100).await;
    let texts: Vec<&str> = all.iter().map(|message| message.text.as_str()).collect();
    assert!(texts[0].contains("why is checkout slow"));
    assert_eq!(texts[1..], ["one", "two", "three", "four", "It is the disk."]);
    assert_eq!(all[5].app_id.as_deref(), Some(APP_ID));
    assert_eq!(all[5].user.as_deref(), Some(story.acme.bot_user_id()));

    let some = read(3).await;
    let texts: Vec<&str> = some.iter().map(|message| message.text.as_str()).collect();
    assert!(texts[0].contains("why is checkout slow"), "the question stays");
    assert_eq!(texts[1..], ["four", "It is the disk."]);
}

#[tokio::test]
async fn the_events_of_the_fake_are_events_to_us() {
    use SlackMessageKind::{ChannelMessage, Mention, ThreadReply};

    let story = Story::new().await;
    let kinds = |ts: &str| -> Vec<SlackMessageKind> {
        let parse = |body: &Value| event::parse(body.to_string().as_bytes(), APP_ID).expect("an event");
        let events = story.acme.events(CHANNEL, ts);
        let messages = events.iter().map(|body| match parse(body) {
            SlackEvent::Said { message, .. } => message.kind,
            other => panic!("{other:?}"),
        });
        messages.collect()
    };
    assert_eq!(kinds(&story.question), [Mention, Mention]);
    let reply = story
        .acme
        .say(CHANNEL, "UALICE", "and now?", Some(&story.question));
    assert_eq!(kinds(&reply), [ThreadReply]);
    let aside = story.acme.say(CHANNEL, "UALICE", "lunch?", None);
    assert_eq!(kinds(&aside), [ChannelMessage]);
}

#[test]
fn calls_can_be_made_from_any_task() {
    fn is_send(_: impl Send) {}
    let api = SlackApi::new("http://127.0.0.1:1/api").expect("a loopback url");
    let token: SecretString = TOKEN.into();
    let place = Place {
        channel: CHANNEL.to_owned(),
        thread_ts: None,
    };
    is_send(api.post(&token, &place, &page("hi"), KEY));
    is_send(api.find_posted(&token, &place, "1.0", KEY));
    is_send(api.thread(&token, CHANNEL, "1.0", "2.0", 10));
    is_send(api.user_name(&token, "UALICE"));
    is_send(api.add_reaction(&token, CHANNEL, "1.0", "eyes"));
    assert!(!format!("{api:?} {token:?}").contains("xoxb"));
}
