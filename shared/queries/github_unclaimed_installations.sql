--! upsert
--- Notes an installation that no organization has; newer news stays, and so does that it is gone.
INSERT INTO github_unclaimed_installations (github_installation_id, github_account_id, github_account_type,
                                            is_suspended, event_time, created_at, updated_at)
VALUES (:github_installation_id, :github_account_id, :github_account_type, :is_suspended, :event_time, :now, :now)
ON CONFLICT ON CONSTRAINT github_unclaimed_installations_pkey DO UPDATE
   SET github_account_id = EXCLUDED.github_account_id, github_account_type = EXCLUDED.github_account_type,
       is_suspended = EXCLUDED.is_suspended, event_time = EXCLUDED.event_time, updated_at = :now
 WHERE github_unclaimed_installations.deleted_at IS NULL
   AND github_unclaimed_installations.event_time <= :event_time
RETURNING github_installation_id;

--! update_suspended
--- Says whether an installation that no organization has is on hold; newer news stays.
UPDATE github_unclaimed_installations
   SET is_suspended = :is_suspended, event_time = :event_time, updated_at = :now
 WHERE github_installation_id = :github_installation_id
   AND deleted_at IS NULL
   AND event_time <= :event_time
RETURNING github_installation_id;

--! bury
--- Notes that an installation is gone for good, whether it was known or not.
INSERT INTO github_unclaimed_installations (github_installation_id, github_account_id, github_account_type,
                                            is_suspended, event_time, deleted_at, created_at, updated_at)
VALUES (:github_installation_id, :github_account_id, :github_account_type, :is_suspended, :event_time, :event_time, :now,
        :now)
ON CONFLICT ON CONSTRAINT github_unclaimed_installations_pkey DO UPDATE
   SET deleted_at = coalesce(github_unclaimed_installations.deleted_at, EXCLUDED.deleted_at), updated_at = :now
RETURNING github_installation_id;

--! delete
--- An organization has claimed it. One that is gone is not forgotten by that.
DELETE FROM github_unclaimed_installations
 WHERE github_installation_id = :github_installation_id
   AND deleted_at IS NULL
RETURNING github_installation_id;
