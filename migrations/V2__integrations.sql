CREATE TABLE integrations (
    integration_id            uuid        NOT NULL,
    organization_id           uuid        NOT NULL,
    user_id                   uuid,
    connector_type            text        NOT NULL,
    status                    text        NOT NULL,
    health                    text        NOT NULL DEFAULT 'healthy',
    health_reason             text,
    health_changed_at         timestamptz NOT NULL,
    generation                integer     NOT NULL DEFAULT 1,
    external_id               text,
    bot_id                    text,
    connector_user_id         text,
    connector_organization_id text,
    metadata                  jsonb       NOT NULL DEFAULT '{}',
    installed_at              timestamptz NOT NULL,
    last_used_at              timestamptz,
    created_at                timestamptz NOT NULL,
    updated_at                timestamptz NOT NULL,
    CONSTRAINT integrations_pkey PRIMARY KEY (integration_id),
    -- What other tables refer to, so that a row and the integration it belongs to are of the same organization.
    CONSTRAINT integrations_organization_key UNIQUE (organization_id, integration_id),
    CONSTRAINT integrations_organization_connector_key UNIQUE (organization_id, connector_type),
    CONSTRAINT integrations_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE,
    CONSTRAINT integrations_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL,
    CONSTRAINT integrations_status_check
        CHECK (status IN ('active', 'inactive', 'pending', 'not_started', 'suspended', 'deleted')),
    CONSTRAINT integrations_health_check
        CHECK (health IN ('healthy', 'degraded', 'needs_reauth', 'revoked')),
    CONSTRAINT integrations_health_reason_check
        CHECK ((health = 'healthy') = (health_reason IS NULL)),
    CONSTRAINT integrations_generation_check CHECK (generation > 0),
    CONSTRAINT integrations_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);
-- One workspace, one tenant: what events come from belongs to one organization at a time. A connection that has ended
-- leaves the place free.
CREATE UNIQUE INDEX integrations_external_id_key
    ON integrations (connector_type, external_id) WHERE status NOT IN ('inactive', 'deleted');
COMMENT ON TABLE integrations IS 'Connections of organizations to third parties, one per organization and connector.';
COMMENT ON COLUMN integrations.integration_id IS 'UUIDv7, made by the application.';
COMMENT ON COLUMN integrations.organization_id IS 'Whose connection it is.';
COMMENT ON COLUMN integrations.user_id IS 'Who connected it; NULL once that person is gone.';
COMMENT ON COLUMN integrations.connector_type IS 'Which third party; a name of the code''s list of connectors. No CHECK, so that a new connector needs no migration.';
COMMENT ON COLUMN integrations.status IS 'Where it stands: not_started, pending, active, suspended by the third party, inactive (disconnected), deleted. Inactive and deleted ones are not found by events.';
COMMENT ON COLUMN integrations.health IS 'How well it works: healthy, degraded (tried again by itself), needs_reauth (a person must connect again), revoked (taken back at the third party).';
COMMENT ON COLUMN integrations.health_reason IS 'Why it is not healthy: a code, such as Slack''s token_revoked. NULL exactly when healthy.';
COMMENT ON COLUMN integrations.health_changed_at IS 'When health was last set.';
COMMENT ON COLUMN integrations.generation IS 'Counts the times it was connected. What was learnt with one generation''s credentials says nothing about the next.';
COMMENT ON COLUMN integrations.external_id IS 'What the third party''s events name: Slack''s workspace (T…), or for an org-wide installation its Enterprise Grid organization (E…); GitHub''s installation id. NULL where no events come.';
COMMENT ON COLUMN integrations.bot_id IS 'Our side at the third party: Slack''s user id of our bot (U…), GitHub''s installation id.';
COMMENT ON COLUMN integrations.connector_user_id IS 'The account that it was connected with, as the third party names it.';
COMMENT ON COLUMN integrations.connector_organization_id IS 'The third party''s id of what is connected: Slack''s workspace or Enterprise Grid organization, GitHub''s account, a cloud account or project.';
COMMENT ON COLUMN integrations.metadata IS 'What a connector shows about a connection: names, regions, sites. Strings by name; never a secret.';
COMMENT ON COLUMN integrations.installed_at IS 'When it was last connected, by the third party''s clock. Older events about an end of the connection do not touch it.';
COMMENT ON COLUMN integrations.last_used_at IS 'When its credentials last did something.';
COMMENT ON COLUMN integrations.created_at IS 'When the row was made.';
COMMENT ON COLUMN integrations.updated_at IS 'When the row was last changed.';

