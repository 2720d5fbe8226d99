-- name: put_packets
-- Store packets; one of the same run and kind is replaced.
insert into packets (run, kind, type, data)
select r.run, r.kind, r.type, r.data
  from {rows:packets(run text, kind text, type text, data text)} as r
 where true
    on conflict (run, kind) do update set type = excluded.type, data = excluded.data

-- name: insert_packets
-- Store packets of new runs.
insert into packets (run, kind, type, data)
select r.run, r.kind, r.type, r.data from {rows:packets(run text, kind text, type text, data text)} as r

-- name: packets
-- Packets of some kinds, of some runs.
select * from packets where run in {list:runs} and kind in {list:kinds}
