// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// RoleError says that the database role of a driver may do more, or less, than read and
// raise.
type RoleError struct{ Role, Detail string }

func (e *RoleError) Error() string {
	return fmt.Sprintf("the database role %q %s: apply what `sigdriver memory init --print` prints, and grant it nothing else", e.Role, e.Detail)
}

// powers are what a driver's role must not have: a condition each, and what it means.
var powers = []struct{ condition, meaning string }{
	{`select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls from pg_roles where rolname = current_user`, "is a superuser, or may create or replicate"},
	{`select session_user <> current_user`, "is taken on by a login of another role, which it may turn back into"},
	{`select exists (select from pg_database where datname = current_database() and datdba = (select oid from pg_roles where rolname = current_user))`, "owns the database"},
	{`select exists (select from pg_auth_members where member = (select oid from pg_roles where rolname = current_user))`, "is a member of another role"},
	{`select has_database_privilege(current_database(), 'CREATE') or has_schema_privilege('sigdriver', 'CREATE')`, "may create objects"},
	{`select exists (select from pg_class c where c.relnamespace = 'sigdriver'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
		and (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER') or has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES')))`, "may change rows by itself"},
	{`select exists (select from pg_class where relnamespace = 'sigdriver'::regnamespace and relowner = (select oid from pg_roles where rolname = current_user))
		or exists (select from pg_proc where pronamespace = 'sigdriver'::regnamespace and proowner = (select oid from pg_roles where rolname = current_user))
		or exists (select from pg_namespace where nspname = 'sigdriver' and nspowner = (select oid from pg_roles where rolname = current_user))`, "owns a part of the schema"},
	{`select count(*) <> 1 from pg_proc p where p.pronamespace = 'sigdriver'::regnamespace and has_function_privilege(p.oid, 'EXECUTE')`, "may call other than the one function"},
	{`select exists (select from pg_proc p where p.prosecdef and p.pronamespace not in ('sigdriver'::regnamespace, 'pg_catalog'::regnamespace, 'information_schema'::regnamespace)
		and has_schema_privilege(p.pronamespace, 'USAGE') and has_function_privilege(p.oid, 'EXECUTE')
		and (exists (select from pg_roles where oid = p.proowner and rolsuper) or exists (select from pg_class c where c.relnamespace = 'sigdriver'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
			and (has_table_privilege(p.proowner, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER') or has_any_column_privilege(p.proowner, c.oid, 'INSERT, UPDATE')))))`,
		"may call a function of another schema that runs as a role that may change rows"},
	{`select not exists (select from pg_proc p where p.pronamespace = 'sigdriver'::regnamespace and p.proname = 'raise' and p.prosecdef
		and p.proconfig = array['search_path=pg_catalog, pg_temp'])`, "meets a function raise that is not the one of the schema"},
	{`select current_setting('fsync') <> 'on' or current_setting('full_page_writes') <> 'on' or current_setting('synchronous_commit') = 'off'`, "meets a database that does not make its rows durable (fsync, full_page_writes, synchronous_commit)"},
}

// checkRole refuses a role that can do more than read and raise, and a database that
// does not keep what it says.
func checkRole(ctx context.Context, c *pgx.Conn, role string) error {
	var exists bool
	if err := c.QueryRow(ctx, `select exists (select from pg_namespace where nspname = 'sigdriver')`).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		return &RoleError{role, "finds no schema sigdriver"}
	}
	for _, p := range powers {
		var has bool
		if err := c.QueryRow(ctx, p.condition).Scan(&has); errors.Is(err, pgx.ErrNoRows) {
			has = true
		} else if err != nil {
			return err
		}
		if has {
			return &RoleError{role, p.meaning}
		}
	}
	return nil
}
