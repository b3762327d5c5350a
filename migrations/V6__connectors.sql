-- Six connectors. Beside the organization, row-level security reads three more settings here, and one of V5 in more
-- tables:
--   app.state_hash       the hash of one state that came back through a browser, in hexadecimal digits
--   app.due_before       a time: credentials that are to be refreshed, connections whose third parties are to be asked,
--                        and ends of connections that third parties are to be told of, by then, to be found
--   app.credentials_key  a KMS key: what is sealed under another, to be found
--   app.expired_before   a time: what expired before then, to be read and removed
-- What is due, or sealed under another key, is found so and then worked on in the name of its organization.

ALTER TABLE integrations
    ADD COLUMN health_message text,
    ADD COLUMN health_remedy text,
    ADD COLUMN health_checked_at timestamptz,
    ADD COLUMN check_at timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00Z',
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN synced_at timestamptz,
    ADD COLUMN sync_at timestamptz,
    ADD COLUMN source_updated_at timestamptz,
    ADD CONSTRAINT integrations_failures_check CHECK (failures >= 0),
    ADD CONSTRAINT integrations_health_remedy_check
        CHECK (health_remedy IN ('wait', 'reconnect', 'grant', 'operator'));
COMMENT ON COLUMN integrations.health_message IS 'Why it is not healthy, in our words for a person; nothing that the third party wrote. NULL where the reason says it all.';
COMMENT ON COLUMN integrations.health_remedy IS 'What helps: wait (it is tried again by itself), reconnect or grant (an admin acts here or at the third party), operator (whoever runs this deployment acts). NULL when healthy, and for what was written before the column was.';
COMMENT ON COLUMN integrations.health_checked_at IS 'When the third party was last asked whether it works; NULL while it has not been.';
COMMENT ON COLUMN integrations.check_at IS 'When the third party is asked next by itself whether it works: some hours after it was last asked, earlier when what failed is tried again. Long ago for what was written before the column was.';
COMMENT ON COLUMN integrations.retry_at IS 'When what failed is tried again by itself; NULL where nothing is.';
COMMENT ON COLUMN integrations.failures IS 'How often in a row refreshing the credentials has failed.';
COMMENT ON COLUMN integrations.synced_at IS 'When what it reaches, such as repositories, was last read in full; NULL while it has not been.';
COMMENT ON COLUMN integrations.sync_at IS 'When that is read in full next by itself. NULL where it reaches nothing that could be read.';
COMMENT ON COLUMN integrations.source_updated_at IS 'The third party''s own time of what it last told of the connection itself; older news changes nothing. NULL where it tells none, and until it has told something.';
CREATE INDEX integrations_check_at_idx
    ON integrations (check_at, integration_id) WHERE status IN ('active', 'suspended', 'pending');
CREATE INDEX integrations_sync_at_idx ON integrations (sync_at, integration_id) WHERE status = 'active';

ALTER TABLE integration_credentials
    ADD COLUMN refresh_at timestamptz,
    ADD COLUMN refresh_started_at timestamptz;
COMMENT ON COLUMN integration_credentials.refresh_at IS 'When they are to be refreshed by themselves: some time before they end, or when what failed is tried again. NULL for those that are not.';
COMMENT ON COLUMN integration_credentials.refresh_started_at IS 'When a refresh was begun of which it is not known how it ended: the process died, or the third party did not answer in time. It may have taken the refresh token and given another one that never arrived. NULL while there is none.';
CREATE INDEX integration_credentials_refresh_at_idx
    ON integration_credentials (refresh_at) WHERE refresh_at IS NOT NULL;

ALTER TABLE reconciliations
    ADD COLUMN after_id uuid;
COMMENT ON TABLE reconciliations IS 'How far work has come that goes through everything, such as comparisons with third parties, so that the next run goes on from there. Belongs to no organization and holds no content.';
COMMENT ON COLUMN reconciliations.after_id IS 'The id of the last thing that is done, where things are gone through by id; NULL at the beginning.';

ALTER TABLE oauth_states
    ADD COLUMN clerk_session_id text NOT NULL DEFAULT '',
    ADD COLUMN replaces boolean NOT NULL DEFAULT false,
    ADD COLUMN impersonated_by text;
