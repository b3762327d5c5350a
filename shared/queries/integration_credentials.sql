--! upsert (expires_at?)
--- Stores the sealed credentials of a connection in place of those before.
INSERT INTO integration_credentials (integration_id, organization_id, ciphertext, nonce, wrapped_key,
                                     encryption_key_id, encryption_version, expires_at, created_at, updated_at)
VALUES (:integration_id, :organization_id, :ciphertext, :nonce, :wrapped_key,
        :encryption_key_id, :encryption_version, :expires_at, :now, :now)
ON CONFLICT ON CONSTRAINT integration_credentials_pkey DO UPDATE
   SET ciphertext = EXCLUDED.ciphertext, nonce = EXCLUDED.nonce, wrapped_key = EXCLUDED.wrapped_key,
       encryption_key_id = EXCLUDED.encryption_key_id, encryption_version = EXCLUDED.encryption_version,
       expires_at = EXCLUDED.expires_at, updated_at = :now
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
