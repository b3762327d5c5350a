-- The application's group role. It owns nothing, cannot log in, and is neither superuser nor free of row-level
-- security; the migrator makes the login role that is its member. A role belongs to the whole server, so another
-- database of the same server may have made it already, or be making it at this moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'infragpt_application') THEN
        CREATE ROLE infragpt_application NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

-- Row-level security reads three settings, which a transaction sets for itself alone (`set_config(…, true)`):
--   app.organization_id  the organization on whose behalf it works; nearly every policy is keyed on it
--   app.clerk_id         one Clerk id (user_… or org_…), to find the row that mirrors it before anything is known
--   app.external_id      one "connector:id" of a third party, to find out whose event has come
-- A setting that was never set reads as NULL or '', and then shows nothing.

CREATE TABLE users (
    user_id           uuid        NOT NULL,
    clerk_user_id     text        NOT NULL,
    email             text        NOT NULL,
    first_name        text        NOT NULL DEFAULT '',
    last_name         text        NOT NULL DEFAULT '',
    source_updated_at timestamptz NOT NULL,
    deleted_at        timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (user_id),
    CONSTRAINT users_clerk_user_id_key UNIQUE (clerk_user_id)
);
COMMENT ON TABLE users IS 'People who sign in. Mirrors Clerk; the last writer by Clerk''s clock wins.';
COMMENT ON COLUMN users.user_id IS 'UUIDv7, made by the application.';
COMMENT ON COLUMN users.clerk_user_id IS 'Clerk''s id of the person, user_….';
COMMENT ON COLUMN users.email IS 'Primary e-mail address. Not unique: Clerk may hand an address from one person to another, and its events may come in either order.';
COMMENT ON COLUMN users.first_name IS 'Given name; blank where Clerk has none.';
COMMENT ON COLUMN users.last_name IS 'Family name; blank where Clerk has none.';
COMMENT ON COLUMN users.source_updated_at IS 'Clerk''s own time of the change that was applied last; an older event changes nothing.';
COMMENT ON COLUMN users.deleted_at IS 'When Clerk deleted the person. The row stays as a tombstone, so that a late event cannot bring the person back; name and address are blanked.';
COMMENT ON COLUMN users.created_at IS 'When the row was made.';
COMMENT ON COLUMN users.updated_at IS 'When the row was last changed.';

CREATE TABLE organizations (
    organization_id    uuid        NOT NULL,
    clerk_org_id       text        NOT NULL,
    name               text        NOT NULL,
    slug               text        NOT NULL,
    created_by_user_id uuid,
    source_updated_at  timestamptz NOT NULL,
    deleted_at         timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    CONSTRAINT organizations_pkey PRIMARY KEY (organization_id),
    CONSTRAINT organizations_clerk_org_id_key UNIQUE (clerk_org_id),
    CONSTRAINT organizations_created_by_user_id_fkey
        FOREIGN KEY (created_by_user_id) REFERENCES users ON DELETE SET NULL
);
COMMENT ON TABLE organizations IS 'Tenants. Mirrors Clerk; the last writer by Clerk''s clock wins.';
COMMENT ON COLUMN organizations.organization_id IS 'UUIDv7, made by the application.';
COMMENT ON COLUMN organizations.clerk_org_id IS 'Clerk''s id of the organization, org_….';
COMMENT ON COLUMN organizations.name IS 'Name as people see it.';
COMMENT ON COLUMN organizations.slug IS 'Name for addresses, as Clerk made it. Not unique here: Clerk may give a slug away while we still hold the old event.';
COMMENT ON COLUMN organizations.created_by_user_id IS 'Who created it; unknown until that person is mirrored, and again after that person is gone.';
COMMENT ON COLUMN organizations.source_updated_at IS 'Clerk''s own time of the change that was applied last; an older event changes nothing.';
COMMENT ON COLUMN organizations.deleted_at IS 'When Clerk deleted the organization. The row stays as a tombstone for 30 days, then goes with everything that hangs on it.';
COMMENT ON COLUMN organizations.created_at IS 'When the row was made.';
COMMENT ON COLUMN organizations.updated_at IS 'When the row was last changed.';