CREATE TABLE integration_credentials (
    integration_id        uuid        NOT NULL,
    organization_id       uuid        NOT NULL,
    ciphertext            bytea       NOT NULL,
    nonce                 bytea       NOT NULL,
    wrapped_key           bytea       NOT NULL,
    encryption_key_id     text        NOT NULL,
    encryption_version    smallint    NOT NULL,
    expires_at            timestamptz,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    CONSTRAINT integration_credentials_pkey PRIMARY KEY (integration_id),
    CONSTRAINT integration_credentials_integration_fkey
        FOREIGN KEY (organization_id, integration_id)
        REFERENCES integrations (organization_id, integration_id) ON DELETE CASCADE,
    CONSTRAINT integration_credentials_nonce_check CHECK (octet_length(nonce) = 12),
    CONSTRAINT integration_credentials_encryption_version_check CHECK (encryption_version > 0)
);
CREATE INDEX integration_credentials_expires_at_idx
    ON integration_credentials (expires_at) WHERE expires_at IS NOT NULL;
COMMENT ON TABLE integration_credentials IS 'Sealed credentials, one row per connection, apart from it so that no statement about connections can read them. Deleting the row destroys the only copy of the wrapped key.';
COMMENT ON COLUMN integration_credentials.integration_id IS 'The connection they belong to; bound into the seal.';
COMMENT ON COLUMN integration_credentials.organization_id IS 'Whose they are; bound into the seal.';
COMMENT ON COLUMN integration_credentials.ciphertext IS 'The credentials as JSON, AES-256-GCM, tag at the end.';
COMMENT ON COLUMN integration_credentials.nonce IS 'The 96-bit nonce of the ciphertext.';
COMMENT ON COLUMN integration_credentials.wrapped_key IS 'The data key, encrypted by KMS under an encryption context that names organization, connector and integration.';
COMMENT ON COLUMN integration_credentials.encryption_key_id IS 'ARN of the KMS key that wraps the data key.';
COMMENT ON COLUMN integration_credentials.encryption_version IS 'Version of the sealing scheme; bound into the seal.';
COMMENT ON COLUMN integration_credentials.expires_at IS 'When the credentials end by themselves; NULL for those that do not.';
COMMENT ON COLUMN integration_credentials.created_at IS 'When credentials were first stored.';
COMMENT ON COLUMN integration_credentials.updated_at IS 'When they were last replaced.';

CREATE TABLE oauth_states (
    state_hash      bytea       NOT NULL,
    organization_id uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    connector_type  text        NOT NULL,
    browser_hash    bytea       NOT NULL,
    code_verifier   text,
    redirect_uri    text        NOT NULL,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    CONSTRAINT oauth_states_pkey PRIMARY KEY (state_hash),
    CONSTRAINT oauth_states_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE,
    CONSTRAINT oauth_states_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT oauth_states_state_hash_check CHECK (octet_length(state_hash) = 32),
    CONSTRAINT oauth_states_browser_hash_check CHECK (octet_length(browser_hash) = 32),
    CONSTRAINT oauth_states_expires_at_check CHECK (expires_at <= created_at + interval '10 minutes')
);
CREATE INDEX oauth_states_expires_at_idx ON oauth_states (expires_at);
COMMENT ON TABLE oauth_states IS 'Connections that have been started and not come back yet. Each is used once: it is deleted in the statement that reads it.';
COMMENT ON COLUMN oauth_states.state_hash IS 'SHA-256 of the random state that travels through the browser.';
COMMENT ON COLUMN oauth_states.organization_id IS 'Who is connecting.';
COMMENT ON COLUMN oauth_states.user_id IS 'The person who started it, and must be the one who ends it.';
COMMENT ON COLUMN oauth_states.connector_type IS 'What is being connected.';
COMMENT ON COLUMN oauth_states.browser_hash IS 'SHA-256 of the cookie of the browser that started it.';
COMMENT ON COLUMN oauth_states.code_verifier IS 'PKCE verifier, for third parties that take one.';
COMMENT ON COLUMN oauth_states.redirect_uri IS 'Where the third party was told to come back to; sent again, exactly, with the code.';
COMMENT ON COLUMN oauth_states.created_at IS 'When it was started.';
COMMENT ON COLUMN oauth_states.expires_at IS 'When it ends, ten minutes later at the most.';

