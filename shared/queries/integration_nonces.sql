--! ensure
--- The word that a third party ties the organization's connection to; this one, if there is none yet.
INSERT INTO integration_nonces (organization_id, connector_type, nonce, created_at)
VALUES (:organization_id, :connector_type, :nonce, :now)
ON CONFLICT ON CONSTRAINT integration_nonces_pkey DO UPDATE
   SET nonce = integration_nonces.nonce
 WHERE integration_nonces.organization_id = :organization_id
RETURNING nonce;
