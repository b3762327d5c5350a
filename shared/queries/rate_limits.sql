--! take
--- Lets a person and their organization make one call, or not: the generic cell rate algorithm. A subject may be ahead of
--- its rate by a minute, so it can make a minute's calls at once. `arrival_at` of one that is refused stays as it was. A
--- person who is refused is not counted for the organization, and there is no row for it: nobody uses up what their
--- colleagues may call. People are locked before organizations, so that two calls never wait for each other.
WITH person AS (
    INSERT INTO rate_limits (subject, arrival_at, granted)
    VALUES (:clerk_user_id, :now::timestamptz + interval '1 minute' / :user_per_minute::int, true)
    ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE
       SET granted = greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now) <= :now + interval '1 minute',
           arrival_at = CASE
               WHEN greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now) <= :now + interval '1 minute'
               THEN greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now)
               ELSE rate_limits.arrival_at
           END
    RETURNING subject, granted, arrival_at
), everybody AS (
    INSERT INTO rate_limits (subject, arrival_at, granted)
    SELECT :clerk_org_id, :now::timestamptz + interval '1 minute' / :organization_per_minute::int, true
      FROM person
     WHERE person.granted
    ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE
       SET granted = greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now) <= :now + interval '1 minute',
           arrival_at = CASE
               WHEN greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now) <= :now + interval '1 minute'
               THEN greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now)
               ELSE rate_limits.arrival_at
           END
    RETURNING subject, granted, arrival_at
)
SELECT subject, granted, arrival_at FROM person
UNION ALL
SELECT subject, granted, arrival_at FROM everybody;

--! delete_expired
--- Forgets subjects that are not ahead of their rate.
DELETE FROM rate_limits
 WHERE subject IN (SELECT r.subject FROM rate_limits r WHERE r.arrival_at < :before LIMIT :count FOR UPDATE SKIP LOCKED)
RETURNING subject;