-- Whoever connects is of the organization.
ALTER TABLE oauth_states
    DROP CONSTRAINT oauth_states_user_id_fkey,
    ADD CONSTRAINT oauth_states_member_fkey
        FOREIGN KEY (organization_id, user_id) REFERENCES organization_members (organization_id, user_id)
        ON DELETE CASCADE;
COMMENT ON COLUMN oauth_states.clerk_session_id IS 'The session that started it, sess_…, which must be the one that ends it.';
COMMENT ON COLUMN oauth_states.impersonated_by IS 'Clerk''s id of who started it in the person''s place, for the record; NULL where the person did.';
COMMENT ON COLUMN oauth_states.replaces IS 'Whether it may take the place of a connection to another account.';
-- A browser that comes back brings the state and no session.
CREATE POLICY by_state ON oauth_states
    USING (state_hash = decode(nullif(current_setting('app.state_hash', true), ''), 'hex'));

CREATE TABLE integration_nonces (
    organization_id uuid        NOT NULL,
    connector_type  text        NOT NULL,
    nonce           text        NOT NULL,
    integration_id  uuid        NOT NULL,
    created_at      timestamptz NOT NULL,
    CONSTRAINT integration_nonces_pkey PRIMARY KEY (organization_id, connector_type),
    CONSTRAINT integration_nonces_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE
);
COMMENT ON TABLE integration_nonces IS 'What third parties tie connections to: random words of ours, such as the ExternalId of a role in AWS, and the ids of connections, which are in the addresses of webhooks. Made when somebody first starts to connect, and kept: what was set up with it stays good.';
COMMENT ON COLUMN integration_nonces.organization_id IS 'Whose connection it is for.';
COMMENT ON COLUMN integration_nonces.connector_type IS 'Which third party.';
COMMENT ON COLUMN integration_nonces.nonce IS '256 random bits as hexadecimal digits. No secret: it is shown to those who connect.';
COMMENT ON COLUMN integration_nonces.integration_id IS 'The id of the connection, if there was none before: what an attempt left behind that did not come to its end, the next one finds.';
COMMENT ON COLUMN integration_nonces.created_at IS 'When it was made.';

CREATE TABLE integration_revocations (
    integration_id     uuid        NOT NULL,
    organization_id    uuid        NOT NULL,
    connector_type     text        NOT NULL,
    account            jsonb       NOT NULL,
    ciphertext         bytea       NOT NULL,
    nonce              bytea       NOT NULL,
    wrapped_key        bytea       NOT NULL,
    encryption_key_id  text        NOT NULL,
    encryption_version smallint    NOT NULL,
    attempts           integer     NOT NULL DEFAULT 0,
    retry_at           timestamptz NOT NULL,
    give_up_at         timestamptz NOT NULL,
    created_at         timestamptz NOT NULL,
    CONSTRAINT integration_revocations_pkey PRIMARY KEY (integration_id, created_at),
    CONSTRAINT integration_revocations_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE,
    CONSTRAINT integration_revocations_nonce_check CHECK (octet_length(nonce) = 12),
    CONSTRAINT integration_revocations_attempts_check CHECK (attempts >= 0)
);
CREATE INDEX integration_revocations_retry_at_idx ON integration_revocations (retry_at);
COMMENT ON TABLE integration_revocations IS 'Connections that were ended here while the third party could not be told. Their credentials are out of reach of everything but the telling, and go when it has been told or can no longer be.';
COMMENT ON COLUMN integration_revocations.integration_id IS 'The connection that was ended; bound into the seal.';
COMMENT ON COLUMN integration_revocations.organization_id IS 'Whose it was; bound into the seal.';
COMMENT ON COLUMN integration_revocations.connector_type IS 'Which third party; bound into the seal.';
COMMENT ON COLUMN integration_revocations.account IS 'What was connected, as the connector needs it to tell the third party; never a secret.';
COMMENT ON COLUMN integration_revocations.ciphertext IS 'The credentials, as in integration_credentials.';
COMMENT ON COLUMN integration_revocations.nonce IS 'As in integration_credentials.';
COMMENT ON COLUMN integration_revocations.wrapped_key IS 'As in integration_credentials.';
COMMENT ON COLUMN integration_revocations.encryption_key_id IS 'As in integration_credentials.';
COMMENT ON COLUMN integration_revocations.encryption_version IS 'As in integration_credentials.';
COMMENT ON COLUMN integration_revocations.attempts IS 'How often the third party was told in vain.';
COMMENT ON COLUMN integration_revocations.retry_at IS 'When it is told again.';
COMMENT ON COLUMN integration_revocations.give_up_at IS 'When the credentials are dropped whether it was told or not.';
COMMENT ON COLUMN integration_revocations.created_at IS 'When the connection was ended.';

