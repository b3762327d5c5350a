--! upsert
--- Notes that a session ended, until its last token has expired.
INSERT INTO revoked_sessions (clerk_session_id, expires_at)
VALUES (:clerk_session_id, :expires_at)
ON CONFLICT ON CONSTRAINT revoked_sessions_pkey DO UPDATE
   SET expires_at = greatest(revoked_sessions.expires_at, EXCLUDED.expires_at)
RETURNING clerk_session_id;

--! delete_expired
--- Forgets sessions whose last token has expired.
DELETE FROM revoked_sessions
 WHERE clerk_session_id IN (SELECT r.clerk_session_id FROM revoked_sessions r WHERE r.expires_at < :before LIMIT :count)
RETURNING clerk_session_id;
