"""Passwords, tokens and keys, by reference: settings say where a secret is, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from botlib import Secret
from botstate.capability import Capability


class Secrets(Protocol):
    """Finds secrets."""

    async def get(self, reference: str) -> Secret:
        """The secret behind a reference such as "env:MAIL_PASSWORD" or "file:/etc/bot/mail".

        `NotFoundError` when there is none, `ForbiddenError` when it is not kept safe, `InvalidError` for a reference
        that cannot be understood. None of them repeats the secret.
        """
        ...


SECRETS = Capability[Secrets]("secrets")
_SCHEMES = ("env:", "file:", "vault:")


@dataclass(frozen=True)
class SecretsSettings:
    """The part `secrets`: the Vault behind `vault:PATH#FIELD`, when there is one.

    `vault_token` is a reference (`file:/PATH`, `env:NAME`) or the token itself. Paths lie below `vault_mount`, the
    mount of a store of keys and values of version 2. What was read counts for `vault_ttl` seconds; a request may take
    `vault_timeout`. `vault_ca` is a file of certificates that Vault's own is checked with.
    """

    vault_url: str = ""
    vault_token: Secret = field(default_factory=lambda: Secret(""))
    vault_mount: str = "secret"
    vault_namespace: str = ""
    vault_ca: str = ""
    vault_ttl: float = 300.0
    vault_timeout: float = 5.0

    def __post_init__(self) -> None:
        if self.vault_url and not self.vault_url.startswith(("http://", "https://")):
            raise ValueError("vault_url is a URL such as https://vault.example.org:8200.")
        if self.vault_url and not self.vault_token:
            raise ValueError("vault_token has no value: set a reference such as file:/run/secrets/vault-token.")
        if self.vault_ttl < 0 or self.vault_timeout <= 0:
            raise ValueError("vault_ttl and vault_timeout are numbers of seconds; the latter is more than 0.")


def is_reference(setting: Secret) -> bool:
    """Whether a setting that may hold a secret or a reference to one holds a reference."""
    return setting.reveal().startswith(_SCHEMES)


async def resolve(setting: Secret, secrets: Secrets) -> Secret:
    """The secret of a setting that holds it itself or refers to it."""
    return await secrets.get(setting.reveal()) if is_reference(setting) else setting
