"""The exact reverse of `bootstrap`: what it made is dropped, and PUBLIC gets back what it lost."""

from __future__ import annotations

from postern.world.run_role import revoke_owner_role

# What a master user granted to itself in order to act as our roles.
LET_GO = """DO $postern$
DECLARE
    taken text;
BEGIN
    FOR taken IN
        SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
        WHERE g.rolname IN ('postern_owner', 'postern_provision', 'postern_lookup', 'postern_reap')
            AND m.member = CURRENT_USER::regrole AND m.grantor = CURRENT_USER::regrole
    LOOP
        EXECUTE format('REVOKE %I FROM CURRENT_USER GRANTED BY CURRENT_USER', taken);
    END LOOP;
END
$postern$"""

_NO_WORLDS = """DO $postern$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname ~ '^task_[0-9a-f]{32}$') THEN
        RAISE EXCEPTION 'postern: expected every task to have ended, got roles of tasks that still stand';
    END IF;
END
$postern$"""

_GIVE_BACK = """DO $postern$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'postern') THEN
        RETURN;
    END IF;
    IF NOT pg_has_role('postern_owner', 'USAGE') THEN
        GRANT postern_owner TO CURRENT_USER WITH INHERIT TRUE;
    END IF;
    IF EXISTS (SELECT FROM postern.taken WHERE privilege = 'temp') THEN
        EXECUTE format('GRANT TEMP ON DATABASE %I TO PUBLIC', current_database());
    END IF;
    IF EXISTS (SELECT FROM postern.taken WHERE privilege = 'create on public') THEN
        GRANT CREATE ON SCHEMA public TO PUBLIC;
    END IF;
END
$postern$"""

# Not DROP OWNED BY postern_provision: that would take its right on the cluster's other databases as well.
_CLEAR = """DO $postern$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_provision') THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM postern_provision', current_database());
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_reap') THEN
        EXECUTE format('REVOKE ALL ON DATABASE %I FROM postern_reap', current_database());
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'postern_owner') THEN
        IF NOT pg_has_role('postern_owner', 'USAGE') THEN
            GRANT postern_owner TO CURRENT_USER WITH INHERIT TRUE;
        END IF;
        DROP OWNED BY postern_owner CASCADE;
    END IF;
END
$postern$"""

# The roles belong to the whole cluster: another database of it may still need them.
_DROP_ROLES = """DO $postern$
DECLARE
    granted text;
BEGIN
    IF EXISTS (SELECT FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid
               WHERE d.refclassid = 'pg_authid'::regclass AND (d.dbid <> 0 OR d.classid = 'pg_database'::regclass)
                   AND r.rolname IN ('postern_provision', 'postern_lookup', 'postern_reap', 'postern_owner')) THEN
        RAISE NOTICE 'postern: another database of this cluster is still prepared, so the roles stay';
        RETURN;
    END IF;
    FOR granted IN
        SELECT DISTINCT p.parname FROM pg_parameter_acl p CROSS JOIN aclexplode(p.paracl) a
        JOIN pg_roles r ON r.oid = a.grantee WHERE r.rolname = 'postern_provision' ORDER BY 1
    LOOP
        EXECUTE format('REVOKE SET ON PARAMETER %s FROM postern_provision', granted);
    END LOOP;
    DROP ROLE IF EXISTS postern_provision;
    DROP ROLE IF EXISTS postern_lookup;
    DROP ROLE IF EXISTS postern_reap;
    DROP ROLE IF EXISTS postern_owner;
END
$postern$"""


def plan_remove(*, owner_role: str | None = None) -> tuple[str, ...]:
    """The reverse, as one transaction without BEGIN and COMMIT. Refused by the server while a task's role stands.

    Only `rds_iam` stays: other users may log in by it. `owner_role` is the catalog's, where it names one.
    """
    owner = () if owner_role is None else (revoke_owner_role(owner_role),)
    return (_NO_WORLDS, *owner, _GIVE_BACK, _CLEAR, _DROP_ROLES, LET_GO)
