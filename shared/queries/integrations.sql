--: Installation(bot_id?, ciphertext?, nonce?, wrapped_key?, encryption_key_id?, encryption_version?)

--! find_by_external_id : Installation
--- The live connection of one connector that a third party's event names, with its sealed credentials.
--- Works before the organization is known: the transaction must have looked up the same id.
SELECT i.integration_id, i.organization_id, i.status, i.health, i.generation, i.bot_id,
       c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version
  FROM integrations i
  LEFT JOIN integration_credentials c ON c.integration_id = i.integration_id
 WHERE i.connector_type = :connector_type
   AND i.external_id = :external_id
   AND i.status NOT IN ('inactive', 'deleted');

--! find_account : (connector_organization_id?)
--- What the live connection that a third party's events name is to, whoever it belongs to; the transaction must have
--- looked up the same id.
SELECT connector_organization_id
  FROM integrations
 WHERE connector_type = :connector_type
   AND external_id = :external_id
   AND status NOT IN ('inactive', 'deleted');

--! find_installation : Installation
--- One connection with its sealed credentials, by its own id.
SELECT i.integration_id, i.organization_id, i.status, i.health, i.generation, i.bot_id,
       c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version
  FROM integrations i
  LEFT JOIN integration_credentials c ON c.integration_id = i.integration_id
 WHERE i.organization_id = :organization_id
   AND i.integration_id = :integration_id;

--! find : (external_id?, health_reason?)
--- The organization's connection of one connector, if it has one.
SELECT integration_id, connector_type, status, health, health_reason, generation, external_id, installed_at
  FROM integrations
 WHERE organization_id = :organization_id
   AND connector_type = :connector_type;

--! upsert (user_id?, external_id?, bot_id?, connector_user_id?, connector_organization_id?)
--- Connects, or connects again: the row keeps its id, and counts one generation more. Of two that overtake each other the
--- later one counts for what the third party tells of an end.
INSERT INTO integrations (integration_id, organization_id, user_id, connector_type, status, health, health_changed_at,
                          external_id, bot_id, connector_user_id, connector_organization_id, metadata, installed_at,
                          check_at, created_at, updated_at)
VALUES (:integration_id, :organization_id, :user_id, :connector_type, 'active', 'healthy', :now,
        :external_id, :bot_id, :connector_user_id, :connector_organization_id, :metadata, :installed_at, :now, :now,
        :now)
ON CONFLICT ON CONSTRAINT integrations_organization_connector_key DO UPDATE
   SET user_id = EXCLUDED.user_id, status = 'active', health = 'healthy', health_reason = NULL,
       health_changed_at = :now, generation = integrations.generation + 1, external_id = EXCLUDED.external_id,
       bot_id = EXCLUDED.bot_id, connector_user_id = EXCLUDED.connector_user_id,
       connector_organization_id = EXCLUDED.connector_organization_id, metadata = EXCLUDED.metadata,
       installed_at = CASE WHEN integrations.external_id IS NOT DISTINCT FROM EXCLUDED.external_id
                           THEN greatest(integrations.installed_at, EXCLUDED.installed_at)
                           ELSE EXCLUDED.installed_at END,
       source_updated_at = NULL, synced_at = NULL, sync_at = NULL, health_message = NULL, health_remedy = NULL,
       health_checked_at = NULL, check_at = :now, retry_at = NULL, failures = 0,
       updated_at = :now
 WHERE integrations.organization_id = :organization_id
RETURNING integration_id, generation;

--! update_health (health_reason?)
--- Says how well a connection works, unless it was connected again since the caller read it.
UPDATE integrations
   SET health = :health, health_reason = :health_reason, health_changed_at = :now, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND generation = :generation
RETURNING integration_id;

--! update_last_used
--- Notes that a connection's credentials did something.
UPDATE integrations
   SET last_used_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
RETURNING integration_id;

--! end_all
--- Ends all connections of an organization that is gone: no event finds them any more.
UPDATE integrations
   SET status = 'deleted', health = 'revoked', health_reason = 'organization_deleted', health_changed_at = :now,
       updated_at = :now
 WHERE organization_id = :organization_id
   AND status <> 'deleted'
RETURNING integration_id;

