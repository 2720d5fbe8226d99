-- name: insert_batch
-- Store a new batch.
insert into batches (id, environment, created_at, updated_at, run_count, received, failed, watched, parent,
                     is_awaited, idempotency_key)
values (:id, :environment, :created_at, :created_at, :run_count, 0, 0, :run_count, :parent, :is_awaited,
        :idempotency_key)

-- name: batch
-- One batch of an environment.
select * from batches where id = :id and environment = :environment

-- name: batches
-- Some batches.
select * from batches where id in {list:ids}

-- name: lock_batches
-- Some batches, for a change.
select * from batches where id in {list:ids} order by id {for_update}

-- name: known_positions
-- Which of some items of a batch are here.
select position from batch_items where batch = :batch and position in {list_int:positions}

-- name: insert_batch_items
-- Store items of a batch, which is locked.
insert into batch_items (batch, position, task, run, error, error_code)
select r.batch, r.position, r.task, r.run, r.error, r.error_code
  from {rows:items(batch text, position int8, task text, run text, error text, error_code text)} as r

-- name: count_in
-- Note how many items of a batch are here, and whether these are all.
update batches
   set received = :received, failed = :failed, sealed_at = :sealed_at, updated_at = :now
 where id = :id

-- name: abort_batches
-- Give up batches that are not sealed.
update batches
   set aborted_at = :now, updated_at = :now
 where id in {list:ids} and sealed_at is null and aborted_at is null
returning id

-- name: complete_batches
-- Note that all runs of batches have ended.
update batches
   set completed_at = :now, updated_at = :now
 where id in {list:ids} and completed_at is null
returning id

-- name: look_at_batches
-- Have batches looked at.
insert into batch_looks (batch, position)
select r.batch, r.position from {rows:looks(batch text, position int8)} as r
 where true
    on conflict do nothing

-- name: look_after_runs
-- Have the batches looked at that some runs, which have ended, are in.
insert into batch_looks (batch, position)
select i.batch, max(i.position)
  from batch_items as i
  join batches as b on b.id = i.batch
 where i.run in {list:runs} and b.sealed_at is not null and b.completed_at is null
 group by i.batch
    on conflict do nothing

-- name: take_batch_looks
-- Batches to look at, taken off the list.
delete from batch_looks
 where (batch, position) in (
           select batch, position from batch_looks
            order by batch, position
            limit :limit
           {skip_locked})
returning batch

-- name: last_unfinished
-- The last item of each batch whose run has not ended.
select b.id as batch, i.position, i.run
  from batches as b
  join batch_items as i
    on i.batch = b.id and i.position = (
           select l.position
             from batch_items as l
             join runs on runs.id = l.run
            where l.batch = b.id and l.position <= b.watched and runs.finished_at is null
            order by l.position desc
            limit 1)
 where b.id in {list:ids}

-- name: watch_items
-- Note which item of each batch is watched.
update batches set watched = r.position
  from {rows:looks(batch text, position int8)} as r
 where batches.id = r.batch

-- name: runs_awaiting_batches_of
-- The runs that wait, or are to wait, for batches that some runs are in.
select distinct b.parent
  from batch_items as i
  join batches as b on b.id = i.batch
 where i.run in {list:runs} and b.is_awaited = 1 and b.parent is not null
   and b.completed_at is null and b.aborted_at is null

-- name: items_of_batch
-- The items of a batch, in order.
select position, task, run, error, error_code from batch_items where batch = :batch order by position

-- name: sizes_of_results
-- How long the result of each item is, in characters.
select i.position, coalesce(length(p.data), 0) as size
  from batch_items as i
  left join packets as p on p.run = i.run and p.kind in ('output', 'error')
 where i.batch = :batch and i.position > :after
 order by i.position
 limit :limit

-- name: results_of_batch
-- What became of the items of a batch, in order.
select i.position, i.task, i.run, i.error, i.error_code, runs.status, o.data as output, o.type as output_type,
       e.data as run_error
  from batch_items as i
  left join runs on runs.id = i.run
  left join packets as o on o.run = i.run and o.kind = 'output'
  left join packets as e on e.run = i.run and e.kind = 'error'
 where i.batch = :batch and i.position > :after
 order by i.position
 limit :limit

-- name: runs_with_failures
-- Which of some batches have a run that did not succeed.
select distinct i.batch
  from batch_items as i
  join runs on runs.id = i.run
 where i.batch in {list:ids} and runs.status in {list:failures}

-- name: lock_unfinished_of_batch
-- The runs that a batch made and that have not ended, for a change.
select * from runs where batch = :batch and finished_at is null order by id {for_update}

-- name: old_batches
-- Some batches that were over before a moment, and that no stored state waits for.
select id from batches
 where id < :below and (completed_at < :before or aborted_at < :before)
   and not exists (select 1 from waits as w where w.subject = batches.id and w.kind = 'batch' and w.due_at is null)
 order by id
 limit :limit

-- name: delete_batch_items
-- Forget the items of batches.
delete from batch_items where batch in {list:batches}

-- name: delete_batches
-- Forget batches.
delete from batches where id in {list:batches}
