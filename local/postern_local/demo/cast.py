"""Who is who in the demo: agents that ask, people who decide, one who can end it, and one who looks at the record."""

from __future__ import annotations

from postern_local.issuer.people import Person

AGENT_CLAIMS = {"role": "agent", "repository": "acme/shop", "region": "north", "actor": "dana"}
APPROVER_CLAIMS = {"role": "approver"}

AGENT = Person("repo:acme/shop:ref:refs/heads/main", "an agent that works for dana: asks for tasks", AGENT_CLAIMS)

PEOPLE = (
    Person("person:erin", "approver: decides on tasks of the shop's database, and may revoke", APPROVER_CLAIMS),
    Person("person:frank", "approver: the second pair of eyes", APPROVER_CLAIMS),
    Person("person:olga", "operator: ends access, holds a database", {"role": "operator"}),
    Person("person:ava", "auditor: reads the record", {"role": "auditor"}),
    AGENT,
)