CREATE TABLE github_unclaimed_installations (
    github_installation_id bigint      NOT NULL,
    github_account_id      bigint      NOT NULL,
    github_account_type    text        NOT NULL,
    is_suspended           boolean     NOT NULL,
    event_time             timestamptz NOT NULL,
    deleted_at             timestamptz,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    CONSTRAINT github_unclaimed_installations_pkey PRIMARY KEY (github_installation_id)
);
COMMENT ON TABLE github_unclaimed_installations IS 'Installations of our GitHub App that were begun at GitHub and that no organization has claimed yet. They belong to nobody here and hold neither names nor credentials: whoever claims one asks GitHub. They go when they are claimed, and some months after the last news of them; also those that are gone at GitHub, so that late news does not bring them back.';
COMMENT ON COLUMN github_unclaimed_installations.github_installation_id IS 'GitHub''s number of the installation.';
COMMENT ON COLUMN github_unclaimed_installations.github_account_id IS 'GitHub''s number of the account that it is installed on.';
COMMENT ON COLUMN github_unclaimed_installations.github_account_type IS 'What that account is, in GitHub''s words: User or Organization.';
COMMENT ON COLUMN github_unclaimed_installations.is_suspended IS 'Whether it is on hold at GitHub.';
COMMENT ON COLUMN github_unclaimed_installations.event_time IS 'When it last changed, by GitHub''s clock; an older event changes nothing.';
COMMENT ON COLUMN github_unclaimed_installations.deleted_at IS 'When it was removed at GitHub, for good; NULL while it is there.';
COMMENT ON COLUMN github_unclaimed_installations.created_at IS 'When the row was made.';
COMMENT ON COLUMN github_unclaimed_installations.updated_at IS 'When the row was last changed.';

ALTER TABLE github_repositories
    ADD COLUMN source_updated_at timestamptz;
COMMENT ON COLUMN github_repositories.source_updated_at IS 'GitHub''s own time of what was last applied; older news changes nothing. NULL for what an older release wrote.';

CREATE TABLE integration_activities (
    integration_activity_id uuid        NOT NULL,
    organization_id         uuid        NOT NULL,
    integration_id          uuid        NOT NULL,
    dedupe_key              text        NOT NULL,
    kind                    text        NOT NULL,
    action                  text        NOT NULL,
    subject_id              text        NOT NULL,
    subject                 text        NOT NULL,
    title                   text        NOT NULL,
    actor                   text,
    url                     text,
    occurred_at             timestamptz NOT NULL,
    expires_at              timestamptz NOT NULL,
    created_at              timestamptz NOT NULL,
    CONSTRAINT integration_activities_pkey PRIMARY KEY (integration_activity_id),
    CONSTRAINT integration_activities_dedupe_key UNIQUE (integration_id, dedupe_key),
    CONSTRAINT integration_activities_integration_fkey
        FOREIGN KEY (organization_id, integration_id)
        REFERENCES integrations (organization_id, integration_id) ON DELETE CASCADE
);
CREATE INDEX integration_activities_list_idx
    ON integration_activities (organization_id, occurred_at, integration_activity_id);
CREATE INDEX integration_activities_subject_idx
    ON integration_activities (integration_id, subject_id, occurred_at);
CREATE INDEX integration_activities_expires_at_idx ON integration_activities (expires_at);
COMMENT ON TABLE integration_activities IS 'What happened at third parties that are connected: pushes, pull requests, deployments, alerts. A bounded number for each subject, and for a limited time.';
COMMENT ON COLUMN integration_activities.integration_activity_id IS 'UUIDv7, made by the application.';
COMMENT ON COLUMN integration_activities.organization_id IS 'Whose connection told of it.';
COMMENT ON COLUMN integration_activities.integration_id IS 'The connection that told of it.';
COMMENT ON COLUMN integration_activities.dedupe_key IS 'What makes two tellings of it the same, in the connection.';
COMMENT ON COLUMN integration_activities.kind IS 'What it is, in the third party''s word, such as pull_request.';
COMMENT ON COLUMN integration_activities.action IS 'What became of it, in the third party''s word, such as opened; blank where there is none.';
COMMENT ON COLUMN integration_activities.subject_id IS 'The third party''s id of what it happened to: a repository''s number, a service''s id.';
COMMENT ON COLUMN integration_activities.subject IS 'Name of what it happened to, such as owner/repository.';
COMMENT ON COLUMN integration_activities.title IS 'What people call it, cut to a bounded length.';
COMMENT ON COLUMN integration_activities.actor IS 'Who did it, as the third party names them; NULL where nobody is named.';
COMMENT ON COLUMN integration_activities.url IS 'Its page at the third party; NULL where there is none.';
COMMENT ON COLUMN integration_activities.occurred_at IS 'When it happened, by the third party''s clock.';
COMMENT ON COLUMN integration_activities.expires_at IS 'When the row goes.';
COMMENT ON COLUMN integration_activities.created_at IS 'When the row was made.';

