"""Tokens of users and of bots. A token is shown once, to whom it was made for; what is kept is its hash."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botlib import Randomness

LENGTH = 40
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
# Bytes from here on would make the first letters of the alphabet a little more likely than the others.
_USABLE = 256 - 256 % len(_ALPHABET)
_SHOWN = 4


def create_token(randomness: Randomness) -> str:
    """40 letters and digits: 238 bits, so a plain hash keeps them safe, unlike a password."""
    letters: list[str] = []
    while len(letters) < LENGTH:
        letters += [_ALPHABET[byte % len(_ALPHABET)] for byte in randomness.random_bytes(LENGTH) if byte < _USABLE]
    return "".join(letters[:LENGTH])


def hash_token(token: str) -> str:
    """What is stored and looked up. The look-up tells by its time something about hashes, and nothing about tokens."""
    return sha256(token.encode(errors="surrogatepass")).hexdigest()


def is_token(token: str, stored: str) -> bool:
    """Whether this is the token that was stored as this hash, in a time that tells nothing."""
    return compare_digest(hash_token(token), stored)


def mask_token(token: str) -> str:
    """Enough to tell two tokens apart in a list, and no more."""
    return token[:_SHOWN] + "*" * (LENGTH - _SHOWN)
