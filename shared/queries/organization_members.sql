--! upsert (deleted_at?)
--- Mirrors a membership; the transaction must name both sides. Of all that was ever said about it the greatest holds:
--- the latest, then (of one time) the end, then whatever compares as greater. No row when what is there is as great.
INSERT INTO organization_members (organization_id, user_id, clerk_org_id, clerk_user_id, role, source_updated_at,
                                  deleted_at, joined_at, updated_at)
VALUES (:organization_id, :user_id, :clerk_org_id, :clerk_user_id, :role, :source_updated_at, :deleted_at, :joined_at,
        :now)
ON CONFLICT ON CONSTRAINT organization_members_pkey DO UPDATE
   SET role = EXCLUDED.role, source_updated_at = EXCLUDED.source_updated_at, deleted_at = EXCLUDED.deleted_at,
       joined_at = EXCLUDED.joined_at, updated_at = :now
 WHERE organization_members.organization_id = :organization_id
   AND (organization_members.source_updated_at, organization_members.deleted_at IS NOT NULL,
        organization_members.role COLLATE "C", organization_members.joined_at)
     < (EXCLUDED.source_updated_at, EXCLUDED.deleted_at IS NOT NULL, EXCLUDED.role COLLATE "C", EXCLUDED.joined_at)
RETURNING user_id;

--! find : (deleted_at?)
--- A membership, ended or not; the transaction must name both sides.
SELECT role, source_updated_at, deleted_at, joined_at
  FROM organization_members
 WHERE clerk_org_id = :clerk_org_id AND clerk_user_id = :clerk_user_id;

--! list (role?, prefix?)
--- Members of an organization in the order in which they joined, from behind a place in it. `prefix` is of a name, or
--- with `search_email` of an e-mail address, in any case.
SELECT u.user_id, u.email, u.first_name, u.last_name, u.image_url, m.role, m.joined_at
  FROM organization_members m
  JOIN users u ON u.user_id = m.user_id
 WHERE m.organization_id = :organization_id
   AND m.deleted_at IS NULL
   AND u.deleted_at IS NULL
   AND (m.joined_at, m.user_id) > (:after_joined_at, :after_user_id)
   AND (:role::text IS NULL OR m.role = :role)
   AND (:prefix::text IS NULL
        OR starts_with(lower(u.first_name), lower(:prefix))
        OR starts_with(lower(u.last_name), lower(:prefix))
        OR starts_with(lower(u.first_name || ' ' || u.last_name), lower(:prefix))
        OR (:search_email::boolean AND starts_with(lower(u.email), lower(:prefix))))
 ORDER BY m.joined_at, m.user_id
 LIMIT :count;

--! list_of_user
--- The organizations that a person belongs to; the transaction must name the person.
SELECT organization_id
  FROM organization_members
 WHERE clerk_user_id = :clerk_user_id AND deleted_at IS NULL
 ORDER BY organization_id;

--! update_seen
--- Notes that a comparison with Clerk came across a membership; the transaction must name both sides.
UPDATE organization_members
   SET seen_at = greatest(seen_at, :now)
 WHERE clerk_org_id = :clerk_org_id AND clerk_user_id = :clerk_user_id
RETURNING user_id;

--! list_unseen
--- Members whose membership a comparison has not come across, though it has not ended.
SELECT clerk_user_id
  FROM organization_members
 WHERE organization_id = :organization_id
   AND deleted_at IS NULL
   AND source_updated_at < :before
   AND (seen_at IS NULL OR seen_at < :before)
 ORDER BY clerk_user_id
 LIMIT :count;

--! delete_expired
--- Removes memberships that ended long ago; the transaction must name the time.
DELETE FROM organization_members
 WHERE (organization_id, user_id) IN (SELECT m.organization_id, m.user_id FROM organization_members m
                                       WHERE m.deleted_at < :before LIMIT :count)
RETURNING user_id;
