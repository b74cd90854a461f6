create table entry (
  id integer generated always as identity primary key,
  author text not null,
  message text not null,
  written_at timestamptz not null default now()
);

create table tally (name text primary key, count integer not null);
insert into tally values ('entries', 0), ('visits', 0);
