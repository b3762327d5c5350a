-- People, organizations and memberships come from Clerk now. Their rows are found by Clerk's ids before ours are known,
-- so row-level security reads these settings in the place of app.clerk_id, which nothing has used yet:
--   app.clerk_user_id   one person (user_…): the row that mirrors it, and that person's memberships
--   app.clerk_org_id    one organization (org_…): the row that mirrors it
--   app.unseen_before   a time: what a comparison with Clerk that began then has not come across, to be read only
--   app.expired_before  a time: what was deleted at Clerk before then, to be read and removed

ALTER TABLE users
    ADD COLUMN image_url text NOT NULL DEFAULT '',
    ADD COLUMN seen_at timestamptz,
    -- What memberships refer to, so that both ids of a person in them are of the same person.
    ADD CONSTRAINT users_clerk_key UNIQUE (user_id, clerk_user_id);
COMMENT ON COLUMN users.image_url IS 'Address of the picture; blank where there is none.';
COMMENT ON COLUMN users.seen_at IS 'When a comparison with Clerk last came across the person; NULL while none has.';
CREATE INDEX users_deleted_at_idx ON users (deleted_at) WHERE deleted_at IS NOT NULL;

ALTER TABLE organizations
    ADD COLUMN seen_at timestamptz,
    ADD CONSTRAINT organizations_clerk_key UNIQUE (organization_id, clerk_org_id);
COMMENT ON COLUMN organizations.seen_at IS 'When a comparison with Clerk last came across the organization; NULL while none has.';
CREATE INDEX organizations_deleted_at_idx ON organizations (deleted_at) WHERE deleted_at IS NOT NULL;

ALTER TABLE organization_members
    ADD COLUMN clerk_user_id text,
    ADD COLUMN clerk_org_id text,
    ADD COLUMN seen_at timestamptz;
-- No release has written a membership; should somebody have, it gets its ids.
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE organizations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE organization_members NO FORCE ROW LEVEL SECURITY;
UPDATE organization_members m
   SET clerk_user_id = u.clerk_user_id, clerk_org_id = o.clerk_org_id
  FROM users u, organizations o
 WHERE u.user_id = m.user_id AND o.organization_id = m.organization_id;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE organization_members FORCE ROW LEVEL SECURITY;
ALTER TABLE organization_members
    ALTER COLUMN clerk_user_id SET NOT NULL,
    ALTER COLUMN clerk_org_id SET NOT NULL,
    DROP CONSTRAINT organization_members_organization_id_fkey,
    DROP CONSTRAINT organization_members_user_id_fkey,
    ADD CONSTRAINT organization_members_organization_fkey
        FOREIGN KEY (organization_id, clerk_org_id)
        REFERENCES organizations (organization_id, clerk_org_id) ON DELETE CASCADE,
    ADD CONSTRAINT organization_members_user_fkey
        FOREIGN KEY (user_id, clerk_user_id) REFERENCES users (user_id, clerk_user_id) ON DELETE CASCADE;
COMMENT ON COLUMN organization_members.clerk_user_id IS 'Clerk''s id of the person, by which the row is found before the organization is known.';
COMMENT ON COLUMN organization_members.clerk_org_id IS 'Clerk''s id of the organization.';
COMMENT ON COLUMN organization_members.seen_at IS 'When a comparison with Clerk last came across the membership; NULL while none has.';
CREATE INDEX organization_members_joined_at_idx ON organization_members (organization_id, joined_at, user_id);
CREATE INDEX organization_members_deleted_at_idx ON organization_members (deleted_at) WHERE deleted_at IS NOT NULL;

DROP POLICY clerk_lookup ON organizations;
DROP POLICY clerk_mirror ON users;
CREATE POLICY clerk_mirror ON users
    USING (clerk_user_id = nullif(current_setting('app.clerk_user_id', true), ''));
CREATE POLICY clerk_mirror ON organizations
    USING (clerk_org_id = nullif(current_setting('app.clerk_org_id', true), ''));
CREATE POLICY clerk_mirror ON organization_members
    USING (clerk_user_id = nullif(current_setting('app.clerk_user_id', true), '')
       AND clerk_org_id = nullif(current_setting('app.clerk_org_id', true), ''));
-- Who has left is no colleague, though the membership's row stays for a while.
DROP POLICY colleagues ON users;
CREATE POLICY colleagues ON users FOR SELECT
    USING (user_id IN (SELECT m.user_id FROM organization_members m
                        WHERE m.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
                          AND m.deleted_at IS NULL));
-- Whose record tells that a person is gone: the organizations that the person belonged to.
CREATE POLICY own_memberships ON organization_members FOR SELECT
    USING (clerk_user_id = nullif(current_setting('app.clerk_user_id', true), ''));

