create table items (
    id text primary key,
    amount {int8} not null check (amount >= 0),
    note text,
    picture {bytes},
    weight {float8}
) {strict};
create table events (seq {serial}, item text not null references items (id)) {strict};
