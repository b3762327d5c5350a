--: Alert(service?, url?, slack_channel_id?, slack_message_ts?, posted_state?, posted_updated_at?, undelivered_reason?)

--! upsert (service?, url?)
--- Takes what a third party tells of an alert, unless what is known of it is newer; of the same moment, what is further
--- on holds. Nothing of a connection that has ended. `created` tells whether it was not known before.
INSERT INTO alerts (alert_id, organization_id, integration_id, dedupe_key, severity, state, title, service, url,
                    source_updated_at, expires_at, created_at, updated_at)
SELECT :alert_id, i.organization_id, i.integration_id, :dedupe_key, :severity, :state, :title, :service, :url,
       :source_updated_at, :expires_at, :now, :now
  FROM integrations i
 WHERE i.organization_id = :organization_id
   AND i.integration_id = :integration_id
   AND i.status NOT IN ('inactive', 'deleted')
ON CONFLICT ON CONSTRAINT alerts_dedupe_key DO UPDATE
   SET severity = EXCLUDED.severity, state = EXCLUDED.state, title = EXCLUDED.title, service = EXCLUDED.service,
       url = EXCLUDED.url, source_updated_at = EXCLUDED.source_updated_at, expires_at = EXCLUDED.expires_at,
       updated_at = :now
 WHERE alerts.organization_id = :organization_id
   AND (alerts.source_updated_at, array_position(ARRAY['triggered', 'acknowledged', 'resolved'], alerts.state))
     < (EXCLUDED.source_updated_at, array_position(ARRAY['triggered', 'acknowledged', 'resolved'], EXCLUDED.state))
RETURNING alert_id = :alert_id AS created;

--! find_by_key : Alert
--- An alert by the third party's id of it, unless its connection has ended; its row stays locked until the transaction
--- ends.
SELECT a.alert_id, a.integration_id, a.dedupe_key, a.severity, a.state, a.title, a.service, a.url, a.source_updated_at,
       a.slack_channel_id, a.slack_message_ts, a.posted_state, a.posted_updated_at, a.posting_attempts,
       a.undelivered_reason, a.created_at, a.updated_at
  FROM alerts a
  JOIN integrations i ON i.organization_id = a.organization_id AND i.integration_id = a.integration_id
 WHERE a.organization_id = :organization_id
   AND a.integration_id = :integration_id
   AND a.dedupe_key = :dedupe_key
   AND i.status NOT IN ('inactive', 'deleted')
   FOR UPDATE OF a;

--! list (state?, integration_id?) : Alert
--- The alerts of an organization, the newest first, from behind a place in them.
SELECT alert_id, integration_id, dedupe_key, severity, state, title, service, url, source_updated_at, slack_channel_id,
       slack_message_ts, posted_state, posted_updated_at, posting_attempts, undelivered_reason, created_at, updated_at
  FROM alerts
 WHERE organization_id = :organization_id
   AND (created_at, alert_id) < (:before_created_at, :before_alert_id)
   AND (:state::text IS NULL OR state = :state)
   AND (:integration_id::uuid IS NULL OR integration_id = :integration_id)
 ORDER BY created_at DESC, alert_id DESC
 LIMIT :count;

--! claim_posting (slack_channel_id?) : (slack_channel_id?, slack_message_ts?)
--- Claims the right to tell Slack of an alert. The channel is that in which it stands or may stand, else the given one.
--- No row while somebody else has the right.
UPDATE alerts
   SET slack_channel_id = CASE WHEN slack_message_ts IS NULL AND posting_attempts = 0 THEN :slack_channel_id
                               ELSE slack_channel_id END,
       posting_attempts = posting_attempts + 1, posting_since = coalesce(posting_since, :now),
       posting_until = :posting_until
 WHERE organization_id = :organization_id
   AND alert_id = :alert_id
   AND (posting_until IS NULL OR posting_until <= :now)
RETURNING slack_channel_id, slack_message_ts, posting_attempts, coalesce(posting_since, :now) AS posting_since;

--! update_posted
--- Notes what the message says, for whoever has the right.
UPDATE alerts
   SET slack_message_ts = :slack_message_ts, posted_state = :posted_state, posted_updated_at = :posted_updated_at,
       posting_attempts = 0, posting_since = NULL, posting_until = NULL, undelivered_reason = NULL
 WHERE organization_id = :organization_id
   AND alert_id = :alert_id
   AND posting_until = :posting_until
RETURNING alert_id;

--! update_unposted (undelivered_reason?)
--- Gives the right back without having told anything: nothing is under way any more.
UPDATE alerts
   SET slack_channel_id = CASE WHEN slack_message_ts IS NULL THEN NULL ELSE slack_channel_id END,
       posting_attempts = 0, posting_since = NULL, posting_until = NULL,
       undelivered_reason = coalesce(:undelivered_reason, undelivered_reason)
 WHERE organization_id = :organization_id
   AND alert_id = :alert_id
   AND posting_until = :posting_until
RETURNING alert_id;

--! release_posting (undelivered_reason?)
--- Gives the right back, though it is not known whether Slack was told.
UPDATE alerts
   SET posting_until = NULL, undelivered_reason = coalesce(:undelivered_reason, undelivered_reason)
 WHERE organization_id = :organization_id
   AND alert_id = :alert_id
   AND posting_until = :posting_until
RETURNING alert_id;

--! delete_surplus
--- Removes those of a connection's alerts that nothing was heard of for longest, beyond so many, some at a time.
DELETE FROM alerts
 WHERE organization_id = :organization_id
   AND alert_id IN (SELECT a.alert_id FROM alerts a
                     WHERE a.organization_id = :organization_id AND a.integration_id = :integration_id
                     ORDER BY a.source_updated_at DESC, a.alert_id DESC OFFSET :keep LIMIT 100)
RETURNING alert_id;
