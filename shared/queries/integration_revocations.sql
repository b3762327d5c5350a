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

--! list_due
--- Of which ends third parties are to be told by now, from behind a place in that order, whoever they belong to; the
--- transaction must name the time.
SELECT organization_id, integration_id, created_at, retry_at AS due_at
  FROM integration_revocations
 WHERE retry_at <= :before
   AND (retry_at, integration_id) > (:after_due_at, :after)
 ORDER BY retry_at, integration_id
 LIMIT :count;

--: Revocation(own_nonce?)

--! claim : Revocation
--- Takes the telling of one end until it is due again, twice as late each time: nobody else tells meanwhile. No row when
--- it is not due any more.
UPDATE integration_revocations r
   SET attempts = r.attempts + 1,
       retry_at = :now::timestamptz
                + least(interval '1 minute' * power(2, least(r.attempts, 16)), interval '6 hours') * (0.8 + 0.2 * random())
 WHERE r.organization_id = :organization_id
   AND r.integration_id = :integration_id
   AND r.created_at = :created_at
   AND r.retry_at <= :now
RETURNING r.connector_type, r.account, r.ciphertext, r.nonce, r.wrapped_key, r.encryption_key_id, r.encryption_version,
          r.attempts, r.give_up_at,
          (SELECT n.nonce FROM integration_nonces n
            WHERE n.organization_id = :organization_id AND n.connector_type = r.connector_type) AS own_nonce;

--! delete
--- Destroys the credentials of a connection that has ended: without its wrapped key no backup of the ciphertext opens.
DELETE FROM integration_revocations
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND created_at = :created_at
RETURNING integration_id;

--! take_over
--- Keeps the credentials of a connection that ends for nothing but telling the third party so. No row where there are
--- none.
INSERT INTO integration_revocations (integration_id, organization_id, connector_type, account, ciphertext, nonce,
                                     wrapped_key, encryption_key_id, encryption_version, retry_at, give_up_at,
                                     created_at)
SELECT c.integration_id, c.organization_id, :connector_type, :account, c.ciphertext, c.nonce, c.wrapped_key,
       c.encryption_key_id, c.encryption_version, :now, :give_up_at, :now
  FROM integration_credentials c
 WHERE c.organization_id = :organization_id
   AND c.integration_id = :integration_id
RETURNING integration_id;
