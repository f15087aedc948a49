-- Since when voice nodes and dispatchers have been heard without a gap, and when one was last: one row.

create table hearing (
  one boolean primary key default true check (one),
  since timestamptz not null,
  heard_at timestamptz not null
);
