-- The memory of several drivers, schema 1. An administrator applies it once, as a role
-- that no driver uses; everything below belongs to that role.

create schema sigdriver;

-- One row: what memory this is, and the end of its rows. format is that of the schema, and
-- oldest that of the drivers that may still use it: a migration raises format first, and
-- oldest once no older driver is left.
create table sigdriver.memory (
  one      boolean primary key default true check (one),
  id       uuid    not null default gen_random_uuid(),
  format   integer not null default 1,
  oldest   integer not null default 1,
  revision bigint  not null default 0,
  sum      bytea   not null default decode(repeat('00', 32), 'hex')
);
insert into sigdriver.memory default values;

-- What was raised, in order. body is what the driver asked for, byte for byte.
create table sigdriver.raised (
  revision  bigint primary key check (revision > 0),
  driver    text   collate "C" not null,
  session   bigint not null,
  ask       bigint not null,
  body      text   collate "C" not null,
  signature bytea,
  sum       bytea  not null,
  unique (driver, session, ask)
);

-- The same by subject, for the comparison. The last row of a subject counts.
create table sigdriver.floors (
  gateway   text collate "C" not null,
  role      text collate "C" not null,
  workspace text collate "C" not null,
  name      text collate "C" not null,
  revision  bigint not null,
  version   bigint not null check (version > 0),
  sha256    text   collate "C" not null,
  primary key (gateway, role, workspace, name, revision)
);
create table sigdriver.places (
  gateway   text collate "C" not null,
  sandbox   text collate "C" not null,
  revision  bigint not null,
  primary key (gateway, sandbox)
);
create table sigdriver.resets (
  id        text collate "C" primary key,
  revision  bigint not null
);

-- A session is one connection of a driver that raises. A later one ends the earlier: what
-- that had under way is in the rows by then, or never will be.
create table sigdriver.sessions (
  driver  text collate "C" not null,
  session bigint not null,
  primary key (driver, session)
);

-- raise is the only way to add a row. Session 0 begins a session, and the first row that
-- comes back has its number. Each ask is compared with what stands and added whole, or
-- refused whole; a row comes back for each, in order: its revision, 0 for refused.
create function sigdriver.raise(p_driver text, p_session bigint, p_bodies text[], p_signatures bytea[])
returns table (got bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  head    sigdriver.memory%rowtype;
  latest  bigint;
  body    jsonb;
  f       jsonb;
  cur     record;
  ok      boolean;
  next    bigint;
  sum     bytea;
  pattern jsonb;
begin
  -- One at a time: the lock is held until what is added is durable, so revisions become
  -- visible in their order, with no gap.
  select * into strict head from sigdriver.memory for update;
  select coalesce(max(session), 0) into latest from sigdriver.sessions where driver = p_driver;
  if p_session = 0 then
    insert into sigdriver.sessions values (p_driver, latest + 1);
    got := latest + 1;
    return next;
    return;
  end if;
  if p_session <> latest then
    raise exception 'session % of driver % is over', p_session, p_driver using errcode = 'SD001';
  end if;

  for i in 1 .. coalesce(array_length(p_bodies, 1), 0) loop
    body := p_bodies[i]::jsonb;
    next := head.revision + 1;
    ok := true;

    if body ? 'reset' then
      pattern := body -> 'reset' -> 'pattern';
      ok := not exists (select from sigdriver.resets where id = body -> 'reset' ->> 'id');
    end if;
    if ok and body ? 'place' then
      ok := not exists (select from sigdriver.places
        where gateway = body -> 'place' ->> 'gatewayId' and sandbox = body -> 'place' ->> 'sandboxId');
    end if;
    for f in select * from jsonb_array_elements(coalesce(body -> 'floors', '[]')) loop
      exit when not ok;
      select version, sha256 into cur from sigdriver.floors
        where gateway = f ->> 'gatewayId' and role = f ->> 'role'
          and workspace = coalesce(f ->> 'workspace', '') and name = coalesce(f ->> 'name', '')
        order by revision desc limit 1;
      -- What stands is what the driver saw, and it rises: a higher version, or the same
      -- one with the same digest or with its first.
      ok := coalesce(cur.version, 0) = coalesce((f -> 'before' ->> 'version')::bigint, 0)
        and coalesce(cur.sha256, '') = coalesce(f -> 'before' ->> 'sha256', '')
        and (f -> 'after' ->> 'version')::bigint >= coalesce(cur.version, 0)
        and ((f -> 'after' ->> 'version')::bigint > coalesce(cur.version, 0)
          or coalesce(cur.sha256, '') in ('', f -> 'after' ->> 'sha256'));
    end loop;

    if not ok then
      got := 0;
      return next;
      continue;
    end if;

    insert into sigdriver.floors
      select e ->> 'gatewayId', e ->> 'role', coalesce(e ->> 'workspace', ''), coalesce(e ->> 'name', ''), next,
             (e -> 'after' ->> 'version')::bigint, coalesce(e -> 'after' ->> 'sha256', '')
      from jsonb_array_elements(coalesce(body -> 'floors', '[]')) e;
    if body ? 'place' then
      insert into sigdriver.places values (body -> 'place' ->> 'gatewayId', body -> 'place' ->> 'sandboxId', next);
    end if;
    if body ? 'reset' then
      insert into sigdriver.resets values (body -> 'reset' ->> 'id', next);
      insert into sigdriver.floors
        select gateway, role, workspace, name, next, (body -> 'reset' ->> 'version')::bigint, ''
        from (select distinct on (gateway, role, workspace, name) * from sigdriver.floors
              order by gateway, role, workspace, name, revision desc) stands
        where version > (body -> 'reset' ->> 'version')::bigint and role = pattern ->> 'role'
          and (not pattern ? 'gatewayId' or gateway like replace(replace(replace(replace(pattern ->> 'gatewayId', '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'))
          and (not pattern ? 'workspace' or workspace like replace(replace(replace(replace(pattern ->> 'workspace', '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'))
          and (not pattern ? 'name' or name like replace(replace(replace(replace(pattern ->> 'name', '\', '\\'), '%', '\%'), '_', '\_'), '*', '%'));
    end if;

    sum := sha256(head.sum || convert_to(next || ' ' || p_driver || ' ' || p_session || ' ' || (body ->> 'ask') || ' ', 'UTF8') || convert_to(p_bodies[i], 'UTF8'));
    insert into sigdriver.raised values (next, p_driver, p_session, (body ->> 'ask')::bigint, p_bodies[i], p_signatures[i], sum);
    head.revision := next;
    head.sum := sum;
    got := next;
    return next;
  end loop;

  update sigdriver.memory set revision = head.revision, sum = head.sum;
  perform pg_notify('sigdriver', head.revision::text);
end
$$;

revoke all on schema sigdriver from public;
revoke all on all tables in schema sigdriver from public;
revoke all on function sigdriver.raise from public;
