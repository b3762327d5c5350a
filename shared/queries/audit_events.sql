--! insert (request_id?, address?)
--- Adds to the record.
INSERT INTO audit_events (audit_event_id, organization_id, actor, action, subject, outcome, details, request_id, address,
                          created_at)
VALUES (:audit_event_id, :organization_id, :actor, :action, :subject, :outcome, :details, :request_id, :address, :now)
RETURNING audit_event_id;

--! list (actor?, action?, subject?, outcome?) : (request_id?, address?)
--- The record of an organization, newest first, from behind a place in it; of the times from `since` to before `until`.
SELECT audit_event_id, actor, action, subject, outcome, details, request_id, address, created_at
  FROM audit_events
 WHERE organization_id = :organization_id
   AND created_at >= :since
   AND created_at < :until
   AND (created_at, audit_event_id) < (:before_created_at, :before_audit_event_id)
   AND (:actor::text IS NULL OR actor = :actor)
   AND (:action::text IS NULL OR action = :action)
   AND (:subject::text IS NULL OR subject = :subject)
   AND (:outcome::text IS NULL OR outcome = :outcome)
 ORDER BY created_at DESC, audit_event_id DESC
 LIMIT :count;