CREATE TABLE alerts (
    alert_id           uuid        NOT NULL,
    organization_id    uuid        NOT NULL,
    integration_id     uuid        NOT NULL,
    dedupe_key         text        NOT NULL,
    severity           text        NOT NULL,
    state              text        NOT NULL,
    title              text        NOT NULL,
    service            text,
    url                text,
    source_updated_at  timestamptz NOT NULL,
    slack_channel_id   text,
    slack_message_ts   text,
    posted_state       text,
    posted_updated_at  timestamptz,
    posting_attempts   integer     NOT NULL DEFAULT 0,
    posting_since      timestamptz,
    posting_until      timestamptz,
    undelivered_reason text,
    expires_at         timestamptz NOT NULL,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT alerts_pkey PRIMARY KEY (alert_id),
    CONSTRAINT alerts_dedupe_key UNIQUE (integration_id, dedupe_key),
    CONSTRAINT alerts_integration_fkey
        FOREIGN KEY (organization_id, integration_id)
        REFERENCES integrations (organization_id, integration_id) ON DELETE CASCADE,
    CONSTRAINT alerts_severity_check CHECK (severity IN ('critical', 'high', 'warning', 'info')),
    CONSTRAINT alerts_state_check CHECK (state IN ('triggered', 'acknowledged', 'resolved')),
    CONSTRAINT alerts_posting_attempts_check CHECK (posting_attempts >= 0)
);
CREATE INDEX alerts_list_idx ON alerts (organization_id, created_at, alert_id);
CREATE INDEX alerts_surplus_idx ON alerts (integration_id, source_updated_at);
CREATE INDEX alerts_expires_at_idx ON alerts (expires_at);
COMMENT ON TABLE alerts IS 'Incidents of PagerDuty and alerts of Datadog, as they last stood.';
COMMENT ON COLUMN alerts.alert_id IS 'UUIDv7, made by the application; also the key under which it is posted.';
COMMENT ON COLUMN alerts.organization_id IS 'Whose it is.';
COMMENT ON COLUMN alerts.integration_id IS 'The connection that told of it.';
COMMENT ON COLUMN alerts.dedupe_key IS 'The third party''s id of the incident or alert, in the connection.';
COMMENT ON COLUMN alerts.severity IS 'How bad it is, in our words.';
COMMENT ON COLUMN alerts.state IS 'Where it stands, in our words.';
COMMENT ON COLUMN alerts.title IS 'What people call it, cut to a bounded length.';
COMMENT ON COLUMN alerts.service IS 'What it is about; NULL where nothing is named.';
COMMENT ON COLUMN alerts.url IS 'Its page at the third party; NULL where there is none.';
COMMENT ON COLUMN alerts.source_updated_at IS 'When it last changed, by the third party''s clock; older news changes nothing.';
COMMENT ON COLUMN alerts.slack_channel_id IS 'The channel that it is posted in, from before it is; NULL while nobody has begun to.';
COMMENT ON COLUMN alerts.slack_message_ts IS 'The message that tells of it, which is changed when the alert does; NULL while it is not known to be posted.';
COMMENT ON COLUMN alerts.posted_state IS 'What the message says of its state; NULL while it has not been posted.';
COMMENT ON COLUMN alerts.posted_updated_at IS 'As of when the message tells of it, by the third party''s clock; NULL while it has not been posted.';
COMMENT ON COLUMN alerts.posting_attempts IS 'How often it was begun to tell Slack without its being known how that ended. From the second time on it is looked for in the channel first.';
COMMENT ON COLUMN alerts.posting_since IS 'When the first of those was begun: what it posted is not older. NULL while there is none.';
COMMENT ON COLUMN alerts.posting_until IS 'Until when somebody is at it, and others leave it alone; NULL while nobody is.';
COMMENT ON COLUMN alerts.undelivered_reason IS 'Why Slack did not take what it last became, as a code; NULL where it did, or has not been told.';
COMMENT ON COLUMN alerts.expires_at IS 'When the row goes.';
COMMENT ON COLUMN alerts.created_at IS 'When the row was made.';
COMMENT ON COLUMN alerts.updated_at IS 'When the row was last changed.';

