--! find
--- What an organization told us about itself.
SELECT company_size, team_size, use_cases, observability_stack, completed_at
  FROM organization_metadata
 WHERE organization_id = :organization_id;

--! upsert
--- Keeps what an organization tells about itself; when it was first told stays. No row when nothing is new.
INSERT INTO organization_metadata (organization_id, company_size, team_size, use_cases, observability_stack,
                                   completed_at, updated_at)
VALUES (:organization_id, :company_size, :team_size, :use_cases, :observability_stack, :now, :now)
ON CONFLICT ON CONSTRAINT organization_metadata_pkey DO UPDATE
   SET company_size = EXCLUDED.company_size, team_size = EXCLUDED.team_size, use_cases = EXCLUDED.use_cases,
       observability_stack = EXCLUDED.observability_stack, updated_at = :now
 WHERE organization_metadata.organization_id = :organization_id
   AND (organization_metadata.company_size, organization_metadata.team_size, organization_metadata.use_cases,
        organization_metadata.observability_stack)
       IS DISTINCT FROM
       (EXCLUDED.company_size, EXCLUDED.team_size, EXCLUDED.use_cases, EXCLUDED.observability_stack)
RETURNING organization_id;
