--! delete_oauth_states
--- Removes connections that were started and did not come back in time; the transaction must name the time.
DELETE FROM oauth_states
 WHERE state_hash IN (SELECT s.state_hash FROM oauth_states s WHERE s.expires_at < :before LIMIT :count)
RETURNING organization_id;

--! delete_activities
--- Removes what happened at third parties long ago; the transaction must name the time.
DELETE FROM integration_activities
 WHERE integration_activity_id IN (SELECT a.integration_activity_id FROM integration_activities a
                                    WHERE a.expires_at < :before LIMIT :count)
RETURNING organization_id;

--! delete_alerts
--- Removes alerts that nobody needs any more; the transaction must name the time.
DELETE FROM alerts
 WHERE alert_id IN (SELECT a.alert_id FROM alerts a WHERE a.expires_at < :before LIMIT :count)
RETURNING organization_id;

--! delete_unclaimed_installations
--- Forgets installations that nobody has claimed and of which nothing was heard for long.
DELETE FROM github_unclaimed_installations
 WHERE github_installation_id IN (SELECT u.github_installation_id FROM github_unclaimed_installations u
                                   WHERE u.updated_at < :before LIMIT :count)
RETURNING github_installation_id;
