-- name: put
insert into items (id, amount, note, picture, weight)
values (:id, :amount, :note, :picture, :weight)

-- name: put_simple
insert into items (id, amount) values (:id, :amount)

-- name: put_returning
insert into items (id, amount) values (:id, :amount) returning id, amount

-- name: put_all
-- One statement, whatever the number; what is there already stays as it is.
insert into items (id, amount, note, weight)
select r.id, r.amount, r.note, r.weight
  from {rows:items(id text, amount int8, note text, weight float8)} as r
 where true
on conflict (id) do nothing
returning id

-- name: set_amounts
update items set amount = r.amount
  from {rows:items(id text, amount int8)} as r
 where items.id = r.id

-- name: take
-- Take away what is there, up to so many.
with wanted as materialized (
    select id, {least}(amount, cast(:most as {int8})) as taken
      from items where id in {list:ids} order by id
    {skip_locked}
)
update items set amount = amount - wanted.taken from wanted where items.id = wanted.id

-- name: item
select id, amount, note, picture, weight from items where id = :id

-- name: items
select id, amount from items order by id

-- name: items_with_amounts
select id from items where amount in {list_int:amounts} order by id

-- name: log_event
insert into events (item) values (:item) returning seq

-- name: dialect (sqlite)
select 'sqlite' as name

-- name: dialect (postgres)
select 'postgres' as name

-- name: put_all_simple
insert into items (id, amount)
select r.id, r.amount from {rows:items(id text, amount int8)} as r

-- name: backend (sqlite)
select 0 as pid

-- name: backend (postgres)
select pg_backend_pid() as pid
