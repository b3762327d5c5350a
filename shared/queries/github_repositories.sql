--! upsert_listed
--- Repositories that GitHub has only named: new ones are added with what is known of them, of others nothing is blanked,
--- and newer news stays. `repositories` are objects of id, name, full_name, url and is_private.
INSERT INTO github_repositories (integration_id, github_repository_id, organization_id, repository_name,
                                 repository_full_name, repository_url, is_private, permission_admin, permission_push,
                                 permission_pull, source_updated_at, last_synced_at, created_at, updated_at)
SELECT :integration_id, r.id, :organization_id, r.name, r.full_name, r.url, r.is_private, :may_administer, :may_push,
       :may_pull, :event_time, :now, :now, :now
  FROM jsonb_to_recordset(:repositories) AS r(id bigint, name text, full_name text, url text, is_private boolean)
ON CONFLICT ON CONSTRAINT github_repositories_pkey DO UPDATE
   SET repository_name = EXCLUDED.repository_name, repository_full_name = EXCLUDED.repository_full_name,
       repository_url = EXCLUDED.repository_url, is_private = EXCLUDED.is_private,
       source_updated_at = EXCLUDED.source_updated_at, updated_at = :now
 WHERE github_repositories.organization_id = :organization_id
   AND (github_repositories.source_updated_at IS NULL OR github_repositories.source_updated_at <= :event_time)
RETURNING github_repository_id;

--! update_told (default_branch?, repository_description?, repository_language?, github_created_at?, github_pushed_at?)
--- What an event of its own tells of a repository that the connection reaches; newer news stays. Without details, what is
--- known of them stays as well.
UPDATE github_repositories
   SET repository_name = :repository_name, repository_full_name = :repository_full_name,
       repository_url = :repository_url, is_private = :is_private,
       default_branch = CASE WHEN :has_details THEN :default_branch ELSE default_branch END,
       repository_description = CASE WHEN :has_details THEN :repository_description ELSE repository_description END,
       repository_language = CASE WHEN :has_details THEN :repository_language ELSE repository_language END,
       github_created_at = coalesce(:github_created_at, github_created_at),
       github_pushed_at = greatest(:github_pushed_at, github_pushed_at),
       github_updated_at = :event_time, source_updated_at = :event_time, updated_at = :now
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND github_repository_id = :github_repository_id
   AND (source_updated_at IS NULL OR source_updated_at <= :event_time)
RETURNING github_repository_id;

--! find
--- Whether the connection reaches a repository.
SELECT github_repository_id
  FROM github_repositories
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND github_repository_id = :github_repository_id;

--! delete
--- Forgets repositories that the connection reaches no longer.
DELETE FROM github_repositories
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND github_repository_id = ANY(:github_repository_ids)
RETURNING github_repository_id;

--! upsert_read
--- Repositories as they were read from GitHub by a reading that began at `started_at`. What an event told later than that
--- stays; permissions are nowhere else. `repositories` are objects named after the columns.
INSERT INTO github_repositories (integration_id, github_repository_id, organization_id, repository_name,
                                 repository_full_name, repository_url, is_private, default_branch, permission_admin,
                                 permission_push, permission_pull, repository_description, repository_language,
                                 github_created_at, github_updated_at, github_pushed_at, source_updated_at,
                                 last_synced_at, created_at, updated_at)
SELECT :integration_id, r.id, :organization_id, r.name, r.full_name, r.url, r.is_private, r.default_branch,
       r.may_administer, r.may_push, r.may_pull, r.description, r.language, r.github_created_at, r.github_updated_at,
       r.github_pushed_at, r.github_updated_at, :started_at, :now, :now
  FROM jsonb_to_recordset(:repositories)
       AS r(id bigint, name text, full_name text, url text, is_private boolean, default_branch text,
            may_administer boolean, may_push boolean, may_pull boolean, description text, language text,
            github_created_at timestamptz, github_updated_at timestamptz, github_pushed_at timestamptz)
ON CONFLICT ON CONSTRAINT github_repositories_pkey DO UPDATE
   SET (repository_name, repository_full_name, repository_url, is_private, default_branch, repository_description,
        repository_language, github_created_at, github_updated_at, github_pushed_at) =
       (SELECT EXCLUDED.repository_name, EXCLUDED.repository_full_name, EXCLUDED.repository_url, EXCLUDED.is_private,
               EXCLUDED.default_branch, EXCLUDED.repository_description, EXCLUDED.repository_language,
               EXCLUDED.github_created_at, EXCLUDED.github_updated_at, EXCLUDED.github_pushed_at
         WHERE github_repositories.source_updated_at IS NULL
            OR github_repositories.source_updated_at <= greatest(:started_at, EXCLUDED.source_updated_at)
        UNION ALL
        SELECT github_repositories.repository_name, github_repositories.repository_full_name,
               github_repositories.repository_url, github_repositories.is_private, github_repositories.default_branch,
               github_repositories.repository_description, github_repositories.repository_language,
               github_repositories.github_created_at, github_repositories.github_updated_at,
               github_repositories.github_pushed_at
         WHERE github_repositories.source_updated_at > greatest(:started_at, EXCLUDED.source_updated_at)),
       permission_admin = EXCLUDED.permission_admin, permission_push = EXCLUDED.permission_push,
       permission_pull = EXCLUDED.permission_pull,
       source_updated_at = greatest(github_repositories.source_updated_at, EXCLUDED.source_updated_at),
       last_synced_at = greatest(github_repositories.last_synced_at, EXCLUDED.last_synced_at), updated_at = :now
 WHERE github_repositories.organization_id = :organization_id
RETURNING github_repository_id;

--! delete_unread
--- Forgets the repositories that a full reading which began at `started_at` has not come across.
DELETE FROM github_repositories
 WHERE organization_id = :organization_id
   AND integration_id = :integration_id
   AND last_synced_at < :started_at
RETURNING github_repository_id;
