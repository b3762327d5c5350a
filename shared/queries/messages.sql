--! insert_user (sender_user_id?, sender_name?) : (sender_name?)
--- Stores what somebody said, and answers the row. The post may be there already (a redelivery, or an older message
--- that a back-fill brought): then that row stays as it is.
WITH inserted AS (
    INSERT INTO messages (message_id, organization_id, conversation_id, role, slack_message_ts, sender_user_id,
                          sender_name, message_text, sent_at, created_at)
    VALUES (:message_id, :organization_id, :conversation_id, 'user', :slack_message_ts, :sender_user_id,
            :sender_name, :message_text, :sent_at, :now)
    ON CONFLICT ON CONSTRAINT messages_slack_message_ts_key DO NOTHING
    RETURNING message_id, sender_name
)
SELECT message_id, sender_name FROM inserted
UNION ALL
SELECT m.message_id, m.sender_name
  FROM messages m
 WHERE m.organization_id = :organization_id
   AND m.conversation_id = :conversation_id
   AND m.slack_message_ts = :slack_message_ts
   AND NOT EXISTS (SELECT FROM inserted);

--! insert_backfill
--- Stores older messages of a thread; those that are there already stay as they are. The arrays are of one length;
--- blank senders and names are none.
INSERT INTO messages (message_id, organization_id, conversation_id, role, slack_message_ts, sender_user_id,
                      sender_name, message_text, sent_at, created_at)
SELECT old.message_id, c.organization_id, c.conversation_id, old.role, old.slack_message_ts,
       nullif(old.sender_user_id, ''), nullif(old.sender_name, ''), old.message_text, old.sent_at, :now
  FROM unnest(:message_ids::uuid[], :roles::text[], :slack_message_tss::text[], :sender_user_ids::text[],
              :sender_names::text[], :message_texts::text[], :sent_ats::timestamptz[])
       AS old (message_id, role, slack_message_ts, sender_user_id, sender_name, message_text, sent_at)
  JOIN conversations c ON c.organization_id = :organization_id AND c.conversation_id = :conversation_id
ON CONFLICT ON CONSTRAINT messages_slack_message_ts_key DO NOTHING
RETURNING message_id;

--! history : (sender_user_id?, sender_name?)
--- The last messages before a point in time, newest first: what people and the assistant said, no notices.
--- An answer counts from the time of its question: it may have been posted after the next question was asked.
SELECT m.message_id, m.role, m.sender_user_id, m.sender_name, m.message_text, m.sent_at
  FROM messages m
  LEFT JOIN messages question ON question.organization_id = m.organization_id AND question.message_id = m.in_reply_to
 WHERE m.organization_id = :organization_id
   AND m.conversation_id = :conversation_id
   AND m.role IN ('user', 'assistant')
   AND coalesce(question.sent_at, m.sent_at) < :before
 ORDER BY m.sent_at DESC, m.message_id DESC
 LIMIT :count;

--! find_answer : (slack_message_ts?)
--- What was stored in reply to a post, if anything was.
SELECT answer.message_id, answer.role, answer.message_text, answer.slack_message_ts
  FROM messages question
  JOIN messages answer ON answer.in_reply_to = question.message_id
                      AND answer.organization_id = question.organization_id
 WHERE question.organization_id = :organization_id
   AND question.conversation_id = :conversation_id
   AND question.slack_message_ts = :slack_message_ts;

--! store_answer (sender_name?)
--- Stores an answer for the worker that holds the lease, all in one: the name of who asked, the answer, and that
--- something was said. Returns whether the lease was held; where it was not, nothing happens.
WITH lease AS (
    SELECT d.fence
      FROM deliveries d
     WHERE d.source = :source AND d.key = :key AND d.fence = :fence AND d.state = 'in_progress'
       FOR UPDATE
), question AS (
    UPDATE messages m
       SET sender_name = coalesce(:sender_name, m.sender_name)
      FROM lease
     WHERE m.organization_id = :organization_id AND m.message_id = :in_reply_to
), answer AS (
    INSERT INTO messages (message_id, organization_id, conversation_id, role, in_reply_to, message_text, sent_at,
                          created_at)
    SELECT :message_id, :organization_id, :conversation_id, :role, :in_reply_to, :message_text, :now, :now
      FROM lease
), conversation AS (
    UPDATE conversations c
       SET updated_at = greatest(c.updated_at, :now)
      FROM lease
     WHERE c.organization_id = :organization_id AND c.conversation_id = :conversation_id
)
SELECT EXISTS (SELECT FROM lease) AS held;

--! finish_posted (reason?)
--- Ends a delivery for the worker that holds the lease, and notes where the answer stands in Slack.
--- Returns whether the lease was held; where it was not, nothing happens.
WITH finished AS (
    UPDATE deliveries d
       SET state = :state, reason = :reason, updated_at = :now
     WHERE d.source = :source AND d.key = :key AND d.fence = :fence AND d.state = 'in_progress'
    RETURNING d.fence
), posted AS (
    UPDATE messages m
       SET slack_message_ts = :slack_message_ts, sent_at = :sent_at
      FROM finished
     WHERE m.organization_id = :organization_id AND m.message_id = :message_id
)
SELECT EXISTS (SELECT FROM finished) AS held;
