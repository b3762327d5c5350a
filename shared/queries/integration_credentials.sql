--! upsert (expires_at?, refresh_at?)
--- Stores the sealed credentials of a connection in place of those before.
INSERT INTO integration_credentials (integration_id, organization_id, ciphertext, nonce, wrapped_key,
                                     encryption_key_id, encryption_version, expires_at, refresh_at, created_at,
                                     updated_at)
VALUES (:integration_id, :organization_id, :ciphertext, :nonce, :wrapped_key,
        :encryption_key_id, :encryption_version, :expires_at, :refresh_at, :now, :now)
ON CONFLICT ON CONSTRAINT integration_credentials_pkey DO UPDATE
   SET ciphertext = EXCLUDED.ciphertext, nonce = EXCLUDED.nonce, wrapped_key = EXCLUDED.wrapped_key,
       encryption_key_id = EXCLUDED.encryption_key_id, encryption_version = EXCLUDED.encryption_version,
       expires_at = EXCLUDED.expires_at, refresh_at = EXCLUDED.refresh_at, refresh_started_at = NULL,
       updated_at = :now
 WHERE integration_credentials.organization_id = :organization_id
RETURNING integration_id;

--! delete
--- Destroys the credentials of a connection: without its wrapped key no backup of the ciphertext opens.
DELETE FROM integration_credentials
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
RETURNING integration_id;

--! delete_all
--- Destroys all credentials of an organization.
DELETE FROM integration_credentials
 WHERE organization_id = :organization_id
RETURNING integration_id;

--! list_under_another_key
--- Which credentials behind an id are sealed under another KMS key than this, whoever they belong to; the transaction
--- must name the key.
SELECT organization_id, integration_id
  FROM integration_credentials
 WHERE encryption_key_id <> :key_id
   AND integration_id > :after
 ORDER BY integration_id
 LIMIT :count;

--! find_sealed
--- The credentials of a connection as they are kept, and what they are of.
SELECT i.connector_type, c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version
  FROM integration_credentials c
  JOIN integrations i ON i.integration_id = c.integration_id
 WHERE c.organization_id = :organization_id
   AND c.integration_id = :integration_id;

--! update_wrapped_key
--- Puts another wrapping of the same data key in the place of one, unless somebody else has put something there.
UPDATE integration_credentials
   SET wrapped_key = :wrapped_key, encryption_key_id = :encryption_key_id
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND wrapped_key = :old_wrapped_key
RETURNING integration_id;

--: Refreshable(health_reason?, retry_at?, external_id?, bot_id?, connector_user_id?, connector_organization_id?, own_nonce?, expires_at?, refresh_at?, refresh_started_at?)

--! find : Refreshable
--- A connection with its credentials as they are kept, and what is known of refreshing them.
SELECT i.connector_type, i.status, i.health, i.health_reason, i.generation, i.failures, i.retry_at, i.external_id,
       i.bot_id, i.connector_user_id, i.connector_organization_id, i.metadata, n.nonce AS own_nonce,
       c.ciphertext, c.nonce, c.wrapped_key, c.encryption_key_id, c.encryption_version, c.expires_at, c.refresh_at,
       c.refresh_started_at
  FROM integration_credentials c
  JOIN integrations i ON i.integration_id = c.integration_id
  LEFT JOIN integration_nonces n ON n.organization_id = :organization_id AND n.connector_type = i.connector_type
 WHERE c.organization_id = :organization_id
   AND c.integration_id = :integration_id;

--! list_due
--- Whose credentials are to be refreshed by now, from behind a place in that order, whoever they belong to; the
--- transaction must name the time.
SELECT organization_id, integration_id, coalesce(refresh_at, :before) AS due_at
  FROM integration_credentials
 WHERE refresh_at <= :before
   AND (refresh_at, integration_id) > (:after_due_at, :after)
 ORDER BY refresh_at, integration_id
 LIMIT :count;

--! begin_refresh
--- Notes that a refresh of these very credentials begins; keeps the note of an earlier one of which it is not known how
--- it ended. No row when somebody else has put something in their place.
UPDATE integration_credentials
   SET refresh_started_at = coalesce(refresh_started_at, :now)
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND wrapped_key = :old_wrapped_key
RETURNING coalesce(refresh_started_at, :now) AS started_at;

--! lock : (refresh_at?)
--- Keeps others from the credentials until the transaction ends; answers by what somebody can tell that he has waited
--- for somebody else who refreshed them, or tried to.
SELECT wrapped_key, refresh_at
  FROM integration_credentials
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   FOR UPDATE;

--! update_refreshed (expires_at?, refresh_at?)
--- Puts refreshed credentials in the place of those that they were made of, unless somebody else has put something there.
UPDATE integration_credentials
   SET ciphertext = :ciphertext, nonce = :nonce, wrapped_key = :wrapped_key, encryption_key_id = :encryption_key_id,
       encryption_version = :encryption_version, expires_at = :expires_at, refresh_at = :refresh_at,
       refresh_started_at = NULL, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND wrapped_key = :old_wrapped_key
RETURNING integration_id;

--! update_refresh_at (refresh_at?, refresh_started_at?)
--- Says when these very credentials are refreshed next, and what is known of a refresh that did not end.
UPDATE integration_credentials
   SET refresh_at = :refresh_at, refresh_started_at = :refresh_started_at
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND wrapped_key = :old_wrapped_key
RETURNING integration_id;
