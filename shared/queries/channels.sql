--! is_monitored
--- Whether messages without a mention are answered in a channel; no row means no.
SELECT EXISTS (
    SELECT FROM channels
     WHERE organization_id = :organization_id AND team_id = :team_id AND channel_id = :channel_id AND is_monitored
) AS is_monitored;

--! upsert (channel_name?)
--- Decides whether a channel is watched.
INSERT INTO channels (organization_id, team_id, channel_id, channel_name, is_monitored, created_at, updated_at)
VALUES (:organization_id, :team_id, :channel_id, :channel_name, :is_monitored, :now, :now)
ON CONFLICT ON CONSTRAINT channels_pkey DO UPDATE
   SET channel_name = coalesce(EXCLUDED.channel_name, channels.channel_name), is_monitored = EXCLUDED.is_monitored,
       updated_at = :now
 WHERE channels.organization_id = :organization_id
RETURNING channel_id;
