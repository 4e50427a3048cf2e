"""The AWS server's process: how it starts and ends, whose requests it takes, and what never reaches moto."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from postern_local.aws.server import AwsServer
from postern_local.failure import StackFailure
from tests.support.aws import REGION, allow, client, error_code, function_session, unique
from tests.support.processes import wait_until_gone

SIGNED = (
    "AWS4-HMAC-SHA256 Credential={key}/20260101/eu-central-1/{service}/aws4_request, "
    "SignedHeaders=host, Signature=" + "0" * 64
)


def send(aws: AwsServer, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
    """One request exactly as given."""
    connection = http.client.HTTPConnection(aws.host, aws.port, timeout=30)
    try:
        connection.putrequest(method, target, skip_host="host" in headers)
        for name, value in ({"content-length": str(len(body))} | headers).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signed(service: str = "s3", key: str = "test") -> str:
    return SIGNED.format(service=service, key=key)


@pytest.mark.parametrize(
    ("target", "content_type"),
    [
        pytest.param("/?Action=Sign", "application/x-amz-json-1.1", id="action in the query"),
        pytest.param("/?QueueUrl=http://x/123456789012/other", "application/x-amz-json-1.0", id="name in the query"),
        pytest.param("/", "application/x-www-form-urlencoded", id="form"),
        pytest.param("/", "", id="no type"),
        pytest.param("/123456789012/other", "application/x-amz-json-1.0", id="name in the path"),
    ],
)
@pytest.mark.parametrize("service", ["dynamodb", "kms", "sqs"])
def test_what_could_be_read_in_two_ways_is_refused(
    service: str, target: str, content_type: str, aws: AwsServer
) -> None:
    """moto reads action and names from a query or a form before it looks where the check looked."""
    held = function_session(aws, allow("*"))
    headers = {
        "authorization": signed(service, held.access_key_id),
        "x-amz-security-token": held.session_token.reveal(),
        "content-type": content_type,
        "x-amz-target": "AmazonSQS.ListQueues",
    }

    status, body = send(aws, "POST", target, headers, b"{}")

    assert (status, b"InvalidRequest" in body) == (400, True)


@pytest.fixture
def bucket(aws: AwsServer) -> str:
    name = unique("plain")
    client(aws, "s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def test_port_in_use_is_told_in_one_line(aws: AwsServer, tmp_path: Path) -> None:
    with pytest.raises(StackFailure, match=f"^AWS port {aws.port}: expected a free port on 127.0.0.1, got [^\n]*$"):
        AwsServer.start(tmp_path, port=aws.port)


def test_port_asked_for_is_the_one_that_serves(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with AwsServer.start(tmp_path, port=port) as server:
        assert server.url == f"http://127.0.0.1:{port}"
        assert client(server, "s3").list_buckets()["Buckets"] == []


def test_stop_frees_the_port(tmp_path: Path) -> None:
    server = AwsServer.start(tmp_path)
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_server_that_cannot_start_is_told_with_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StackFailure, match="AWS server: does not answer"):
        AwsServer.start(tmp_path)


HOLDER = """
import sys, time
from pathlib import Path
from postern_local.aws.server import AwsServer
server = AwsServer.start(Path(sys.argv[1]))
print(server.child.pid, server.port, flush=True)
time.sleep(60)
"""


def test_server_ends_with_its_starter(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as holder:
        assert holder.stdout is not None
        watcher, port = (int(word) for word in holder.stdout.readline().split())
        holder.send_signal(signal.SIGKILL)
    wait_until_gone(watcher)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_secret_is_in_no_command_line(aws: AwsServer) -> None:
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if os.access(path, os.R_OK)]
    assert any(b"postern_local.aws" in line for line in lines)
    assert not any(aws.secret.reveal().encode() in line for line in lines)


@pytest.mark.parametrize("path", ["/_postern/ready", "/_postern/session?key=x", "/_postern/"])
@pytest.mark.parametrize("secret", ["", "wrong", "\xe9"], ids=["none", "wrong", "not-ascii"])
def test_private_channel_is_closed_without_its_secret(aws: AwsServer, path: str, secret: str) -> None:
    status, body = send(aws, "GET", path, {"x-postern-control": secret})
    assert (status, b"not found" in body) == (404, True)


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/moto-api/data.json", "/moto-api/reset-auth", "/latest/meta-data/"]
)
def test_motos_own_controls_are_closed(aws: AwsServer, bucket: str, path: str) -> None:
    for method in ("GET", "POST"):
        assert send(aws, method, path, {})[0] == 403
        assert send(aws, method, path, {"authorization": signed()})[0] == 403
    client(aws, "s3").head_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        pytest.param(None, b"MissingAuthenticationToken", id="unsigned"),
        pytest.param("AWS test:c2lnbmF0dXJl", b"IncompleteSignature", id="old-signature"),
        pytest.param("Bearer x", b"IncompleteSignature", id="bearer"),
        pytest.param(signed(key="ASIA" + "A" * 16), b"InvalidClientTokenId", id="temporary-key-of-nobody"),
        pytest.param(signed() + ", " + signed("dynamodb"), b"IncompleteSignature", id="two-credentials"),
        pytest.param(signed().replace("/s3/", "/s3/x/"), b"IncompleteSignature", id="scope-with-more"),
        pytest.param(signed().replace("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256  "), b"IncompleteSignature", id="spaces"),
    ],
)
def test_sender_must_be_known(aws: AwsServer, bucket: str, authorization: str | None, code: bytes) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    status, body = send(aws, "GET", f"/{bucket}", headers)
    assert status in (400, 403)
    assert code in body


def test_session_key_without_its_token_is_refused(aws: AwsServer, bucket: str) -> None:
    session = function_session(aws, allow("s3:*"))
    for token in ("", "wrong"):
        headers = {"authorization": signed(key=session.access_key_id), "x-amz-security-token": token}
        status, body = send(aws, "GET", f"/{bucket}", headers)
        assert (status, b"InvalidClientTokenId" in body) == (403, True)


def test_presigned_url_works_for_its_object_only(aws: AwsServer, bucket: str) -> None:
    s3 = client(aws, "s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"record")
    session = function_session(aws, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/a"))
    signer = boto3.client(
        "s3",
        endpoint_url=aws.url,
        region_name=REGION,
        aws_access_key_id=session.access_key_id,
        aws_secret_access_key=session.secret_access_key.reveal(),
        aws_session_token=session.session_token.reveal(),
        config=Config(signature_version="s3v4"),
    )
    urls = [signer.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}) for key in ("a", "b")]
    assert requests.get(urls[0], timeout=30).content == b"record"
    assert requests.get(urls[1], timeout=30).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "s3.amazonaws.com", "", "a.s3-accesspoint"])
def test_request_for_another_host_is_refused(aws: AwsServer, bucket: str, host: str) -> None:
    assert send(aws, "GET", f"/{bucket}", {"host": host, "authorization": signed()})[0] == 400


def test_bucket_in_the_hosts_name_is_decided_like_one_in_the_path(aws: AwsServer, bucket: str) -> None:
    client(aws, "s3").put_object(Bucket=bucket, Key="a/b", Body=b"record")
    host = f"{bucket}.localhost:{aws.port}"
    assert send(aws, "GET", "/a/b", {"host": host, "authorization": signed()}) == (200, b"record")
    session = function_session(aws, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/other"))
    headers = {
        "authorization": signed(key=session.access_key_id),
        "x-amz-security-token": session.session_token.reveal(),
        "host": host,
    }
    assert send(aws, "GET", "/a/b", headers)[0] == 403


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        pytest.param("GET", "/v20180820/bucket/x", {}, id="s3-control"),
        pytest.param("GET", "/{encoded}/a", {}, id="encoded-bucket"),
        pytest.param("GET", "http://evil.example/{bucket}/a", {}, id="absolute-target"),
        pytest.param("POST", "/{bucket}", {"content-type": "multipart/form-data; boundary=x"}, id="form-upload"),
        pytest.param("DELETE", "/{bucket}/a", {"content-type": "application/x-www-form-urlencoded"}, id="form"),
        pytest.param("GET", "/{bucket}/a?acl&tagging", {}, id="two-subresources"),
        pytest.param("GET", "/{bucket}/a?nothing", {}, id="unknown-subresource"),
        pytest.param("GET", "/{bucket}/a?versionId=1&versionId=2", {}, id="version-twice"),
        pytest.param("DELETE", "/{bucket}/a?versionId=", {}, id="empty-version"),
        pytest.param("PUT", "/{bucket}/a?uploadId=x", {}, id="part-without-number"),
        pytest.param("PUT", "/{bucket}/a?partNumber=1", {}, id="number-without-upload"),
        pytest.param("PATCH", "/{bucket}/a", {}, id="unknown-method"),
        pytest.param("POST", "/{bucket}/a?select&select-type=2", {}, id="select"),
    ],
)
def test_request_that_two_readers_could_read_differently_is_refused(
    aws: AwsServer, bucket: str, method: str, target: str, headers: dict[str, str]
) -> None:
    client(aws, "s3").put_object(Bucket=bucket, Key="a", Body=b"x")
    path = target.format(bucket=bucket, encoded=bucket.replace("p", "%70", 1))
    status, _ = send(aws, method, path, {"authorization": signed(), **headers}, b"versionId=1")
    assert status in (400, 405, 501)
    client(aws, "s3").get_object(Bucket=bucket, Key="a")


def test_body_shorter_than_announced_is_refused_and_holds_up_nobody(aws: AwsServer, bucket: str) -> None:
    with socket.create_connection((aws.host, aws.port), timeout=30) as slow:
        head = f"PUT /{bucket}/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: {signed()}\r\n"
        slow.sendall(f"{head}Content-Length: 10\r\n\r\nab".encode())
        client(aws, "s3").put_object(Bucket=bucket, Key="b", Body=b"x")  # while the first one still sends
        slow.shutdown(socket.SHUT_WR)
        assert b"IncompleteBody" in slow.recv(4096) + slow.recv(4096)


@pytest.mark.parametrize("length", ["-1", "99999999999", "ten"])
def test_length_of_a_body_is_bounded(aws: AwsServer, bucket: str, length: str) -> None:
    status, _ = send(aws, "PUT", f"/{bucket}/a", {"authorization": signed(), "content-length": length})
    assert status == 400


def test_odd_keys_are_decided_by_the_name_under_which_they_are_stored(aws: AwsServer, bucket: str) -> None:
    s3 = client(aws, "s3")
    for key in ("a b", "a+b", "ü/é", "a%2Fb", "a?b", "a;b", "../x", "*"):
        literal = key.replace("*", "${*}").replace("?", "${?}")
        allowed = function_session(aws, allow("s3:PutObject", f"arn:aws:s3:::{bucket}/{literal}"))
        client(aws, "s3", allowed).put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        with pytest.raises(ClientError) as failure:
            client(aws, "s3", allowed).put_object(Bucket=bucket, Key=f"{key}x", Body=b"")
        assert error_code(failure) == "AccessDenied"


def test_concurrent_writers_do_not_lose_updates(aws: AwsServer) -> None:
    table, dynamodb = unique("state"), client(aws, "dynamodb")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

    def add() -> None:
        own = client(aws, "dynamodb")
        for _ in range(20):
            own.update_item(
                TableName=table,
                Key={"pk": {"S": "n"}},
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": "n"}}, ConsistentRead=True)["Item"]
    assert item["n"]["N"] == "80"


def test_call_is_not_held_back_by_delayed_acknowledgements(aws: AwsServer, bucket: str) -> None:
    s3 = client(aws, "s3")
    s3.head_bucket(Bucket=bucket)
    fastest = min(timed(lambda: s3.head_bucket(Bucket=bucket)) for _ in range(20))
    assert fastest < 0.035, "a call waits 40 ms where Nagle's algorithm meets delayed acknowledgements"


def timed(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


class Gateway(http.server.BaseHTTPRequestHandler):
    """Takes an Invoke as the gateway does: it calls back into the server before it answers."""

    protocol_version = "HTTP/1.1"
    aws: AwsServer
    seen: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, dict(self.headers), body))
        client(self.aws, "s3").list_buckets()
        answer = json.dumps({"echo": json.loads(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("X-Amz-Function-Error", "Unhandled")
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_values: object) -> None:
        pass


@pytest.fixture
def gateway(aws: AwsServer) -> Iterator[type[Gateway]]:
    handler = type("OneGateway", (Gateway,), {"aws": aws, "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    aws.set_lambda_endpoint(f"http://127.0.0.1:{server.server_address[1]}")
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


PROVISION = f"arn:aws:lambda:{REGION}:123456789012:function:postern-provision"


def test_invoke_reaches_the_gateway_and_its_answer_comes_back(aws: AwsServer, gateway: type[Gateway]) -> None:
    session = function_session(aws, allow("lambda:InvokeFunction", PROVISION))
    for name in ("postern-provision", PROVISION, "123456789012:function:postern-provision"):
        answer = client(aws, "lambda", session).invoke(FunctionName=name, Payload=b'{"task": 1}')
        assert json.loads(answer["Payload"].read()) == {"echo": {"task": 1}}
        assert answer["FunctionError"] == "Unhandled"
    path, headers, body = gateway.seen[0]
    assert (path, body) == ("/2015-03-31/functions/postern-provision/invocations", b'{"task": 1}')
    assert session.session_token.reveal() not in str(headers)


@pytest.mark.parametrize("name", ["postern-query", "postern-provision-2", "postern-provision:LIVE"])
def test_invoke_of_another_function_is_refused(aws: AwsServer, gateway: type[Gateway], name: str) -> None:
    session = function_session(aws, allow("lambda:InvokeFunction", PROVISION))
    with pytest.raises(ClientError) as failure:
        client(aws, "lambda", session).invoke(FunctionName=name, Payload=b"{}")
    assert error_code(failure) == "AccessDeniedException"
    assert gateway.seen == []


def test_session_may_call_nothing_else_of_lambda(aws: AwsServer) -> None:
    session = function_session(aws, allow("lambda:*"))
    with pytest.raises(ClientError) as failure:
        client(aws, "lambda", session).list_functions()
    assert error_code(failure) == "AccessDeniedException"


def test_invoke_without_a_gateway_says_so(tmp_path: Path) -> None:
    with AwsServer.start(tmp_path) as server:
        with pytest.raises(ClientError) as failure:
            client(server, "lambda").invoke(FunctionName="postern-provision")
        assert error_code(failure) == "ServiceException"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            server.set_lambda_endpoint(f"http://127.0.0.1:{probe.getsockname()[1]}")
            with pytest.raises(ClientError) as gone:
                client(server, "lambda").invoke(FunctionName="postern-provision")
        assert error_code(gone) == "ServiceException"