CREATE TABLE alert_settings (
    organization_id    uuid        NOT NULL,
    slack_channel_id   text,
    minimum_severity   text        NOT NULL DEFAULT 'info',
    undelivered_reason text,
    undelivered_at     timestamptz,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT alert_settings_pkey PRIMARY KEY (organization_id),
    CONSTRAINT alert_settings_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE,
    CONSTRAINT alert_settings_minimum_severity_check
        CHECK (minimum_severity IN ('critical', 'high', 'warning', 'info'))
);
COMMENT ON TABLE alert_settings IS 'What becomes of an organization''s alerts; one row at the most.';
COMMENT ON COLUMN alert_settings.organization_id IS 'The organization.';
COMMENT ON COLUMN alert_settings.slack_channel_id IS 'The channel that alerts are posted in; NULL for none.';
COMMENT ON COLUMN alert_settings.minimum_severity IS 'The least severity that is posted.';
COMMENT ON COLUMN alert_settings.undelivered_reason IS 'Why Slack did not take the last alert in that channel, as a code; NULL where it did, and when the settings have changed since.';
COMMENT ON COLUMN alert_settings.undelivered_at IS 'Since when it has not; NULL where it has.';
COMMENT ON COLUMN alert_settings.updated_at IS 'When it was last set.';

ALTER TABLE integration_nonces ENABLE ROW LEVEL SECURITY;
ALTER TABLE integration_nonces FORCE ROW LEVEL SECURITY;
ALTER TABLE integration_revocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE integration_revocations FORCE ROW LEVEL SECURITY;
ALTER TABLE integration_activities ENABLE ROW LEVEL SECURITY;
ALTER TABLE integration_activities FORCE ROW LEVEL SECURITY;
ALTER TABLE alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts FORCE ROW LEVEL SECURITY;
ALTER TABLE alert_settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_settings FORCE ROW LEVEL SECURITY;

CREATE POLICY own_organization ON integration_nonces
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization ON integration_revocations
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization ON integration_activities
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization ON alerts
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization ON alert_settings
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

CREATE POLICY due_check ON integrations FOR SELECT
    USING (status IN ('active', 'suspended', 'pending')
       AND check_at <= nullif(current_setting('app.due_before', true), '')::timestamptz);
CREATE POLICY due_sync ON integrations FOR SELECT
    USING (status = 'active'
       AND sync_at <= nullif(current_setting('app.due_before', true), '')::timestamptz);
CREATE POLICY due ON integration_credentials FOR SELECT
    USING (refresh_at <= nullif(current_setting('app.due_before', true), '')::timestamptz);
CREATE POLICY due ON integration_revocations FOR SELECT
    USING (retry_at <= nullif(current_setting('app.due_before', true), '')::timestamptz);
CREATE POLICY under_another_key ON integration_credentials FOR SELECT
    USING (encryption_key_id <> nullif(current_setting('app.credentials_key', true), ''));
CREATE POLICY under_another_key ON integration_revocations FOR SELECT
    USING (encryption_key_id <> nullif(current_setting('app.credentials_key', true), ''));

CREATE POLICY expired_read ON oauth_states FOR SELECT
    USING (expires_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_delete ON oauth_states FOR DELETE
    USING (expires_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_read ON integration_activities FOR SELECT
    USING (expires_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_delete ON integration_activities FOR DELETE
    USING (expires_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_read ON alerts FOR SELECT
    USING (expires_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_delete ON alerts FOR DELETE
    USING (expires_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);

GRANT SELECT, INSERT, UPDATE, DELETE
    ON integration_nonces, integration_revocations, github_unclaimed_installations, integration_activities, alerts,
       alert_settings
    TO infragpt_application;
