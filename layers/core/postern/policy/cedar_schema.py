"""The product's own Cedar schema: what an operator's policies may speak of, checked when they are loaded.

It is a constant and not a file because pure packages read no disk. It may grow attributes, actions and
types; what is here keeps its name and type, since policies in the field are written against it.

Things a policy can use, beyond the schema's own words:

    principal in Postern::Group::"ci"                       groups that issuers.yaml gives
    principal == Postern::Principal::"github|repo:acme/shop:ref:refs/heads/main"
    principal.hasTag("region") && principal.getTag("region") == "eu"     attributes that issuers.yaml maps
    principal has on_behalf_of && principal.on_behalf_of like "*@acme.example"
    resource in Postern::Database::"shop", resource in Postern::Schema::"shop.public"
    resource == Postern::Table::"shop.public.orders", resource == Postern::Class::"shop/pii.email"
    context.raw, context.statements, context.requester == "github|repo:acme/shop:ref:refs/heads/main"      of `approve`

Attributes are tags: their names are the operator's, and validation refuses a `getTag` that no `hasTag` guards.
A class is in its database, as a table is, so that one `forbid … resource in Database` closes everything in it.

`BUILT_IN` is the product's own policy. It stands beside an operator's in every layer, and `forbid` wins: no layer can
leave it out or permit what it forbids.
"""

from __future__ import annotations

CEDAR_SCHEMA = """
namespace Postern {
  entity Group;
  entity Principal in [Group] {
    id: String,                // `<issuer>|<subject>`
    issuer: String,            // the name in issuers.yaml
    subject: String,           // the token's `sub`
    on_behalf_of?: String,     // the person that the agent acts for, where the token says so
  } tags String;

  entity Database;
  entity Schema in [Database];
  entity Table in [Schema];
  entity Class in [Database];

  type Time = {
    hour: Long,                // 0 to 23, UTC
    weekday: Long,             // 1 Monday to 7 Sunday, UTC
  };
  type Task = {
    ttl: Long,                 // seconds asked for
    purpose: Bool,             // a purpose is given
    ticket?: String,           // `context has ticket` where one is given
    writes: Bool,              // any write action is asked for, or statements that run once
    statements: Bool,          // statements that run once are asked for
    hour: Long,
    weekday: Long,
  };

  type Approval = {            // of the task that waits: a Task, and what an approver's right may hang on
    ttl: Long,
    purpose: Bool,
    ticket?: String,
    writes: Bool,
    hour: Long,                // now, not when it was opened
    weekday: Long,
    requester: String,         // who opened it, as `<issuer>|<subject>`
    on_behalf_of?: String,     // the person that the requester acts for
    raw: Bool,                 // it would see raw values of a class
    statements: Bool,          // it would run statements once
  };

  action select, insert, update, delete appliesTo { principal: [Principal], resource: [Table], context: Task };
  action unmask, lookup appliesTo { principal: [Principal], resource: [Class], context: Task };
  action autoApprove, runStatements, dryRun
    appliesTo { principal: [Principal], resource: [Database], context: Task };
  action approve appliesTo { principal: [Principal], resource: [Database], context: Approval };
  action revoke, audit appliesTo { principal: [Principal], resource: [Database], context: Time };
}
"""

OWN_PREFIX = "postern."  # of the ids of the product's own policies

# Spelled names only: Cedar folds no case and walks no tags. `policy.persons` compares what is left.
BUILT_IN = """
@id("postern.four-eyes")
forbid (principal, action == Postern::Action::"approve", resource)
when {
  principal has on_behalf_of ||
  principal.id == context.requester ||
  (context has on_behalf_of &&
    (principal.subject == context.on_behalf_of || principal.id == context.on_behalf_of))
};
"""
