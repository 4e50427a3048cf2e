"""Every mask in a world that was really built, read by the task's own role."""

from __future__ import annotations

import pytest

from postern.types import Mask, MaskKind
from postern.world.names import role_name
from tests.support.masked_values import sql_mask
from tests.support.servers import Database
from tests.support.world import granted, prepared

SAMPLE = """
CREATE TABLE people (
    id integer GENERATED ALWAYS AS IDENTITY, note text, parts text[], document json, born date, pay numeric(8, 2),
    shouted text GENERATED ALWAYS AS (upper(note)) STORED
) PARTITION BY RANGE (id);
CREATE TABLE people_1 PARTITION OF people FOR VALUES FROM (0) TO (100);
INSERT INTO people (note, parts, document, born, pay)
VALUES ('write to bob@example.com', '{bob@example.com,x}', '{"at": "10.0.0.1"}', '1980-05-06', 1234.50);
CREATE MATERIALIZED VIEW summary AS SELECT note, pay FROM people;
"""
MASKS = {
    "note": Mask(MaskKind.SCRUB),
    "parts": Mask(MaskKind.SCRUB),
    "document": Mask(MaskKind.SCRUB),
    "born": sql_mask("date_trunc('quarter', value)", "date"),
    "pay": sql_mask("CASE WHEN value < 1000 THEN 'low' ELSE 'high' END"),
    "shouted": Mask(MaskKind.SCRUB),
}
ROW = ["write to [detected:email]", "{[detected:email],x}", '{"at": "[detected:ip]"}', "1980-04-01", "high"]


@pytest.mark.parametrize("server", ["database", "database16"])
def test_a_task_reads_masks_of_tables_partitions_generated_columns_and_materialized_views(
    server: str, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue(server)
    names = ("people", "people_1", "summary")
    with prepared(database, SAMPLE, [("public", name) for name in names]) as ready:
        summary = {name: MASKS[name] for name in ("note", "pay")}
        task_id, _ = ready.build(granted("people", MASKS), granted("people_1", MASKS), granted("summary", summary))
        connection = database.connect(user=role_name(task_id))
        try:
            for name in ("people", "people_1"):
                columns = ", ".join(f"{column}::text" for column in MASKS)
                assert connection.run(f"SELECT {columns} FROM {name}") == [[*ROW, "WRITE TO [detected:email]"]]
            assert connection.run("SELECT note, pay FROM summary") == [[ROW[0], ROW[4]]]
        finally:
            connection.close()