CREATE POLICY unseen ON users FOR SELECT
    USING (coalesce(seen_at, created_at) < nullif(current_setting('app.unseen_before', true), '')::timestamptz);
CREATE POLICY unseen ON organizations FOR SELECT
    USING (coalesce(seen_at, created_at) < nullif(current_setting('app.unseen_before', true), '')::timestamptz);

CREATE POLICY expired_read ON users FOR SELECT
    USING (deleted_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_delete ON users FOR DELETE
    USING (deleted_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_read ON organizations FOR SELECT
    USING (deleted_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_delete ON organizations FOR DELETE
    USING (deleted_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_read ON organization_members FOR SELECT
    USING (deleted_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);
CREATE POLICY expired_delete ON organization_members FOR DELETE
    USING (deleted_at < nullif(current_setting('app.expired_before', true), '')::timestamptz);

CREATE TABLE revoked_sessions (
    clerk_session_id text        NOT NULL,
    expires_at       timestamptz NOT NULL,
    CONSTRAINT revoked_sessions_pkey PRIMARY KEY (clerk_session_id)
);
CREATE INDEX revoked_sessions_expires_at_idx ON revoked_sessions (expires_at);
COMMENT ON TABLE revoked_sessions IS 'Sessions that ended before their tokens did. Belongs to no organization (a session may work for several) and holds no content.';
COMMENT ON COLUMN revoked_sessions.clerk_session_id IS 'Clerk''s id of the session, sess_…, as its tokens carry it.';
COMMENT ON COLUMN revoked_sessions.expires_at IS 'When the last of its tokens has expired, and the row may go.';

-- Not logged: after a crash of the database everybody begins anew, and no request waits for a write to the disk.
CREATE UNLOGGED TABLE rate_limits (
    subject    text        NOT NULL,
    arrival_at timestamptz NOT NULL,
    granted    boolean     NOT NULL,
    CONSTRAINT rate_limits_pkey PRIMARY KEY (subject)
);
COMMENT ON TABLE rate_limits IS 'How fast people and organizations call: the generic cell rate algorithm, one row each. Read before it is known whose rows may be seen, and holds no content.';
COMMENT ON COLUMN rate_limits.subject IS 'Who calls: Clerk''s id of the person or the organization.';
COMMENT ON COLUMN rate_limits.arrival_at IS 'When the next call would come if all were evenly spread: as far ahead of now as the caller is ahead of its rate.';
COMMENT ON COLUMN rate_limits.granted IS 'Whether the last call was let through.';

CREATE TABLE reconciliations (
    name             text        NOT NULL,
    pass_started_at  timestamptz NOT NULL,
    phase            text        NOT NULL,
    position         integer     NOT NULL,
    subposition      integer     NOT NULL,
    lease_until      timestamptz NOT NULL,
    completed_at     timestamptz,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT reconciliations_pkey PRIMARY KEY (name),
    CONSTRAINT reconciliations_position_check CHECK (position >= 0 AND subposition >= 0)
);
COMMENT ON TABLE reconciliations IS 'How far comparisons with third parties have come, so that the next run goes on from there. Belongs to no organization and holds no content.';
COMMENT ON COLUMN reconciliations.name IS 'What is compared, such as clerk.';
COMMENT ON COLUMN reconciliations.pass_started_at IS 'When the current pass, or the last one, began.';
COMMENT ON COLUMN reconciliations.phase IS 'Which part of the pass is worked on; a word of the code''s.';
COMMENT ON COLUMN reconciliations.position IS 'How many things of the phase are done.';
COMMENT ON COLUMN reconciliations.subposition IS 'How many parts of the thing at the position are done, such as members of an organization.';
COMMENT ON COLUMN reconciliations.lease_until IS 'Until when the run that works on it may go on; after that another may take over.';
COMMENT ON COLUMN reconciliations.completed_at IS 'When the last whole pass ended; NULL while none has.';
COMMENT ON COLUMN reconciliations.updated_at IS 'When the row was last changed.';

ALTER TABLE audit_events
    ADD COLUMN outcome text NOT NULL DEFAULT 'succeeded',
    ADD COLUMN address text,
    ADD CONSTRAINT audit_events_outcome_check CHECK (outcome IN ('succeeded', 'refused', 'failed'));
COMMENT ON COLUMN audit_events.outcome IS 'What came of it: succeeded, refused (the one who tried may not), failed.';
COMMENT ON COLUMN audit_events.address IS 'The network address that the request came from; NULL for what no request caused.';
DROP INDEX audit_events_organization_idx;
CREATE INDEX audit_events_organization_idx ON audit_events (organization_id, created_at, audit_event_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON revoked_sessions, rate_limits, reconciliations TO infragpt_application;