CREATE TABLE organization_members (
    organization_id   uuid        NOT NULL,
    user_id           uuid        NOT NULL,
    role              text        NOT NULL,
    source_updated_at timestamptz NOT NULL,
    deleted_at        timestamptz,
    joined_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT organization_members_pkey PRIMARY KEY (organization_id, user_id),
    CONSTRAINT organization_members_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE,
    CONSTRAINT organization_members_user_id_fkey
        FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE,
    CONSTRAINT organization_members_role_check CHECK (role IN ('admin', 'member'))
);
CREATE INDEX organization_members_user_id_idx ON organization_members (user_id);
COMMENT ON TABLE organization_members IS 'Who belongs to which organization. Mirrors Clerk; the last writer by Clerk''s clock wins.';
COMMENT ON COLUMN organization_members.organization_id IS 'The organization.';
COMMENT ON COLUMN organization_members.user_id IS 'The person.';
COMMENT ON COLUMN organization_members.role IS 'What the person may do there: admin (connect, disconnect, configure) or member.';
COMMENT ON COLUMN organization_members.source_updated_at IS 'Clerk''s own time of the change that was applied last; an older event changes nothing.';
COMMENT ON COLUMN organization_members.deleted_at IS 'When the membership ended. The row stays as a tombstone, so that a late event cannot bring it back.';
COMMENT ON COLUMN organization_members.joined_at IS 'When the person joined.';
COMMENT ON COLUMN organization_members.updated_at IS 'When the row was last changed.';

CREATE TABLE organization_metadata (
    organization_id     uuid        NOT NULL,
    company_size        text        NOT NULL,
    team_size           text        NOT NULL,
    use_cases           text[]      NOT NULL,
    observability_stack text[]      NOT NULL,
    completed_at        timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    CONSTRAINT organization_metadata_pkey PRIMARY KEY (organization_id),
    CONSTRAINT organization_metadata_organization_id_fkey
        FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE,
    CONSTRAINT organization_metadata_company_size_check
        CHECK (company_size IN ('startup', 'small', 'medium', 'large', 'enterprise')),
    CONSTRAINT organization_metadata_team_size_check
        CHECK (team_size IN ('1-5', '6-20', '21-50', '51-100', '100+')),
    CONSTRAINT organization_metadata_use_cases_check
        CHECK (use_cases <@ ARRAY['infrastructure_monitoring', 'application_performance_monitoring', 'log_management',
            'incident_response', 'compliance_auditing', 'cost_optimization', 'security_monitoring',
            'devops_automation']),
    CONSTRAINT organization_metadata_observability_stack_check
        CHECK (observability_stack <@ ARRAY['datadog', 'new_relic', 'splunk', 'elastic_stack', 'prometheus_grafana',
            'app_dynamics', 'dynatrace', 'cloudwatch', 'azure_monitor', 'google_cloud_monitoring', 'pagerduty',
            'opsgenie', 'other'])
);
COMMENT ON TABLE organization_metadata IS 'What an organization told us about itself when it signed up; one row at the most.';
COMMENT ON COLUMN organization_metadata.organization_id IS 'The organization.';
COMMENT ON COLUMN organization_metadata.company_size IS 'How big the company is, from the form''s list.';
COMMENT ON COLUMN organization_metadata.team_size IS 'How many people will use InfraGPT, from the form''s list.';
COMMENT ON COLUMN organization_metadata.use_cases IS 'What it is for, from the form''s list; may be empty.';
COMMENT ON COLUMN organization_metadata.observability_stack IS 'What they watch their systems with, from the form''s list; may be empty.';
COMMENT ON COLUMN organization_metadata.completed_at IS 'When the form was first filled in; never changes.';
COMMENT ON COLUMN organization_metadata.updated_at IS 'When the row was last changed.';

ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE organizations ENABLE ROW LEVEL SECURITY;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE organization_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE organization_members FORCE ROW LEVEL SECURITY;
ALTER TABLE organization_metadata ENABLE ROW LEVEL SECURITY;
ALTER TABLE organization_metadata FORCE ROW LEVEL SECURITY;

CREATE POLICY own_organization ON organizations
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY clerk_lookup ON organizations FOR SELECT
    USING (clerk_org_id = nullif(current_setting('app.clerk_id', true), ''));
CREATE POLICY own_organization ON organization_members
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization ON organization_metadata
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
-- A person may belong to several organizations: colleagues see each other, and the mirror reaches the one person
-- whose Clerk id it names.
CREATE POLICY colleagues ON users FOR SELECT
    USING (user_id IN (SELECT m.user_id FROM organization_members m
                        WHERE m.organization_id = nullif(current_setting('app.organization_id', true), '')::uuid));
CREATE POLICY clerk_mirror ON users
    USING (clerk_user_id = nullif(current_setting('app.clerk_id', true), ''));

GRANT USAGE ON SCHEMA public TO infragpt_application;
GRANT SELECT, INSERT, UPDATE, DELETE ON users, organizations, organization_members, organization_metadata
    TO infragpt_application;
