--: Delivery()

--! claim : Delivery
--- Claims a delivery, or tells who has it. No row at all means that another worker claimed it while this statement
--- waited for it; asking again then tells.
WITH claimed AS (
    INSERT INTO deliveries (source, key, state, fence, attempts, lease_until, created_at, updated_at)
    VALUES (:source, :key, 'in_progress', 1, 1, :lease_until, :now, :now)
    ON CONFLICT ON CONSTRAINT deliveries_pkey DO UPDATE
       SET fence = deliveries.fence + 1, attempts = deliveries.attempts + 1, lease_until = EXCLUDED.lease_until,
           updated_at = :now
     WHERE deliveries.state = 'in_progress' AND deliveries.lease_until <= :now
    RETURNING state, fence, attempts, lease_until
)
SELECT true AS claimed, state, fence, attempts, lease_until FROM claimed
UNION ALL
SELECT false AS claimed, d.state, d.fence, d.attempts, d.lease_until
  FROM deliveries d
 WHERE d.source = :source AND d.key = :key AND NOT EXISTS (SELECT FROM claimed);

--! extend
--- Prolongs a lease, for the worker that holds it.
UPDATE deliveries
   SET lease_until = :lease_until, updated_at = :now
 WHERE source = :source AND key = :key AND fence = :fence AND state = 'in_progress'
RETURNING fence;

--! finish (reason?)
--- Ends a delivery, for the worker that holds the lease.
UPDATE deliveries
   SET state = :state, reason = :reason, updated_at = :now
 WHERE source = :source AND key = :key AND fence = :fence AND state = 'in_progress'
RETURNING fence;

--! find : (reason?)
--- A delivery as it stands.
SELECT state, fence, attempts, lease_until, reason
  FROM deliveries
 WHERE source = :source AND key = :key;

--! record
--- Notes a delivery as dealt with, for an effect that is in the same transaction. No row when it was dealt with before,
--- or when somebody is at it; waits for another transaction that is about to note the same.
INSERT INTO deliveries (source, key, state, fence, attempts, lease_until, created_at, updated_at)
VALUES (:source, :key, 'done', 1, 1, :now, :now, :now)
ON CONFLICT ON CONSTRAINT deliveries_pkey DO NOTHING
RETURNING fence;

--! delete_expired
--- Forgets deliveries that nothing has happened to for long: no sender sends again after such a time.
DELETE FROM deliveries
 WHERE (source, key) IN (SELECT d.source, d.key FROM deliveries d WHERE d.updated_at < :before LIMIT :count)
RETURNING fence;
