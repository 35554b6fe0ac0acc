"""Verifies a webhook of Sluice. Give it the raw body, before any JSON parser has touched it."""

import base64
import hashlib
import hmac
import os
import sys
import time

TOLERANCE = 5 * 60  # seconds that the sender's clock may differ from ours; older requests may be replays


def verify(secret, headers, body, now=None):
    """Raises ValueError when the request is not from the holder of `secret` (whsec_...). `headers` have lower-case names."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise ValueError("webhook-timestamp is missing or no number")
    if abs((now or time.time()) - int(timestamp)) > TOLERANCE:
        raise ValueError("webhook-timestamp is too old or in the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # There is more than one signature while a secret is being rotated, and there may be some of other kinds.
    for item in headers.get("webhook-signature", "").split(" "):
        if item.startswith("v1,") and hmac.compare_digest(item[3:].encode(), expected.encode()):
            return
    raise ValueError("no signature fits")


if __name__ == "__main__":  # the headers from the environment, the body from standard input
    names = {"webhook-id": "WEBHOOK_ID", "webhook-timestamp": "WEBHOOK_TIMESTAMP", "webhook-signature": "WEBHOOK_SIGNATURE"}
    given = {name: os.environ.get(variable, "") for name, variable in names.items()}
    try:
        verify(os.environ["WEBHOOK_SECRET"], given, sys.stdin.buffer.read())
    except ValueError as error:
        sys.exit(str(error))
