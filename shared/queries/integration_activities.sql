--! insert (actor?, url?)
--- Notes that something happened at a third party; nothing when it was noted before.
INSERT INTO integration_activities (integration_activity_id, organization_id, integration_id, dedupe_key, kind, action,
                                    subject_id, subject, title, actor, url, occurred_at, expires_at, created_at)
VALUES (:integration_activity_id, :organization_id, :integration_id, :dedupe_key, :kind, :action, :subject_id, :subject,
        :title, :actor, :url, :occurred_at, :expires_at, :now)
ON CONFLICT ON CONSTRAINT integration_activities_dedupe_key DO NOTHING
RETURNING integration_activity_id;

--! delete_surplus
--- Forgets all but the last so many things that happened to one subject.
DELETE FROM integration_activities
 WHERE organization_id = :organization_id
   AND integration_activity_id IN (
       SELECT a.integration_activity_id
         FROM integration_activities a
        WHERE a.organization_id = :organization_id
          AND a.integration_id = :integration_id
          AND a.subject_id = :subject_id
        ORDER BY a.occurred_at DESC, a.integration_activity_id DESC
       OFFSET :keep)
RETURNING integration_activity_id;

--: Activity(actor?, url?)

--! list (integration_id?, subject?) : Activity
--- What happened at third parties, the newest first, from behind a place in that order.
SELECT integration_activity_id, integration_id, kind, action, subject_id, subject, title, actor, url, occurred_at
  FROM integration_activities
 WHERE organization_id = :organization_id
   AND (occurred_at, integration_activity_id) < (:before_occurred_at, :before_integration_activity_id)
   AND (:integration_id::uuid IS NULL OR integration_id = :integration_id)
   AND (:subject::text IS NULL OR subject = :subject)
 ORDER BY occurred_at DESC, integration_activity_id DESC
 LIMIT :count;
