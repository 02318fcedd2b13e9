"""Signed S3 requests (AWS Signature Version 4, in headers): enough to make a bucket and to ask whether a server works.

A client library is ten times the size of what is needed here, and takes longer to load than the server to start.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from botserver_stack.http_requests import send

if TYPE_CHECKING:
    from datetime import datetime

    from botserver_stack.http_requests import Answer
    from botserver_stack.recipes.base import Site

REGION = "us-east-1"


async def send_request(site: Site, method: str, path: str, body: bytes = b"") -> Answer:
    """One request to the S3 server of this site. `path` holds no character that would have to be quoted."""
    return await send(site, method, path, body, _sign(site, method, path, body))


def _sign(site: Site, method: str, path: str, body: bytes) -> dict[str, str]:
    moment: datetime = site.clock.now()
    stamp, day = f"{moment:%Y%m%dT%H%M%SZ}", f"{moment:%Y%m%d}"
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": f"{site.host}:{site.port}", "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(headers)
    lines = (method, path, "", *(f"{key}:{value}" for key, value in headers.items()), "", names, digest)
    scope = f"{day}/{REGION}/s3/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256("\n".join(lines).encode()).hexdigest()))
    key = f"AWS4{site.password.reveal()}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"{site.user}/{scope}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
    return headers
