--! enter
--- From here to its end the transaction works for one organization, and for no workspace that an event named.
SELECT set_config('app.organization_id', :organization_id, true) AS organization_id,
       set_config('app.external_id', '', true) AS external_id;

--! look_up
--- From here on the transaction may read the connection that a third party's event names, as `connector:id`.
SELECT set_config('app.external_id', :external_id, true) AS external_id;
