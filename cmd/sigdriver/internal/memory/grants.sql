
-- The drivers' role: it reads, and it raises. Give it a password, and room for two
-- connections of each driver.
create role ROLE login nosuperuser nocreatedb nocreaterole noinherit noreplication connection limit LIMIT;
grant usage on schema sigdriver to ROLE;
grant select on sigdriver.memory, sigdriver.raised to ROLE;
grant execute on function sigdriver.raise to ROLE;
