"""Extensions that let a role do more than compute on what it may read, and why each is here.

The severity is what their functions and relations mean while PUBLIC may use them; one that is closed to PUBLIC is
told as information. An extension that is not listed is judged by the other checks alone.
"""

from __future__ import annotations

from postern.world.doctor.findings import Severity

_H, _M, _L = Severity.HIGH, Severity.MEDIUM, Severity.LOW

_FOREIGN = "its foreign tables reach other databases with stored credentials"
_REQUESTS = "it sends requests to other hosts: a way out for data"
_LANGUAGE = "its language reads the server's files and network as the server's own user"
_PAGES = "it reads raw pages: rows as they are stored, deleted ones too"
_RUNS_TEXT = "it runs SQL given as text, which the guard cannot read"

EXTENSION_RISKS: dict[str, tuple[Severity, str]] = {
    "adminpack": (_H, "it writes, renames and deletes the server's files"),
    "amcheck": (_L, "it reads whole indexes, for long"),
    "aws_commons": (_L, "it builds the addresses that aws_s3 and aws_lambda use"),
    "aws_lambda": (_H, "it invokes AWS functions with any payload: a way out for data"),
    "aws_ml": (_H, "it sends rows to AWS services"),
    "aws_s3": (_H, "it writes query results to S3 and reads from it, and runs SQL given as text"),
    "azure_storage": (_H, "it writes query results to object storage"),
    "dblink": (_H, f"it opens connections to other databases and hosts, and {_RUNS_TEXT.removeprefix('it ')}"),
    "file_fdw": (_M, "its foreign tables read files and programs of the server"),
    "http": (_H, _REQUESTS),
    "jdbc_fdw": (_M, _FOREIGN),
    "lo": (_L, "it comes with large objects, which lie outside of tables, masks and row filters"),
    "mongo_fdw": (_M, _FOREIGN),
    "mysql_fdw": (_M, _FOREIGN),
    "odbc_fdw": (_M, _FOREIGN),
    "oracle_fdw": (_M, _FOREIGN),
    "orafce": (_H, "it reads and writes files (utl_file) and passes messages between sessions"),
    "pageinspect": (_H, _PAGES),
    "pg_background": (_H, f"{_RUNS_TEXT}, in a session of its own"),
    "pg_buffercache": (_L, "it tells which pages of which tables are in use"),
    "pg_cron": (_H, "it runs SQL later, in sessions that no task's end reaches"),
    "pg_dirtyread": (_H, _PAGES),
    "pg_freespacemap": (_L, "it tells how full other tables are"),
    "pg_net": (_H, _REQUESTS),
    "pg_partman": (_M, "it changes tables by functions"),
    "pg_prewarm": (_L, "it reads whole tables into memory"),
    "pg_repack": (_M, "it rewrites tables by functions"),
    "pg_stat_statements": (_L, "it shows statistics of all statements, and reset functions lose them"),
    "pg_surgery": (_H, "it changes rows in place, past every check"),
    "pg_tle": (_M, "it installs extensions from SQL"),
    "pg_visibility": (_L, "it tells which rows of other tables changed"),
    "pg_walinspect": (_H, "it reads the write-ahead log: every row ever written"),
    "pglogical": (_H, "it copies tables to other servers"),
    "pgrowlocks": (_L, "it tells which rows other sessions hold"),
    "pgstattuple": (_L, "it tells how many rows and dead rows a table has"),
    "plperlu": (_H, _LANGUAGE),
    "plproxy": (_H, f"{_RUNS_TEXT}, on other servers"),
    "plpython3u": (_H, _LANGUAGE),
    "plpythonu": (_H, _LANGUAGE),
    "plr": (_H, _LANGUAGE),
    "plsh": (_H, _LANGUAGE),
    "pltclu": (_H, _LANGUAGE),
    "postgis_raster": (_M, "it reads rasters from files and addresses where its drivers are on"),
    "postgres_fdw": (_M, _FOREIGN),
    "sqlite_fdw": (_M, _FOREIGN),
    "tablefunc": (_M, f"{_RUNS_TEXT} (crosstab, connectby)"),
    "tds_fdw": (_M, _FOREIGN),
    "xml2": (_M, f"{_RUNS_TEXT} (xpath_table), and it fetches documents"),
}
