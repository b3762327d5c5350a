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
