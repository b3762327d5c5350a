--! ensure
--- The word that a third party ties the organization's connection to, and the id that the connection has or will have; these,
--- if there are none yet.
INSERT INTO integration_nonces (organization_id, connector_type, nonce, integration_id, created_at)
VALUES (:organization_id, :connector_type, :nonce, :integration_id, :now)
ON CONFLICT ON CONSTRAINT integration_nonces_pkey DO UPDATE
   SET nonce = integration_nonces.nonce
 WHERE integration_nonces.organization_id = :organization_id
RETURNING nonce, integration_id;
