--! enter
--- From here to its end the transaction works for one organization, and for no workspace that an event named.
SELECT set_config('app.organization_id', :organization_id, true) AS organization_id,
       set_config('app.external_id', '', true) AS external_id;

--! look_up
--- From here on the transaction may read the connection that a third party's event names, as `connector:id`.
SELECT set_config('app.external_id', :external_id, true) AS external_id;

--! name_identity
--- From here on the transaction may read and change the rows that mirror one person, one organization, and the
--- membership of the one in the other; blank for none.
SELECT set_config('app.clerk_user_id', :clerk_user_id, true) AS clerk_user_id,
       set_config('app.clerk_org_id', :clerk_org_id, true) AS clerk_org_id;

--! name_unseen
--- From here on the transaction may read who and what a comparison with Clerk has not come across since a time.
SELECT set_config('app.unseen_before', :before, true) AS unseen_before;

--! name_expired
--- From here on the transaction may remove what was deleted at Clerk before a time.
SELECT set_config('app.expired_before', :before, true) AS expired_before;

--! name_due
--- From here on the transaction may find what is to be done about connections and credentials before a time, whoever they
--- belong to.
SELECT set_config('app.due_before', :before, true) AS due_before;

--! name_credentials_key
--- From here on the transaction may find credentials that are sealed under another KMS key, whoever they belong to.
SELECT set_config('app.credentials_key', :key_id, true) AS credentials_key;

--! name_state
--- From here on the transaction may use up one state that came back through a browser, by its hash in hexadecimal digits.
SELECT set_config('app.state_hash', :state_hash, true) AS state_hash;
