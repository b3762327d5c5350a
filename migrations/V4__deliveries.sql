CREATE TABLE deliveries (
    source      text        NOT NULL,
    key         text        NOT NULL,
    state       text        NOT NULL,
    fence       bigint      NOT NULL,
    attempts    integer     NOT NULL,
    lease_until timestamptz NOT NULL,
    reason      text,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT deliveries_pkey PRIMARY KEY (source, key),
    CONSTRAINT deliveries_state_check CHECK (state IN ('in_progress', 'done', 'failed')),
    CONSTRAINT deliveries_reason_check CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CONSTRAINT deliveries_fence_check CHECK (fence > 0),
    CONSTRAINT deliveries_attempts_check CHECK (attempts > 0)
);
CREATE INDEX deliveries_updated_at_idx ON deliveries (updated_at);
COMMENT ON TABLE deliveries IS 'The ledger: one row per thing that a sender told us, one effect per row, however often it arrives. Belongs to no organization (a delivery is claimed before it is known whose it is) and holds no content.';
COMMENT ON COLUMN deliveries.source IS 'Who sent it, such as slack.';
COMMENT ON COLUMN deliveries.key IS 'The sender''s own name of it, such as workspace, channel and timestamp of a Slack post.';
COMMENT ON COLUMN deliveries.state IS 'in_progress, done, or failed (no retry can cure it, the person was told).';
COMMENT ON COLUMN deliveries.fence IS 'Grows with every claim. Whoever writes an effect names the fence it claimed with; a worker whose lease was taken over is refused.';
COMMENT ON COLUMN deliveries.attempts IS 'How often it was claimed.';
COMMENT ON COLUMN deliveries.lease_until IS 'Until when the worker that claimed it may go on; after that another may take over.';
COMMENT ON COLUMN deliveries.reason IS 'Why it failed: a code, never content. NULL unless failed.';
COMMENT ON COLUMN deliveries.created_at IS 'When it was first claimed.';
COMMENT ON COLUMN deliveries.updated_at IS 'When it last changed; rows are removed some weeks after that.';

CREATE TABLE audit_events (
    audit_event_id  uuid        NOT NULL,
    organization_id uuid        NOT NULL,
    actor           text        NOT NULL,
    action          text        NOT NULL,
    subject         text        NOT NULL,
    details         jsonb       NOT NULL DEFAULT '{}',
    request_id      text,
    created_at      timestamptz NOT NULL,
    CONSTRAINT audit_events_pkey PRIMARY KEY (audit_event_id),
    CONSTRAINT audit_events_details_check CHECK (jsonb_typeof(details) = 'object')
);
CREATE INDEX audit_events_organization_idx ON audit_events (organization_id, created_at);
COMMENT ON TABLE audit_events IS 'Who did what, and when. The application may add rows and read them, never change or remove them. No foreign key to organizations: the record outlives what it is about.';
COMMENT ON COLUMN audit_events.audit_event_id IS 'UUIDv7, made by the application.';
COMMENT ON COLUMN audit_events.organization_id IS 'In whose name it was done.';
COMMENT ON COLUMN audit_events.actor IS 'Who did it: a person''s id (usr_…), or the function that acted by itself.';
COMMENT ON COLUMN audit_events.action IS 'What was done, as area.verb in the past tense, such as integration.connected.';
COMMENT ON COLUMN audit_events.subject IS 'What it was done to, as a prefixed id (int_…).';
COMMENT ON COLUMN audit_events.details IS 'Further facts by name; never a secret and never what somebody said.';
COMMENT ON COLUMN audit_events.request_id IS 'The request or delivery that caused it.';
COMMENT ON COLUMN audit_events.created_at IS 'When it was done.';

ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY own_organization_reads ON audit_events FOR SELECT
    USING (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);
CREATE POLICY own_organization_adds ON audit_events FOR INSERT
    WITH CHECK (organization_id = nullif(current_setting('app.organization_id', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE, DELETE ON deliveries TO infragpt_application;
GRANT SELECT, INSERT ON audit_events TO infragpt_application;
