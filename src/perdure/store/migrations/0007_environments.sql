-- What an environment says of its runs.

alter table environments add column default_ttl_ms {int8};  -- of runs that have none of their own; 0: for ever; null: as the server says
