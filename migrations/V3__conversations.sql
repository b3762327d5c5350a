CREATE TABLE channels (
    organization_id uuid        NOT NULL,
    team_id         text        NOT NULL,
    channel_id      text        NOT NULL,
    channel_name    text,
    is_monitored    boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT channels_pkey PRIMARY KEY (organization_id, team_id, channel_id),
    CONSTRAINT channels_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE
);
COMMENT ON TABLE channels IS 'Slack channels that an organization has decided something about. A channel without a row is not watched.';
COMMENT ON COLUMN channels.organization_id IS 'Whose channel it is.';
COMMENT ON COLUMN channels.team_id IS 'Slack''s workspace (T…), or the Enterprise Grid organization (E…) where an event names no workspace.';
COMMENT ON COLUMN channels.channel_id IS 'Slack''s id of the channel, C… or G….';
COMMENT ON COLUMN channels.channel_name IS 'Its name when we last heard it.';
COMMENT ON COLUMN channels.is_monitored IS 'True when messages without a mention are answered too.';
COMMENT ON COLUMN channels.created_at IS 'When the row was made.';
COMMENT ON COLUMN channels.updated_at IS 'When the row was last changed.';

CREATE TABLE conversations (
    conversation_id uuid        NOT NULL,
    organization_id uuid        NOT NULL,
    team_id         text        NOT NULL,
    channel_id      text        NOT NULL,
    thread_ts       text        NOT NULL,
    backfilled_at   timestamptz,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT conversations_pkey PRIMARY KEY (conversation_id),
    CONSTRAINT conversations_organization_key UNIQUE (organization_id, conversation_id),
    CONSTRAINT conversations_place_key UNIQUE (organization_id, team_id, channel_id, thread_ts),
    CONSTRAINT conversations_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE
);
COMMENT ON TABLE conversations IS 'Conversations with InfraGPT: a Slack thread, or all that is said at the top level of a direct message.';
COMMENT ON COLUMN conversations.conversation_id IS 'UUIDv7, made by the application.';
COMMENT ON COLUMN conversations.organization_id IS 'Whose conversation it is.';
COMMENT ON COLUMN conversations.team_id IS 'Slack''s workspace (T…), or the Enterprise Grid organization (E…) where an event names no workspace.';
COMMENT ON COLUMN conversations.channel_id IS 'Slack''s id of the channel, C…, G… or D….';
COMMENT ON COLUMN conversations.thread_ts IS 'Slack''s timestamp of the thread''s first message; ''im'' for the top level of a direct message.';
COMMENT ON COLUMN conversations.backfilled_at IS 'When the part of the thread that was older than our first message was read from Slack; NULL while it is not.';
COMMENT ON COLUMN conversations.created_at IS 'When the row was made.';
COMMENT ON COLUMN conversations.updated_at IS 'When something was last said.';

CREATE TABLE messages (
    message_id       uuid        NOT NULL,
    organization_id  uuid        NOT NULL,
    conversation_id  uuid        NOT NULL,
    role             text        NOT NULL,
    in_reply_to      uuid,
    slack_message_ts text,
    sender_user_id   text,
    sender_name      text,
    message_text     text        NOT NULL,
    sent_at          timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    CONSTRAINT messages_pkey PRIMARY KEY (message_id),
    CONSTRAINT messages_conversation_key UNIQUE (conversation_id, message_id),
    CONSTRAINT messages_slack_message_ts_key UNIQUE (conversation_id, slack_message_ts),
    CONSTRAINT messages_in_reply_to_key UNIQUE (in_reply_to),
    CONSTRAINT messages_conversation_id_fkey
        FOREIGN KEY (organization_id, conversation_id)
        REFERENCES conversations (organization_id, conversation_id) ON DELETE CASCADE,
    CONSTRAINT messages_in_reply_to_fkey
        FOREIGN KEY (conversation_id, in_reply_to)
        REFERENCES messages (conversation_id, message_id) ON DELETE CASCADE,
    CONSTRAINT messages_role_check CHECK (role IN ('user', 'assistant', 'notice')),
    CONSTRAINT messages_sender_check CHECK (role <> 'user' OR slack_message_ts IS NOT NULL),
    CONSTRAINT messages_in_reply_to_check CHECK (role <> 'user' OR in_reply_to IS NULL)
);
CREATE INDEX messages_history_idx ON messages (conversation_id, sent_at);
COMMENT ON TABLE messages IS 'What was said in a conversation, by people and by InfraGPT.';
COMMENT ON COLUMN messages.message_id IS 'UUIDv7, made by the application. An answer''s id is also the key under which it is posted.';
COMMENT ON COLUMN messages.organization_id IS 'Whose message it is.';
COMMENT ON COLUMN messages.conversation_id IS 'The conversation it belongs to.';
COMMENT ON COLUMN messages.role IS 'Who speaks: user (a person or another app), assistant (an answer), notice (InfraGPT about itself, such as an apology; no part of the history that the agent sees).';
COMMENT ON COLUMN messages.in_reply_to IS 'The message that an answer or a notice is for; each message has one of them at the most.';
COMMENT ON COLUMN messages.slack_message_ts IS 'Slack''s timestamp of the post, its id in the channel. NULL for an answer that is stored and not known to be posted.';
COMMENT ON COLUMN messages.sender_user_id IS 'Slack''s id of who wrote it: a user (U…, W…) or an app (B…). NULL for our own.';
COMMENT ON COLUMN messages.sender_name IS 'Name of who wrote it, as people see it; NULL while it is not known.';
COMMENT ON COLUMN messages.message_text IS 'What was said. Personal data; never logged.';
COMMENT ON COLUMN messages.sent_at IS 'When it was said: by Slack''s clock where it stands in Slack, else by ours.';
COMMENT ON COLUMN messages.created_at IS 'When the row was made.';

ALTER TABLE channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE channels FORCE ROW LEVEL SECURITY;
ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversations FORCE ROW LEVEL SECURITY;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;

CREATE POLICY own_organization ON channels
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization ON conversations
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization ON messages
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON channels, conversations, messages TO infragpt_application;
