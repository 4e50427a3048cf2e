"""The attribute `unmapped` of our events: what OCSF has no place for, and what leads back to the record.

Everything in it is a member of one of the command's records, under the name that docs/log-format.md gives it, or
follows from where the record lies. Only `class` of a masked column comes from elsewhere: the scope of the task's grant.
"""

from __future__ import annotations

from typing import Final

from postern_cli.ocsf.attributes import Attribute, Shape


def _own(name: str, type_: str, source: str, *, is_array: bool = False) -> Attribute:
    return Attribute(name, type_, "optional", f"docs/log-format.md: {source}", is_array=is_array)


def _needed(name: str, type_: str, source: str) -> Attribute:
    return Attribute(name, type_, "required", f"docs/log-format.md: {source}")


_RECORD: Final = (
    _needed("log", "string_t", "`log`"),
    _needed("index", "long_t", "the entry's place in the log"),
    _needed("key", "string_t", "the record's key in the bucket"),
    _needed("sha256", "string_t", "SHA-256 of the record's bytes"),
    _needed("kind", "string_t", "`kind`"),
    _needed("result", "string_t", "the command's end: an outcome's or settlement's `status`, or refused, open, done"),
)
_ENDINGS: Final = (
    _own("outcome_index", "long_t", "the outcome's place in the log"),
    _own("outcome_key", "string_t", "the outcome's key"),
    _own("outcome_sha256", "string_t", "SHA-256 of the outcome's bytes"),
    _own("settled_index", "long_t", "the settlement's place in the log"),
    _own("settled_key", "string_t", "the settlement's key"),
    _own("settled_sha256", "string_t", "SHA-256 of the settlement's bytes"),
)
_CALLER: Final = (
    _own("on_behalf_of", "string_t", "`principal.on_behalf_of`"),
    _own("purpose", "string_t", "`task.purpose`, of a refused task `request.purpose`"),
    _own("ticket", "string_t", "`task.ticket`, of a refused task `request.ticket`"),
    _own("by", "string_t", "`by`"),
    _own("code", "string_t", "`decision.code`, of a refused task the first of `decision.refusals`"),
    _own("reason", "string_t", "`decision.reason`, `revocation.reason`"),
)

UNMAPPED: Final = {
    "unmapped_statement": Shape(
        (
            *_RECORD,
            *_ENDINGS,
            *_CALLER,
            _own("sequence", "long_t", "`task.sequence`"),
            _own("relations", "string_t", "`decision.relations`", is_array=True),
            _own("writes", "boolean_t", "`decision.writes`"),
            _own("mode", "string_t", "`statement.mode`; full where there is none"),
            _own("statement_sha256", "string_t", "`statement.sha256`"),
            _own("statement_hmac_sha256", "string_t", "`statement.hmac_sha256`"),
            _own("fingerprint", "string_t", "`statement.fingerprint`"),
            _own("parameters", "long_t", "`statement.parameters.count`"),
            _own("lookups", "string_t", "the classes of `statement.lookups`", is_array=True),
            _own("transaction", "string_t", "`transaction.id`"),
            _own("transaction_index", "long_t", "`transaction.index`"),
            _own("transaction_count", "long_t", "`transaction.count`"),
            _own("rows", "long_t", "`rows`"),
            _own("affected", "long_t", "`affected`"),
            _own("rows_written", "long_t", "`transaction.rows_written`"),
            _own("bytes", "long_t", "`bytes`"),
            _own("truncated", "boolean_t", "`truncated`"),
            _own("masked", "masked", "`masked`", is_array=True),
            _own("sensitive_values", "long_t", "`sensitive_values`"),
            _own("error", "string_t", "`error`"),
            _own("sqlstate", "string_t", "`sqlstate`"),
        )
    ),
    "unmapped_session": Shape(
        (
            *_RECORD,
            *_ENDINGS,
            *_CALLER,
            _own("database", "string_t", "`database`, `target.database`, `request.database`"),
            _own("role", "string_t", "`target.role`"),
            _own("scope", "scope", "`scope`, a column a line", is_array=True),
            _own("needed", "long_t", "`needed`, `decision.approvals_needed`, `approval.needed`"),
            _own("given", "string_t", "`approval.given`", is_array=True),
            _own("comment", "string_t", "`comment`"),
            _own("revocation", "string_t", "`revocation.id`"),
            _own("of_kind", "string_t", "`revocation.of.kind`"),
            _own("of_name", "string_t", "`revocation.of.name`"),
            _own("left", "long_t", "the sum of a teardown's `left`"),
        )
    ),
    "masked": Shape(
        (
            _own("column", "string_t", "`masked[].column`"),
            _own("mask", "string_t", "`masked[].mask`"),
            _own("class", "string_t", "`scope[].columns[].class` of the task's grant, where it is one class"),
            _own("count", "long_t", "`masked[].count`"),
        )
    ),
    "scope": Shape(
        (
            _own("table", "string_t", "`scope[].table`"),
            _own("actions", "string_t", "`scope[].actions`", is_array=True),
            _own("column", "string_t", "`scope[].columns[].name`"),
            _own("class", "string_t", "`scope[].columns[].class`"),
            _own("mask", "string_t", "`scope[].columns[].mask`"),
        )
    ),
}
