--! find : (deleted_at?)
--- An organization, deleted or not.
SELECT organization_id, clerk_org_id, name, slug, created_at, deleted_at
  FROM organizations
 WHERE organization_id = :organization_id;

--! upsert (created_by_user_id?, deleted_at?)
--- Mirrors an organization; the transaction must name it. As `users.upsert`: the greatest holds.
INSERT INTO organizations (organization_id, clerk_org_id, name, slug, created_by_user_id, source_updated_at, deleted_at,
                           created_at, updated_at)
VALUES (:organization_id, :clerk_org_id, :name, :slug, :created_by_user_id, :source_updated_at, :deleted_at, :now, :now)
ON CONFLICT ON CONSTRAINT organizations_clerk_org_id_key DO UPDATE
   SET name = EXCLUDED.name, slug = EXCLUDED.slug,
       created_by_user_id = CASE WHEN EXCLUDED.deleted_at IS NULL
                                 THEN coalesce(EXCLUDED.created_by_user_id, organizations.created_by_user_id) END,
       source_updated_at = EXCLUDED.source_updated_at, deleted_at = EXCLUDED.deleted_at, updated_at = :now
 WHERE (organizations.deleted_at IS NOT NULL, organizations.source_updated_at, organizations.name COLLATE "C",
        organizations.slug COLLATE "C")
     < (EXCLUDED.deleted_at IS NOT NULL, EXCLUDED.source_updated_at, EXCLUDED.name COLLATE "C",
        EXCLUDED.slug COLLATE "C")
RETURNING organization_id;

--! ensure : (deleted_at?)
--- The row that mirrors an organization, made as a stub where there was none; stays locked until the transaction ends.
INSERT INTO organizations (organization_id, clerk_org_id, name, slug, source_updated_at, created_at, updated_at)
VALUES (:organization_id, :clerk_org_id, :name, :slug, :never, :now, :now)
ON CONFLICT ON CONSTRAINT organizations_clerk_org_id_key DO UPDATE SET clerk_org_id = EXCLUDED.clerk_org_id
RETURNING organization_id, deleted_at;

--! find_mirrored : (deleted_at?)
--- The row that mirrors an organization, if there is one; the transaction must name it.
SELECT organization_id, deleted_at
  FROM organizations
 WHERE clerk_org_id = :clerk_org_id;

--! update_seen
--- Notes that a comparison with Clerk came across an organization.
UPDATE organizations
   SET seen_at = greatest(seen_at, :now)
 WHERE clerk_org_id = :clerk_org_id
RETURNING organization_id;

--! list_unseen
--- Organizations that a comparison has not come across, though they are not deleted; the transaction must name its time.
SELECT clerk_org_id
  FROM organizations
 WHERE deleted_at IS NULL AND coalesce(seen_at, created_at) < :before
 ORDER BY clerk_org_id
 LIMIT :count;

--! delete_expired
--- Removes organizations that were deleted at Clerk long ago, with everything that hangs on them; the transaction must
--- name the time.
DELETE FROM organizations
 WHERE organization_id IN (SELECT o.organization_id FROM organizations o WHERE o.deleted_at < :before LIMIT :count)
RETURNING organization_id;
