--! insert (created_by_user_id?)
--- Adds an organization.
INSERT INTO organizations (organization_id, clerk_org_id, name, slug, created_by_user_id, source_updated_at,
                           created_at, updated_at)
VALUES (:organization_id, :clerk_org_id, :name, :slug, :created_by_user_id, :source_updated_at, :now, :now)
RETURNING organization_id;

--! find : (deleted_at?)
--- An organization, deleted or not.
SELECT organization_id, clerk_org_id, name, slug, deleted_at
  FROM organizations
 WHERE organization_id = :organization_id;
