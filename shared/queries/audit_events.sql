--! insert (request_id?)
--- Adds to the record.
INSERT INTO audit_events (audit_event_id, organization_id, actor, action, subject, details, request_id, created_at)
VALUES (:audit_event_id, :organization_id, :actor, :action, :subject, :details, :request_id, :now)
RETURNING audit_event_id;

--! list : (request_id?)
--- The record of an organization, newest first.
SELECT audit_event_id, actor, action, subject, details, request_id, created_at
  FROM audit_events
 WHERE organization_id = :organization_id
 ORDER BY created_at DESC, audit_event_id DESC
 LIMIT :count;
