create table account (
  id integer generated always as identity primary key,
  name text not null unique,
  password text not null
);

-- As connect-pg-simple wants it.
create table session (sid varchar primary key, sess json not null, expire timestamp(6) not null);
create index on session (expire);
