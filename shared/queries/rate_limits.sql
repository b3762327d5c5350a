--! take
--- Lets several subjects make one call each, or not: the generic cell rate algorithm. A subject may be ahead of its rate
--- by a minute, so it can make a minute's calls at once. `arrival_at` of one that is refused stays as it was. Rows are
--- locked in the order of their names, so that two calls never wait for each other.
INSERT INTO rate_limits (subject, arrival_at, granted)
SELECT asked.subject, :now::timestamptz + interval '1 minute' / asked.per_minute, true
  FROM unnest(:subjects::text[], :per_minutes::int[]) AS asked (subject, per_minute)
 ORDER BY asked.subject
ON CONFLICT ON CONSTRAINT rate_limits_pkey DO UPDATE
   SET granted = greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now) <= :now + interval '1 minute',
       arrival_at = CASE
           WHEN greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now) <= :now + interval '1 minute'
           THEN greatest(rate_limits.arrival_at, :now) + (EXCLUDED.arrival_at - :now)
           ELSE rate_limits.arrival_at
       END
RETURNING subject, granted, arrival_at;

--! delete_expired
--- Forgets subjects that are not ahead of their rate.
DELETE FROM rate_limits
 WHERE subject IN (SELECT r.subject FROM rate_limits r WHERE r.arrival_at < :before LIMIT :count FOR UPDATE SKIP LOCKED)
RETURNING subject;