CREATE TABLE github_repositories (
    integration_id         uuid        NOT NULL,
    github_repository_id   bigint      NOT NULL,
    organization_id        uuid        NOT NULL,
    repository_name        text        NOT NULL,
    repository_full_name   text        NOT NULL,
    repository_url         text        NOT NULL,
    is_private             boolean     NOT NULL,
    default_branch         text,
    permission_admin       boolean     NOT NULL,
    permission_push        boolean     NOT NULL,
    permission_pull        boolean     NOT NULL,
    repository_description text,
    repository_language    text,
    github_created_at      timestamptz,
    github_updated_at      timestamptz,
    github_pushed_at       timestamptz,
    last_synced_at         timestamptz NOT NULL,
    created_at             timestamptz NOT NULL,
    updated_at             timestamptz NOT NULL,
    CONSTRAINT github_repositories_pkey PRIMARY KEY (integration_id, github_repository_id),
    CONSTRAINT github_repositories_integration_fkey
        FOREIGN KEY (organization_id, integration_id)
        REFERENCES integrations (organization_id, integration_id) ON DELETE CASCADE
);
CREATE INDEX github_repositories_organization_idx ON github_repositories (organization_id, repository_full_name);
COMMENT ON TABLE github_repositories IS 'Repositories that a GitHub connection reaches.';
COMMENT ON COLUMN github_repositories.integration_id IS 'The connection.';
COMMENT ON COLUMN github_repositories.github_repository_id IS 'GitHub''s number of the repository.';
COMMENT ON COLUMN github_repositories.organization_id IS 'Whose connection it is.';
COMMENT ON COLUMN github_repositories.repository_name IS 'Name without the owner.';
COMMENT ON COLUMN github_repositories.repository_full_name IS 'Owner and name.';
COMMENT ON COLUMN github_repositories.repository_url IS 'Its page.';
COMMENT ON COLUMN github_repositories.is_private IS 'True when only members see it.';
COMMENT ON COLUMN github_repositories.default_branch IS 'Its default branch; NULL while GitHub has not told it.';
COMMENT ON COLUMN github_repositories.permission_admin IS 'Whether the installation may administer it.';
COMMENT ON COLUMN github_repositories.permission_push IS 'Whether the installation may push.';
COMMENT ON COLUMN github_repositories.permission_pull IS 'Whether the installation may read.';
COMMENT ON COLUMN github_repositories.repository_description IS 'Description; NULL where there is none.';
COMMENT ON COLUMN github_repositories.repository_language IS 'Main language, as GitHub sees it; NULL where there is none.';
COMMENT ON COLUMN github_repositories.github_created_at IS 'When it was created at GitHub.';
COMMENT ON COLUMN github_repositories.github_updated_at IS 'When it was last changed at GitHub.';
COMMENT ON COLUMN github_repositories.github_pushed_at IS 'When it was last pushed to.';
COMMENT ON COLUMN github_repositories.last_synced_at IS 'When we last read it from GitHub; rows that a full reading did not touch are gone there.';
COMMENT ON COLUMN github_repositories.created_at IS 'When the row was made.';
COMMENT ON COLUMN github_repositories.updated_at IS 'When the row was last changed.';

ALTER TABLE integrations ENABLE ROW LEVEL SECURITY;
ALTER TABLE integrations FORCE ROW LEVEL SECURITY;
ALTER TABLE integration_credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE integration_credentials FORCE ROW LEVEL SECURITY;
ALTER TABLE oauth_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_states FORCE ROW LEVEL SECURITY;
ALTER TABLE github_repositories ENABLE ROW LEVEL SECURITY;
ALTER TABLE github_repositories FORCE ROW LEVEL SECURITY;

CREATE POLICY own_organization ON integrations
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
-- An event names a workspace, not an organization: it may read the connection of that one workspace.
CREATE POLICY external_lookup ON integrations FOR SELECT
    USING (connector_type = split_part(current_setting('app.external_id', true), ':', 1)
       AND external_id = split_part(current_setting('app.external_id', true), ':', 2));
CREATE POLICY own_organization ON integration_credentials
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY external_lookup ON integration_credentials FOR SELECT
    USING (integration_id IN (
        SELECT i.integration_id FROM integrations i
         WHERE i.connector_type = split_part(current_setting('app.external_id', true), ':', 1)
           AND i.external_id = split_part(current_setting('app.external_id', true), ':', 2)));
CREATE POLICY own_organization ON oauth_states
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization ON github_repositories
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON integrations, integration_credentials, oauth_states, github_repositories
    TO infragpt_application;
