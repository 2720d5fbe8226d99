-- part: filters
       t.created_at >= :since and t.created_at <= :until
   and (cast(:key as text) is null or t.idempotency_key = :key)
   and (cast(:any_status as {int8}) = 1
        or case when t.completed_at is null then 'WAITING'
                when t.completed_by = 'timeout' then 'TIMED_OUT'
                else 'COMPLETED' end in {list:statuses})
   and (cast(:any_tag as {int8}) = 1
        or exists (select 1 from token_tags as g where g.token = t.id and g.tag in {list:tags}))

-- name: insert_token
-- Store a new token.
insert into tokens (id, environment, created_at, timeout_at, idempotency_key, key_expires_at)
values (:id, :environment, :created_at, :timeout_at, :idempotency_key, :key_expires_at)

-- name: token_of_key
-- The token that an idempotency key stands for.
select * from tokens where environment = :environment and idempotency_key = :key {for_update}

-- name: free_token_key
-- Let the key of a token stand for another.
update tokens set idempotency_key = null, key_expires_at = null where id = :id

-- name: insert_token_tags
-- Tag a new token.
insert into token_tags (environment, tag, token)
select r.environment, r.tag, r.token from {rows:tags(environment text, tag text, token text)} as r
 where true
    on conflict do nothing

-- name: token
-- One token.
select * from tokens where id = :id

-- name: tags_of_tokens
-- The tags of some tokens.
select token, tag from token_tags where token in {list:tokens} order by token, tag

-- name: complete_tokens
-- Complete tokens that wait; who comes first wins.
update tokens
   set completed_at = :now, completed_by = :completed_by, output = :output, output_type = :output_type
 where id in {list:tokens} and completed_at is null
returning id

-- name: tokens_before
-- A page of tokens, newest first, older than the cursor.
select t.* from tokens as t
 where t.environment = :environment and t.id < :cursor
   and {part:filters}
 order by t.id desc
 limit :limit

-- name: tokens_after
-- A page of tokens, oldest first, newer than the cursor.
select t.* from tokens as t
 where t.environment = :environment and t.id > :cursor
   and {part:filters}
 order by t.id
 limit :limit
