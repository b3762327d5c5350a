--! insert (code_verifier?, impersonated_by?)
--- Notes that somebody has gone to a third party to connect.
INSERT INTO oauth_states (state_hash, organization_id, user_id, connector_type, browser_hash, clerk_session_id,
                          code_verifier, redirect_uri, replaces, impersonated_by, created_at, expires_at)
VALUES (:state_hash, :organization_id, :user_id, :connector_type, :browser_hash, :clerk_session_id,
        :code_verifier, :redirect_uri, :replaces, :impersonated_by, :now, :expires_at)
RETURNING state_hash;

--: State(code_verifier?, impersonated_by?)

--! take : State
--- Uses up what somebody of the organization has begun: nobody can use it a second time, whatever comes of it.
DELETE FROM oauth_states
 WHERE organization_id = :organization_id
   AND state_hash = :state_hash
RETURNING organization_id, user_id, connector_type, browser_hash, clerk_session_id, code_verifier, redirect_uri,
          replaces, impersonated_by, expires_at;

--! take_named : State
--- The same for a browser that comes back without a session; the transaction must have named the state.
DELETE FROM oauth_states
 WHERE state_hash = :state_hash
RETURNING organization_id, user_id, connector_type, browser_hash, clerk_session_id, code_verifier, redirect_uri,
          replaces, impersonated_by, expires_at;