--! update_ended
--- Ends a connection, or says that its credentials are gone, because the third party said so; unless it was connected
--- again after that, by the third party's clock. Counts one generation more: what somebody who is at work with the old
--- credentials finds out about them says nothing of what this found.
UPDATE integrations
   SET status = :status, health = 'revoked', health_reason = :health_reason, health_message = NULL,
       health_remedy = 'reconnect', health_changed_at = :now, generation = generation + 1, retry_at = NULL, failures = 0,
       updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND installed_at <= :event_time
RETURNING integration_id;

--! update_user_token_revoked
--- Notes that the token of whoever connected was taken back, if it is one of these people and there was one; unless it
--- was connected again after that, by the third party's clock.
UPDATE integrations
   SET metadata = jsonb_set(metadata, '{user_token}', '"revoked"'), updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND connector_user_id = ANY (:connector_user_ids)
   AND metadata ->> 'user_token' = 'granted'
   AND installed_at <= :event_time
RETURNING integration_id;

--! update_refresh_failed (health_message?, retry_at?)
--- Says what came of refreshing a connection's credentials, and counts one failure more; unless it was connected again
--- since the caller read it, or has ended.
UPDATE integrations
   SET health_changed_at = CASE WHEN health = :health AND health_reason = :health_reason THEN health_changed_at ELSE :now END,
       health = :health, health_reason = :health_reason, health_message = :health_message,
       health_remedy = :health_remedy, failures = failures + 1, retry_at = :retry_at, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND generation = :generation
   AND status NOT IN ('inactive', 'deleted')
RETURNING integration_id;

--! update_refreshed
--- Says that refreshing works again; what else the connection may lack stays as it is.
UPDATE integrations
   SET health = CASE health WHEN 'degraded' THEN 'healthy' ELSE health END,
       health_reason = CASE health WHEN 'degraded' THEN NULL ELSE health_reason END,
       health_message = CASE health WHEN 'degraded' THEN NULL ELSE health_message END,
       health_remedy = CASE health WHEN 'degraded' THEN NULL ELSE health_remedy END,
       health_changed_at = CASE health WHEN 'degraded' THEN :now ELSE health_changed_at END,
       failures = 0, retry_at = NULL, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND generation = :generation
   AND failures > 0
RETURNING integration_id;

--: Overview(user_id?, health_reason?, health_message?, health_remedy?, health_checked_at?, retry_at?, external_id?, bot_id?, connector_user_id?, connector_organization_id?, last_used_at?, synced_at?, expires_at?)

--! list (connector_type?) : Overview
--- All connections of an organization, or that of one connector; the newest first. Those that are to be removed are gone.
SELECT i.integration_id, i.user_id, i.connector_type, i.status, i.health, i.health_reason, i.health_message,
       i.health_remedy, i.health_changed_at, i.health_checked_at, i.retry_at, i.generation, i.external_id, i.bot_id,
       i.connector_user_id, i.connector_organization_id, i.metadata, i.installed_at, i.last_used_at, i.synced_at,
       i.created_at, i.updated_at, c.expires_at
  FROM integrations i
  LEFT JOIN integration_credentials c ON c.integration_id = i.integration_id
 WHERE i.organization_id = :organization_id
   AND i.status <> 'deleted'
   AND (:connector_type::text IS NULL OR i.connector_type = :connector_type)
 ORDER BY i.created_at DESC, i.integration_id DESC;

--! find_overview : Overview
--- One connection of an organization.
SELECT i.integration_id, i.user_id, i.connector_type, i.status, i.health, i.health_reason, i.health_message,
       i.health_remedy, i.health_changed_at, i.health_checked_at, i.retry_at, i.generation, i.external_id, i.bot_id,
       i.connector_user_id, i.connector_organization_id, i.metadata, i.installed_at, i.last_used_at, i.synced_at,
       i.created_at, i.updated_at, c.expires_at
  FROM integrations i
  LEFT JOIN integration_credentials c ON c.integration_id = i.integration_id
 WHERE i.organization_id = :organization_id
   AND i.integration_id = :integration_id
   AND i.status <> 'deleted';

--! update_checked (health_reason?, health_message?, health_remedy?, retry_at?)
--- Says what asking the third party came to, and what it shows of itself now; unless the connection was made again since
--- the caller read it, or has ended.
UPDATE integrations
   SET health_changed_at = CASE WHEN health = :health AND health_reason IS NOT DISTINCT FROM :health_reason
                                THEN health_changed_at ELSE :now END,
       health = :health, health_reason = :health_reason, health_message = :health_message,
       health_remedy = :health_remedy, health_checked_at = :now, check_at = :check_at, retry_at = :retry_at,
       metadata = metadata || :metadata, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND generation = :generation
   AND status NOT IN ('inactive', 'deleted')
