--! find : (slack_channel_id?, undelivered_reason?, undelivered_at?)
--- What becomes of an organization's alerts, where somebody has decided.
SELECT slack_channel_id, minimum_severity, undelivered_reason, undelivered_at, updated_at
  FROM alert_settings
 WHERE organization_id = :organization_id;

--! upsert (slack_channel_id?)
--- Decides what becomes of an organization's alerts.
INSERT INTO alert_settings (organization_id, slack_channel_id, minimum_severity, updated_at)
VALUES (:organization_id, :slack_channel_id, :minimum_severity, :now)
ON CONFLICT ON CONSTRAINT alert_settings_pkey DO UPDATE
   SET slack_channel_id = EXCLUDED.slack_channel_id, minimum_severity = EXCLUDED.minimum_severity,
       undelivered_reason = NULL, undelivered_at = NULL, updated_at = :now
 WHERE alert_settings.organization_id = :organization_id
RETURNING organization_id;

--! update_delivery (undelivered_reason?)
--- Notes whether Slack took the last alert in the channel, where that is news, and the channel still the chosen one.
UPDATE alert_settings
   SET undelivered_reason = :undelivered_reason,
       undelivered_at = CASE WHEN :undelivered_reason::text IS NULL THEN NULL ELSE :now::timestamptz END
 WHERE organization_id = :organization_id
   AND slack_channel_id = :slack_channel_id
   AND undelivered_reason IS DISTINCT FROM :undelivered_reason
RETURNING organization_id;
