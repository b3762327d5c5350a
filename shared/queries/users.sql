--! upsert (deleted_at?)
--- Mirrors a person; the transaction must name it. Of all that was ever said about a person the greatest holds, in the
--- order of this comparison: a deletion, then the latest, then (of one time) whatever compares as greater. So the
--- outcome does not depend on the order or number of arrivals. No row when what is there is as great.
INSERT INTO users (user_id, clerk_user_id, email, first_name, last_name, image_url, source_updated_at, deleted_at,
                   created_at, updated_at)
VALUES (:user_id, :clerk_user_id, :email, :first_name, :last_name, :image_url, :source_updated_at, :deleted_at,
        :now, :now)
ON CONFLICT ON CONSTRAINT users_clerk_user_id_key DO UPDATE
   SET email = EXCLUDED.email, first_name = EXCLUDED.first_name, last_name = EXCLUDED.last_name,
       image_url = EXCLUDED.image_url, source_updated_at = EXCLUDED.source_updated_at,
       deleted_at = EXCLUDED.deleted_at, updated_at = :now
 WHERE (users.deleted_at IS NOT NULL, users.source_updated_at, users.email COLLATE "C",
        users.first_name COLLATE "C", users.last_name COLLATE "C", users.image_url COLLATE "C")
     < (EXCLUDED.deleted_at IS NOT NULL, EXCLUDED.source_updated_at, EXCLUDED.email COLLATE "C",
        EXCLUDED.first_name COLLATE "C", EXCLUDED.last_name COLLATE "C", EXCLUDED.image_url COLLATE "C")
RETURNING user_id;

--! ensure : (deleted_at?)
--- The row that mirrors a person, made as a stub where there was none; stays locked until the transaction ends.
INSERT INTO users (user_id, clerk_user_id, email, source_updated_at, created_at, updated_at)
VALUES (:user_id, :clerk_user_id, '', :never, :now, :now)
ON CONFLICT ON CONSTRAINT users_clerk_user_id_key DO UPDATE SET clerk_user_id = EXCLUDED.clerk_user_id
RETURNING user_id, deleted_at;

--! find : (deleted_at?)
--- The row that mirrors a person, deleted or not; the transaction must name the person or a colleague's organization.
SELECT user_id, clerk_user_id, email, first_name, last_name, image_url, source_updated_at, deleted_at
  FROM users
 WHERE clerk_user_id = :clerk_user_id;

--! update_seen
--- Notes that a comparison with Clerk came across a person.
UPDATE users
   SET seen_at = greatest(seen_at, :now)
 WHERE clerk_user_id = :clerk_user_id
RETURNING user_id;

--! list_unseen
--- People that a comparison has not come across, though they are not deleted; the transaction must name its time.
SELECT clerk_user_id
  FROM users
 WHERE deleted_at IS NULL AND coalesce(seen_at, created_at) < :before
 ORDER BY clerk_user_id
 LIMIT :count;

--! delete_expired
--- Removes people who were deleted at Clerk long ago; the transaction must name the time.
DELETE FROM users
 WHERE user_id IN (SELECT u.user_id FROM users u WHERE u.deleted_at < :before LIMIT :count)
RETURNING user_id;
