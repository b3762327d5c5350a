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
