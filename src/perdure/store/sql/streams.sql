-- name: stream
-- One stream of a run.
select * from streams where run = :run and key = :key

-- name: lock_stream
-- One stream of a run, for a change.
select * from streams where run = :run and key = :key {for_update}

-- name: insert_stream
-- Store a new stream, unless it is there.
insert into streams (environment, run, key, created_at, length, bytes, attempt, attempt_from, taken)
values (:environment, :run, :key, :now, 0, 0, 0, 0, 0)
    on conflict (run, key) do nothing

-- name: grow_stream
-- Count what was appended to a stream.
update streams
   set length = length + :count, bytes = bytes + :size,
       attempt_from = case when attempt = :attempt then attempt_from else length end, attempt = :attempt
 where id = :id

-- name: insert_stream_block
-- Store chunks.
insert into stream_blocks (stream, last, first, time, attempt, data)
select r.stream, r.last, r.first, r.time, r.attempt, r.data
  from {rows:blocks(stream int8, last int8, first int8, time int8, attempt int8, data text)} as r

-- name: stream_blocks
-- The next chunks of a stream, in blocks: as many as have so many characters, and at least one.
select first, last, time, attempt, data
  from (select b.*, sum(length(b.data)) over (order by b.last) as sum_of_characters
          from (select * from stream_blocks
                 where stream = :stream and last >= :first
                 order by last
                 limit :limit) as b) as counted
 where sum_of_characters - length(data) < :characters
 order by last

-- name: stream_lengths
-- How long the streams of some runs are, without their inputs' takers.
select run, key, length from streams where run in {list:runs}

-- name: output_streams
-- The names of what some runs write, in the order in which they began.
select run, key from streams
 where run in {list:runs} and substr(key, 1, 9) <> '$trigger.'
 order by run, id

-- name: stream_writer
-- How far a writer of a stream is.
select length from stream_writers where stream = :stream and writer = :writer

-- name: put_stream_writer
-- Note how far a writer of a stream is.
insert into stream_writers (stream, writer, length) values (:stream, :writer, :length)
    on conflict (stream, writer) do update set length = excluded.length

-- name: input_take
-- What a taker of an input got, or waits for.
select token, chunk from input_takes where stream = :stream and key = :key

-- name: put_input_take
-- Note what a taker of an input got, or waits for.
insert into input_takes (stream, key, token, chunk) values (:stream, :key, :token, :chunk)
    on conflict (stream, key) do update set token = excluded.token, chunk = excluded.chunk

-- name: open_input_takes
-- Who waits for an input, the first to come first.
select key, token from input_takes where stream = :stream and chunk is null order by token limit :limit

-- name: drop_input_take
-- Forget a taker that waits no more.
delete from input_takes where stream = :stream and key = :key

-- name: note_taken
-- Note how many chunks of an input are taken.
update streams set taken = :taken where id = :id

-- name: old_streams
-- Some streams of runs that ended before a moment, or are gone.
select s.id from streams as s
  left join runs as r on r.id = s.run
 where s.id > :after and s.created_at < :before and (r.id is null or r.finished_at < :before)
 order by s.id
 limit :limit

-- name: delete_stream_blocks
-- Forget some chunks of a stream.
delete from stream_blocks
 where stream = :stream and last in (
           select last from stream_blocks where stream = :stream order by last limit :limit)

-- name: delete_stream_writers
-- Forget who wrote a stream.
delete from stream_writers where stream = :stream

-- name: delete_input_takes
-- Forget who took what of an input.
delete from input_takes where stream = :stream

-- name: delete_stream
-- Forget a stream.
delete from streams where id = :stream
