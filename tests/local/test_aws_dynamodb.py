"""What a DynamoDB request needs: the operations as a table, and a session on a real table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from postern_local.aws.authorization import Operation
from postern_local.aws.dynamodb_requests import DynamoDbRequest, operations
from postern_local.aws.faults import Refused
from postern_local.aws.server import AwsServer
from tests.support.aws import REGION, allow, client, error_code, function_session, unique

TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/state"
INDEX = f"{TABLE}/index/by_owner"
UNKNOWN = ("\0unknown",)


def partition_key(table: str, index: str | None) -> str | None:
    """One table whose key is `pk`, with an index whose key is `owner`."""
    return {None: "pk", "by_owner": "owner"}.get(index) if table == "state" else None


def needed(name: str, body: Any, *, target: str = "DynamoDB_20120810.") -> list[Operation]:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = DynamoDbRequest(f"{target}{name}", encoded, "eu-central-1", "123456789012")
    return list(operations(request, partition_key))


def item(value: str = "a") -> dict[str, Any]:
    return {"pk": {"S": value}, "x": {"S": "y"}}


def on(name: str, *keys: str, resource: str = TABLE) -> Operation:
    return Operation(f"dynamodb:{name}", resource, {"dynamodb:LeadingKeys": keys} if keys else {})


QUERY = {"TableName": "state", "ExpressionAttributeValues": {":v": {"S": "a"}}}


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("GetItem", {"TableName": "state", "Key": item()}, [on("GetItem", "a")]),
        ("PutItem", {"TableName": "state", "Item": item()}, [on("PutItem", "a")]),
        ("UpdateItem", {"TableName": TABLE, "Key": item()}, [on("UpdateItem", "a")]),
        ("PutItem", {"TableName": "state", "Item": {}}, [on("PutItem", *UNKNOWN)]),
        ("Query", {**QUERY, "KeyConditionExpression": "pk = :v"}, [on("Query", "a")]),
        (
            "Query",
            {**QUERY, "KeyConditionExpression": "#k=:v AND sk > :w", "ExpressionAttributeNames": {"#k": "pk"}},
            [on("Query", "a")],
        ),
        ("Query", {**QUERY, "KeyConditionExpression": "sk = :v"}, [on("Query", *UNKNOWN)]),
        ("Query", {"TableName": "state", "KeyConditions": {}}, [on("Query", *UNKNOWN)]),
        (
            "Query",
            {**QUERY, "IndexName": "by_owner", "KeyConditionExpression": "owner = :v"},
            [on("Query", "a", resource=INDEX)],
        ),
        ("Scan", {"TableName": "state", "IndexName": "by_owner"}, [on("Scan", resource=INDEX)]),
        ("DescribeTable", {"TableName": "state"}, [on("DescribeTable")]),
        ("ListTables", {}, [on("ListTables", resource="*")]),
        (
            "BatchGetItem",
            {"RequestItems": {"state": {"Keys": [item("a"), item("b")]}}},
            [on("BatchGetItem", "a", "b")],
        ),
        (
            "BatchWriteItem",
            {"RequestItems": {"state": [{"PutRequest": {"Item": item("a")}}, {"DeleteRequest": {"Key": item("b")}}]}},
            [on("BatchWriteItem", "a", "b")],
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "state", "Item": item("a")}},
                    {"Update": {"TableName": "state", "Key": item("b")}},
                    {"ConditionCheck": {"TableName": "state", "Key": item("c")}},
                    {"Delete": {"TableName": "state", "Key": item("d")}},
                ]
            },
            [on("PutItem", "a"), on("UpdateItem", "b"), on("ConditionCheckItem", "c"), on("DeleteItem", "d")],
        ),
        (
            "TransactGetItems",
            {"TransactItems": [{"Get": {"TableName": "state", "Key": item("a")}}]},
            [on("GetItem", "a")],
        ),
    ],
)
def test_request_needs_these_operations(name: str, body: Any, expected: list[Operation]) -> None:
    assert needed(name, body) == expected


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("ExecuteStatement", {"Statement": "select * from state"}, id="partiql"),
        pytest.param("TransactWriteItems", {"TransactItems": [{"Other": {"TableName": "state"}}]}, id="transacted"),
        pytest.param("GetItem", {}, id="no-table"),
        pytest.param("GetItem", {"TableName": 1}, id="table-not-text"),
        pytest.param("GetItem", b"{", id="not-json"),
        pytest.param("GetItem", b"[]", id="not-an-object"),
    ],
)
def test_request_that_is_not_known_is_refused(name: str, body: Any) -> None:
    with pytest.raises(Refused):
        needed(name, body)


@pytest.mark.parametrize("target", ["DynamoDBStreams_20120810.", "", "DynamoDB_20111205."])
def test_other_interfaces_are_refused(target: str) -> None:
    with pytest.raises(Refused):
        needed("GetItem", {"TableName": "state"}, target=target)


@pytest.fixture(scope="module")
def table(aws: AwsServer) -> str:
    name = unique("state")
    client(aws, "dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "owner", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_owner",
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def arn(table: str) -> str:
    return f"arn:aws:dynamodb:{REGION}:123456789012:table/{table}"


def test_session_does_on_a_table_what_its_role_allows_and_nothing_else(aws: AwsServer, table: str) -> None:
    session = function_session(aws, allow(["dynamodb:PutItem", "dynamodb:GetItem"], arn(table)))
    dynamodb = client(aws, "dynamodb", session)
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}})
    assert dynamodb.get_item(TableName=table, Key={"pk": {"S": "a"}})["Item"]
    for call, options in (
        ("delete_item", {"TableName": table, "Key": {"pk": {"S": "a"}}}),
        ("scan", {"TableName": table}),
        ("get_item", {"TableName": "other", "Key": {"pk": {"S": "a"}}}),
        ("delete_table", {"TableName": table}),
        ("execute_statement", {"Statement": f'SELECT * FROM "{table}"'}),
        (
            "transact_write_items",
            {"TransactItems": [{"Delete": {"TableName": table, "Key": {"pk": {"S": "a"}}}}]},
        ),
    ):
        with pytest.raises(ClientError) as failure:
            getattr(dynamodb, call)(**options)
        assert error_code(failure) == "AccessDeniedException", call


def test_index_is_a_resource_of_its_own(aws: AwsServer, table: str) -> None:
    query = {
        "TableName": table,
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": "ann"}},
        "IndexName": "by_owner",
    }
    on_index = client(aws, "dynamodb", function_session(aws, allow("dynamodb:Query", f"{arn(table)}/index/by_owner")))
    assert on_index.query(**query)["Count"] == 0
    on_table = client(aws, "dynamodb", function_session(aws, allow("dynamodb:Query", arn(table))))
    with pytest.raises(ClientError):
        on_table.query(**query)


def test_leading_keys_bound_a_session_to_its_items(aws: AwsServer, table: str) -> None:
    own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["jwks#*"]}}
    actions = ["dynamodb:PutItem", "dynamodb:Query", "dynamodb:BatchWriteItem"]
    dynamodb = client(aws, "dynamodb", function_session(aws, allow(actions, arn(table), Condition=own)))
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "jwks#a"}})
    values = {":p": {"S": "jwks#a"}}
    found = dynamodb.query(TableName=table, KeyConditionExpression="pk = :p", ExpressionAttributeValues=values)
    assert found["Count"] == 1
    puts = [{"PutRequest": {"Item": {"pk": {"S": key}}}} for key in ("jwks#b", "task#b")]
    for call, options in (
        ("put_item", {"TableName": table, "Item": {"pk": {"S": "task#a"}}}),
        ("batch_write_item", {"RequestItems": {table: puts}}),
    ):
        with pytest.raises(ClientError) as failure:
            getattr(dynamodb, call)(**options)
        assert error_code(failure) == "AccessDeniedException"


def test_a_transaction_that_is_sent_again_with_its_token_is_answered_and_not_made_again(
    aws: AwsServer, table: str
) -> None:
    dynamodb = client(aws, "dynamodb", function_session(aws, allow("dynamodb:PutItem", arn(table))))

    def once(pk: str, token: str) -> None:
        item = {"pk": {"S": pk}, "packed": {"B": b"\x00\xff"}}
        put = {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        dynamodb.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken=token)

    token, pk = unique("token"), unique("pk")
    once(pk, token)
    once(pk, token)
    for other_pk, other, code in (
        (unique("pk"), token, "IdempotentParameterMismatchException"),
        (pk, unique("token"), "TransactionCanceledException"),
    ):
        with pytest.raises(ClientError) as failure:
            once(other_pk, other)
        assert error_code(failure) == code


def _ranged_table(aws: AwsServer) -> str:
    name = unique("ranged")
    client(aws, "dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": part, "AttributeType": "S"} for part in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.mark.parametrize("fails", [True, False], ids=["one condition fails", "all conditions hold"])
@pytest.mark.parametrize("has_range", [True, False], ids=["hash and range", "hash alone"])
def test_a_transaction_is_made_whole_or_not_at_all(fails: bool, has_range: bool, aws: AwsServer, table: str) -> None:
    """Every kind of write before the one whose condition fails is taken back, in place or not."""
    dynamodb = client(aws, "dynamodb")
    name, pk = (_ranged_table(aws) if has_range else table), unique("pk")

    def key(part: str) -> dict[str, Any]:
        return {"pk": {"S": pk}, "sk": {"S": part}} if has_range else {"pk": {"S": f"{pk}-{part}"}}

    def n(part: str) -> str | None:
        found = dynamodb.get_item(TableName=name, Key=key(part), ConsistentRead=True).get("Item")
        return found and found["n"]["N"]

    for part in ("changed", "replaced", "deleted", "checked"):
        dynamodb.put_item(TableName=name, Item={**key(part), "n": {"N": "1"}})
    one = {":one": {"N": "1"}}
    writes = [
        {"Update": {"TableName": name, "Key": key("changed"), "UpdateExpression": "ADD n :one"}},
        {"Update": {"TableName": name, "Key": key("begun"), "UpdateExpression": "ADD n :one"}},
        {"Put": {"TableName": name, "Item": {**key("replaced"), "n": {"N": "2"}}}},
        {"Put": {"TableName": name, "Item": {**key("new"), "n": {"N": "2"}}}},
        {"Delete": {"TableName": name, "Key": key("deleted")}},
        {"ConditionCheck": {"TableName": name, "Key": key("checked"), "ConditionExpression": "n <> :one"}},
    ]
    if not fails:
        writes[-1]["ConditionCheck"]["ConditionExpression"] = "n = :one"
    for write in (*writes[:2], writes[-1]):
        next(iter(write.values()))["ExpressionAttributeValues"] = one

    if fails:
        with pytest.raises(ClientError) as failure:
            dynamodb.transact_write_items(TransactItems=writes)
        assert error_code(failure) == "TransactionCanceledException"
    else:
        dynamodb.transact_write_items(TransactItems=writes)

    after = {part: n(part) for part in ("changed", "begun", "replaced", "new", "deleted", "checked")}
    as_before = {"changed": "1", "begun": None, "replaced": "1", "new": None, "deleted": "1", "checked": "1"}
    made = {"changed": "2", "begun": "1", "replaced": "2", "new": "2", "deleted": None, "checked": "1"}
    assert after == (as_before if fails else made)
