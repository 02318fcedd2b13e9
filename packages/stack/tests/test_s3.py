"""One table of boto3 cases for every S3 server that a stack can have: who keeps which promise.

`docs/reference/stack.md` prints the table; KEPT says what it has to be, so that a server that gets better or worse is
noticed.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from botserver_stack import BlockingStack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botserver_stack.stack import S3Access

    Case = Callable[[Any, S3Access], bool]

pytestmark = pytest.mark.slow

BUCKET = "botserver"


def connect(access: S3Access, secret: str = "") -> Any:
    return boto3.client(
        "s3",
        endpoint_url=access.endpoint,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=secret or access.secret_key.reveal(),
        region_name=access.region,
        config=Config(s3={"addressing_style": "path"}, signature_version="s3v4", retries={"total_max_attempts": 1}),
    )


def fails(code: str, call: Callable[..., Any], **options: Any) -> bool:
    """Whether the server refuses it with this code, or at all when "" is given."""
    try:
        call(**options)
    except ClientError as error:
        return code in ("", error.response["Error"]["Code"])
    return False


def status(url: str) -> int:
    try:
        with urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def put_and_get(client: Any, access: S3Access) -> bool:
    client.put_object(Bucket=access.bucket, Key="a/b c+ü", Body=b"body", Metadata={"some-key": "v"}, ContentType="x/y")
    found = client.get_object(Bucket=access.bucket, Key="a/b c+ü")
    return (found["Body"].read(), found["Metadata"], found["ContentType"]) == (b"body", {"some-key": "v"}, "x/y")


def read_range(client: Any, access: S3Access) -> bool:
    client.put_object(Bucket=access.bucket, Key="range", Body=b"0123456789")
    return bool(client.get_object(Bucket=access.bucket, Key="range", Range="bytes=2-4")["Body"].read() == b"234")


def list_with_delimiter(client: Any, access: S3Access) -> bool:
    for key in ("list/a", "list/b", "list/c/d"):
        client.put_object(Bucket=access.bucket, Key=key, Body=b"")
    found = client.list_objects_v2(Bucket=access.bucket, Prefix="list/", Delimiter="/")
    keys, folders = [it["Key"] for it in found["Contents"]], [it["Prefix"] for it in found["CommonPrefixes"]]
    return (keys, folders) == (["list/a", "list/b"], ["list/c/"])


def upload_in_parts(client: Any, access: S3Access) -> bool:
    name = {"Bucket": access.bucket, "Key": "parts"}
    upload = client.create_multipart_upload(**name)["UploadId"]
    bodies = (b"a" * (5 << 20), b"b")
    tags = [
        client.upload_part(**name, UploadId=upload, PartNumber=number, Body=body)["ETag"]
        for number, body in enumerate(bodies, 1)
    ]
    parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    done = client.complete_multipart_upload(**name, UploadId=upload, MultipartUpload={"Parts": parts})
    return bool(client.get_object(**name)["Body"].read() == b"".join(bodies) and done["ETag"].endswith('-2"'))


def presign(client: Any, access: S3Access) -> bool:
    client.put_object(Bucket=access.bucket, Key="signed", Body=b"")
    return status(client.generate_presigned_url("get_object", {"Bucket": access.bucket, "Key": "signed"})) == 200


def refuse_tampered(client: Any, access: S3Access) -> bool:
    client.put_object(Bucket=access.bucket, Key="signed2", Body=b"")
    url = client.generate_presigned_url("get_object", {"Bucket": access.bucket, "Key": "signed"})
    return status(url.replace("/signed?", "/signed2?")) == 403


def refuse_expired(client: Any, access: S3Access) -> bool:
    url = client.generate_presigned_url("get_object", {"Bucket": access.bucket, "Key": "signed"}, ExpiresIn=-10)
    return status(url) in (400, 403)


def refuse_wrong_secret(_client: Any, access: S3Access) -> bool:
    return fails("SignatureDoesNotMatch", connect(access, "wrong").list_objects_v2, Bucket=access.bucket)


def keep_versions(client: Any, access: S3Access) -> bool:
    client.put_bucket_versioning(Bucket=access.bucket, VersioningConfiguration={"Status": "Enabled"})
    name = {"Bucket": access.bucket, "Key": "versions"}
    first = client.put_object(**name, Body=b"1").get("VersionId")
    client.put_object(**name, Body=b"2")
    return bool(first and client.get_object(**name, VersionId=first)["Body"].read() == b"1")


def refuse_to_overwrite(client: Any, access: S3Access) -> bool:
    client.put_object(Bucket=access.bucket, Key="once", Body=b"1")
    return fails("PreconditionFailed", client.put_object, Bucket=access.bucket, Key="once", Body=b"2", IfNoneMatch="*")


def delete_many(client: Any, access: S3Access) -> bool:
    keys = [{"Key": "many/1"}, {"Key": "many/2"}]
    for key in keys:
        client.put_object(Bucket=access.bucket, Body=b"", **key)
    client.delete_objects(Bucket=access.bucket, Delete={"Objects": keys})
    return "Contents" not in client.list_objects_v2(Bucket=access.bucket, Prefix="many/")


CASES: tuple[Case, ...] = (
    put_and_get,
    read_range,
    list_with_delimiter,
    upload_in_parts,
    delete_many,
    presign,
    refuse_tampered,
    refuse_expired,
    refuse_wrong_secret,
    refuse_to_overwrite,
    keep_versions,
)
#: Server -> the cases that it fails. The last one, outside the table, is what a SIGKILL leaves.
BROKEN = {
    "s3-minio": set[str](),
    "s3-swift": set[str](),
    "s3-moto": {"refuse_tampered", "refuse_expired", "refuse_wrong_secret", "survive_a_kill"},
}


#: No registry brings minio, so it is tested where somebody has put it on PATH.
CHOICES = [it for it in BROKEN if it != "s3-minio" or shutil.which("minio")]


@pytest.fixture(scope="module", params=CHOICES)
def server(request: pytest.FixtureRequest) -> Iterator[BlockingStack]:
    with BlockingStack(services=(request.param,)) as stack:
        yield stack


@pytest.fixture(scope="module")
def choice(server: BlockingStack) -> str:
    return server.stack._recipes[0].choice


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.__name__)
def test_a_case_is_kept_by_those_that_are_said_to_keep_it(server: BlockingStack, choice: str, case: Case) -> None:
    kept = case(connect(server.s3), server.s3)
    assert kept is (case.__name__ not in BROKEN[choice])


def test_what_was_stored_survives_a_sigkill_where_that_is_said(server: BlockingStack, choice: str) -> None:
    client = connect(server.s3)
    client.put_object(Bucket=BUCKET, Key="kept", Body=b"kept", Metadata={"some-key": "v"})
    server.kill_server("s3")
    server.start_server("s3")
    try:
        found = client.get_object(Bucket=BUCKET, Key="kept")
        kept = (found["Body"].read(), found["Metadata"]) == (b"kept", {"some-key": "v"})
    except ClientError:
        kept = False
    assert kept is ("survive_a_kill" not in BROKEN[choice])


def test_the_one_that_believes_every_signature_says_so(server: BlockingStack, choice: str) -> None:
    assert bool(server.stack.warnings) is ("refuse_wrong_secret" in BROKEN[choice])
