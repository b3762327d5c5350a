//! Posting the answer: each page at most once, where the question was asked.

use std::time::Duration;

use secrecy::SecretString;

use super::{AFTER_THE_AGENT, REACTION, Stop, Turn};
use crate::{
    clock,
    connector::slack::{Page, Place, api::SlackError},
    conversation::answer,
    db::messages,
    queue::TaskError,
    task::DIRECT_MESSAGE_THREAD,
};

/// An answer that comes later than this says so.
const LATE: Duration = Duration::from_mins(5);
/// A wait that Slack asks for is sat out up to this long; for a longer one the record goes back to the queue.
const PATIENCE_WITH_SLACK: Duration = Duration::from_secs(20);

impl Turn<'_> {
    /// Posts the answer's pages, each at most once. Answers the first page's timestamp. `may_stand_there`: somebody
    /// may have begun to post this very answer.
    pub(super) async fn deliver(
        &self,
        token: &SecretString,
        answer: &messages::Answer,
        may_stand_there: bool,
    ) -> Result<String, Stop> {
        let place = self.place();
        let mut first = None;
        for (number, mut page) in answer::pages(&answer.text).into_iter().enumerate() {
            let key = format!("{}:{number}", answer.id);
            if may_stand_there
                && let Some(ts) = self
                    .answering
                    .slack
                    .find_posted(token, &place, &self.message.ts, &key)
                    .await?
            {
                first.get_or_insert(ts);
                continue;
            }
            if number == 0
                && let Some(late) = self.late()
            {
                page.prepend(&late);
            }
            let ts = self.post(token, &place, &page, &key).await?;
            first.get_or_insert(ts);
        }
        first.ok_or_else(|| TaskError::fail("empty_answer", "an answer has no page").into())
    }

    /// Posts one page; sits out a short wait that Slack asks for.
    async fn post(
        &self,
        token: &SecretString,
        place: &Place,
        page: &Page,
        key: &str,
    ) -> Result<String, Stop> {
        let slack = &self.answering.slack;
        match slack.post(token, place, page, key).await {
            Err(SlackError::RateLimited { retry_after }) if self.has_time_for(retry_after) => {
                tokio::time::sleep(retry_after).await;
                Ok(slack.post(token, place, page, key).await?)
            }
            result => Ok(result?),
        }
    }

    fn has_time_for(&self, wait: Duration) -> bool {
        let left = clock::until(self.answering.clock.now(), self.work.deadline);
        wait <= PATIENCE_WITH_SLACK && wait + AFTER_THE_AGENT <= left
    }

    /// Where the answer goes: where it was asked.
    fn place(&self) -> Place {
        let top_of_direct_message = self.message.thread() == DIRECT_MESSAGE_THREAD;
        Place {
            channel: self.message.channel.clone(),
            thread_ts: (!top_of_direct_message).then(|| self.message.thread().to_owned()),
        }
    }

    /// What an answer says of itself that comes so late that the person may wonder.
    fn late(&self) -> Option<String> {
        let waited = clock::until(self.work.envelope.received_at, self.answering.clock.now());
        let minutes = waited.as_secs() / 60;
        (waited >= LATE).then(|| match minutes {
            0..120 => format!(
                "_This answer is late: you asked {minutes} minutes ago, and I could not answer then._"
            ),
            _ => format!(
                "_This answer is late: you asked {} hours ago, and I could not answer then._",
                minutes / 60
            ),
        })
    }

    /// Takes the reaction away that said we were at work. One that stays harms nobody.
    pub(super) async fn unreact(&self, token: &SecretString) {
        let removed = self
            .answering
            .slack
            .remove_reaction(token, &self.message.channel, &self.message.ts, REACTION)
            .await;
        if let Err(error) = removed {
            tracing::debug!(error = %error, "the reaction could not be removed");
        }
    }
}
