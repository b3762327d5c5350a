--! list_under_another_key
--- Which connections that have ended, behind an id, have credentials under another KMS key than this, whoever they belong
--- to; the transaction must name the key.
SELECT DISTINCT organization_id, integration_id
  FROM integration_revocations
 WHERE encryption_key_id <> :key_id
   AND integration_id > :after
 ORDER BY integration_id
 LIMIT :count;

--! list_sealed
--- The credentials of a connection that has ended, as they are kept; more than one where it ended more than once.
SELECT created_at, connector_type, ciphertext, nonce, wrapped_key, encryption_key_id, encryption_version
  FROM integration_revocations
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id;

--! update_wrapped_key
--- Puts another wrapping of the same data key in the place of one, unless somebody else has put something there.
UPDATE integration_revocations
   SET wrapped_key = :wrapped_key, encryption_key_id = :encryption_key_id
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND created_at = :created_at
   AND wrapped_key = :old_wrapped_key
RETURNING integration_id;
