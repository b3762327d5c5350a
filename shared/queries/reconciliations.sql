--! claim : (completed_at?, after_id?)
--- Takes a comparison over where it stands, or begins the first one. No row while another run works on it.
INSERT INTO reconciliations (name, pass_started_at, phase, position, subposition, lease_until, updated_at)
VALUES (:name, :now, :first_phase, 0, 0, :lease_until, :now)
ON CONFLICT ON CONSTRAINT reconciliations_pkey DO UPDATE
   SET lease_until = EXCLUDED.lease_until, updated_at = :now
 WHERE reconciliations.lease_until <= :now
RETURNING pass_started_at, phase, position, subposition, after_id, completed_at;

--! save (completed_at?, after_id?)
--- Notes how far a comparison has come, and prolongs or ends the claim. No row when another run has taken over.
UPDATE reconciliations
   SET pass_started_at = :pass_started_at, phase = :phase, position = :position, subposition = :subposition,
       after_id = :after_id, lease_until = :lease_until, completed_at = coalesce(:completed_at, completed_at), updated_at = :now
 WHERE name = :name AND lease_until = :held_until
RETURNING name;
