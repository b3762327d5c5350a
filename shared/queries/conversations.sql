--: Conversation(backfilled_at?)

--! find : Conversation
--- The conversation at a place, if there is one; its row stays locked until the transaction ends.
SELECT conversation_id, backfilled_at, false AS created
  FROM conversations
 WHERE organization_id = :organization_id
   AND team_id = :team_id
   AND channel_id = :channel_id
   AND thread_ts = :thread_ts
   FOR UPDATE;

--! find_or_insert : Conversation
--- The conversation at a place, made if there was none; its row stays locked until the transaction ends.
--- `created` tells the two apart: a row that this statement inserted carries the id it was given.
--- One that begins here has nothing older to be read from Slack.
INSERT INTO conversations (conversation_id, organization_id, team_id, channel_id, thread_ts, backfilled_at, created_at,
                           updated_at)
VALUES (:conversation_id, :organization_id, :team_id, :channel_id, :thread_ts,
        CASE WHEN :begins_here::boolean THEN :now::timestamptz END, :now, :now)
ON CONFLICT ON CONSTRAINT conversations_place_key DO UPDATE
   SET updated_at = greatest(conversations.updated_at, :now)
 WHERE conversations.organization_id = :organization_id
RETURNING conversation_id, backfilled_at, conversation_id = :conversation_id AS created;

--! find_or_insert_monitored : Conversation
--- The same, in a watched channel only; no row where the channel is not watched.
INSERT INTO conversations (conversation_id, organization_id, team_id, channel_id, thread_ts, backfilled_at, created_at,
                           updated_at)
SELECT :conversation_id, c.organization_id, c.team_id, c.channel_id, :thread_ts,
       CASE WHEN :begins_here::boolean THEN :now::timestamptz END, :now, :now
  FROM channels c
 WHERE c.organization_id = :organization_id
   AND c.team_id = :team_id
   AND c.channel_id = :channel_id
   AND c.is_monitored
ON CONFLICT ON CONSTRAINT conversations_place_key DO UPDATE
   SET updated_at = greatest(conversations.updated_at, :now)
 WHERE conversations.organization_id = :organization_id
RETURNING conversation_id, backfilled_at, conversation_id = :conversation_id AS created;

--! update_backfilled
--- Notes that the older part of the thread has been read from Slack.
UPDATE conversations
   SET backfilled_at = :now
 WHERE organization_id = :organization_id
   AND conversation_id = :conversation_id
RETURNING conversation_id;
