"""Who asks: a user by a token, the admin by the one of the server, a bot by its own."""

from hmac import compare_digest
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from botlib import NotFoundError
from botserver_meetings.accounts import User, find_owner
from botserver_meetings.answers import SCOPE_KEY
from botserver_meetings.context import Context
from botserver_meetings.errors import AdminOffError, KeyMissingError, KeyRefusedError

_UserKey = Annotated[str | None, Security(APIKeyHeader(name="X-API-Key", scheme_name="user", auto_error=False))]
_AdminKey = Annotated[str | None, Security(APIKeyHeader(name="X-Admin-API-Key", scheme_name="admin", auto_error=False))]
_BotKey = Annotated[HTTPAuthorizationCredentials | None, Security(HTTPBearer(scheme_name="bot", auto_error=False))]


async def authenticate_user(request: Request, key: _UserKey) -> User:
    """The user who asks about meetings, or 403 in the words of the contract."""
    if not key:
        raise KeyRefusedError("Missing API token")
    return await _owner_of(request, key)


async def authenticate_bot_user(request: Request, key: _UserKey) -> User:
    """The user who asks about bots."""
    if not key:
        raise KeyRefusedError("Missing API token (X-API-Key header)")
    return await _owner_of(request, key)


async def authenticate_webhook_user(request: Request, key: _UserKey) -> User:
    """The user who sets a webhook: the one route that answers 401 when there is no key."""
    if not key:
        raise KeyMissingError("Missing API Key")
    user = await find_owner(_context_of(request), key)
    if user is None:
        raise KeyRefusedError("Invalid API Key")
    return user


async def authenticate_admin(request: Request, key: _AdminKey) -> None:
    """Lets the admin through. Without a configured token nobody is."""
    context = _context_of(request)
    try:
        wanted = (await context.secrets.get(context.settings.admin_token)).reveal()
    except NotFoundError:
        wanted = ""
    if not wanted.strip():
        raise AdminOffError("Admin authentication is not configured on the server.")
    if not key or not compare_digest(key.encode(errors="surrogatepass"), wanted.encode()):
        raise KeyRefusedError("Invalid or missing admin token.")


async def bot_token(header: _BotKey) -> str:
    """The token in the header of a bot, or ""."""
    return header.credentials if header is not None else ""


#: Types of parameters of routes.
ApiUser = Annotated[User, Depends(authenticate_user)]
BotUser = Annotated[User, Depends(authenticate_bot_user)]
WebhookUser = Annotated[User, Depends(authenticate_webhook_user)]
BotToken = Annotated[str, Depends(bot_token)]
Admin = Depends(authenticate_admin)


async def _owner_of(request: Request, key: str) -> User:
    user = await find_owner(_context_of(request), key)
    if user is None:
        raise KeyRefusedError("Invalid API token")
    return user


def _context_of(request: Request) -> Context:
    context: Context = request.scope[SCOPE_KEY]
    return context
