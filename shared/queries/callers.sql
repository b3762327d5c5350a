--! identify : (user_id?, user_deleted_at?, organization_id?, organization_deleted_at?, role?, member_updated_at?, member_deleted_at?, joined_at?)
--- What is known of somebody who calls: always one row, with NULL for what is not mirrored yet. Works before the
--- organization is known: the transaction must name the person and the organization.
SELECT u.user_id, u.deleted_at AS user_deleted_at, o.organization_id, o.deleted_at AS organization_deleted_at,
       m.role, m.source_updated_at AS member_updated_at, m.deleted_at AS member_deleted_at, m.joined_at,
       EXISTS (SELECT FROM revoked_sessions r
                WHERE r.clerk_session_id = :clerk_session_id AND r.expires_at > :now) AS session_revoked
  FROM (VALUES (true)) AS caller (calls)
  LEFT JOIN users u ON u.clerk_user_id = :clerk_user_id
  LEFT JOIN organizations o ON o.clerk_org_id = :clerk_org_id
  LEFT JOIN organization_members m ON m.organization_id = o.organization_id AND m.user_id = u.user_id;

--! find_role
--- What somebody of the organization may do who comes back without a session, and whose session has not been ended since.
SELECT m.role
  FROM organization_members m
  JOIN users u ON u.user_id = m.user_id
 WHERE m.organization_id = :organization_id
   AND m.user_id = :user_id
   AND m.deleted_at IS NULL
   AND u.deleted_at IS NULL
   AND NOT EXISTS (SELECT FROM revoked_sessions r
                    WHERE r.clerk_session_id = :clerk_session_id AND r.expires_at > :now);