RETURNING integration_id;

--! update_disconnected
--- Ends a connection because somebody of the organization said so.
UPDATE integrations
   SET status = 'inactive', health = 'revoked', health_reason = 'disconnected', health_message = NULL,
       health_remedy = NULL, health_changed_at = :now, retry_at = NULL, generation = generation + 1, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND status NOT IN ('inactive', 'deleted')
RETURNING integration_id;

--! find_newest_by_external_id
--- The connection that a third party's event names, or the one that has ended last. Works before the organization is known:
--- the transaction must have looked up the same id.
SELECT integration_id, organization_id
  FROM integrations
 WHERE connector_type = :connector_type
   AND external_id = :external_id
 ORDER BY status IN ('inactive', 'deleted'), updated_at DESC
 LIMIT 1;

--! lock_by_external_id : (connector_organization_id?)
--- A connection as it stands, if it is still that to what an event names; it stays so until the transaction ends.
SELECT status, installed_at, connector_organization_id
  FROM integrations
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND external_id = :external_id
   FOR UPDATE;

--! lock_for_sync : (synced_at?)
--- When what a connection reaches was last read in full, while it is active and has not been made again; it stays so until
--- the transaction ends.
SELECT synced_at
  FROM integrations
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND generation = :generation
   AND status = 'active'
   FOR UPDATE;

--! update_told
--- What the third party tells of the connection itself: whether it is on hold, and what is shown of it, in the place of
--- every permission that was shown. Older news changes nothing, and neither does news of one that has ended.
UPDATE integrations
   SET status = :status,
       metadata = (SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}')
                     FROM jsonb_each(metadata) m
                    WHERE NOT starts_with(m.key, 'permission_')) || :metadata,
       source_updated_at = :event_time, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND status IN ('active', 'suspended')
   AND installed_at <= :event_time
   AND (source_updated_at IS NULL OR source_updated_at <= :event_time)
RETURNING integration_id;

--! update_cured
--- Says that a connection works again, if this reason was why it did not.
UPDATE integrations
   SET health = 'healthy', health_reason = NULL, health_message = NULL, health_remedy = NULL, retry_at = NULL,
       failures = 0, health_changed_at = :now, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND health_reason = :health_reason
RETURNING integration_id;

--! update_unsynced
--- Says that what a connection reaches has to be read, for the first time or again.
UPDATE integrations
   SET synced_at = NULL, sync_at = :now, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
RETURNING integration_id;

--! update_synced
--- Says that what a connection reaches was read in full by a reading that began at `started_at`, and when it is next.
UPDATE integrations
   SET synced_at = :started_at, sync_at = :sync_at, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
RETURNING integration_id;

--: Due()

--! list_due_checks : Due
--- Which connections of these connectors are to be checked by now, from behind a place in that order, whoever they belong
--- to; the transaction must name the time.
SELECT organization_id, integration_id, connector_type, check_at AS due_at
  FROM integrations
 WHERE status IN ('active', 'suspended', 'pending')
   AND connector_type = ANY(:connector_types)
   AND check_at <= :before
   AND (check_at, integration_id) > (:after_due_at, :after)
 ORDER BY check_at, integration_id
 LIMIT :count;

--! put_off_check
--- Puts off the check of a connection that is due at a time. No row when somebody has done that, or has done it.
UPDATE integrations
   SET check_at = :check_at
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND check_at = :due_at
RETURNING integration_id;

--! list_due_syncs : Due
--- Of which connections of these connectors what they reach is to be read by now, from behind a place in that order,
--- whoever they belong to; the transaction must name the time. Not of those that only a person makes work again.
SELECT organization_id, integration_id, connector_type, coalesce(sync_at, :before) AS due_at
  FROM integrations
 WHERE status = 'active'
   AND health IN ('healthy', 'degraded')
   AND connector_type = ANY(:connector_types)
   AND sync_at <= :before
   AND (sync_at, integration_id) > (:after_due_at, :after)
 ORDER BY sync_at, integration_id
 LIMIT :count;

--! put_off_sync
--- Puts off the reading of what a connection reaches that is due at a time. No row when somebody has done that, or has read
--- it.
UPDATE integrations
   SET sync_at = :sync_at
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND sync_at = :due_at
RETURNING integration_id;
