"""Routes of the admin: users, their tokens, and how many meetings they have."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response

from botserver_meetings.accounts import (
    change_user,
    count_meetings,
    create_user,
    get_user,
    issue_token,
    list_tokens,
    list_users,
    revoke_token,
)
from botserver_meetings.authentication import Admin
from botserver_meetings.bodies import NewUser, UserUpdate
from botserver_meetings.context import Context
from botserver_meetings.schemas import DetailView, FieldsView, StatsView, TokenView, UserDetailView, UserView
from botserver_meetings.views import view_token, view_usage, view_user

_DENIED: dict[int | str, dict[str, Any]] = {403: {"model": DetailView}, 422: {"model": FieldsView}}
_MISSING: dict[int | str, dict[str, Any]] = {**_DENIED, 404: {"model": DetailView}}

UserId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Skip = Annotated[int, Query(ge=0, le=2**31 - 1)]
Count = Annotated[int, Query(ge=1, le=1000)]


def add_admin_routes(router: APIRouter, context: Context) -> None:
    """All below /admin."""
    admin = APIRouter(prefix="/admin", dependencies=[Admin], route_class=router.route_class)
    _add_user_routes(admin, context)
    _add_token_routes(admin, context)
    router.include_router(admin)


def _add_user_routes(router: APIRouter, context: Context) -> None:
    @router.post(
        "/users",
        status_code=201,
        response_model=UserView,
        responses={**_DENIED, 200: {"model": UserView, "description": "There was one; a given limit is taken over."}},
        summary="Create a user, or find the one of this address",
    )
    async def post_user(body: NewUser) -> Response:
        user, is_new = await create_user(
            context,
            body.email,
            name=body.name,
            image_url=body.image_url,
            limit=body.max_concurrent_bots,
            data=body.data,
        )
        return JSONResponse(view_user(user), 201 if is_new else 200)

    @router.get("/users", response_model=list[UserView], responses=_DENIED, summary="Users, oldest first")
    async def users(skip: Skip = 0, limit: Count = 100) -> Response:
        return JSONResponse([view_user(it) for it in await list_users(context, skip, limit)])

    @router.get("/users/email/{email}", response_model=UserView, responses=_MISSING, summary="The user of an address")
    async def user_by_email(email: str) -> Response:
        return JSONResponse(view_user(await get_user(context, email=email)))

    @router.get("/users/{user_id}", response_model=UserDetailView, responses=_MISSING, summary="A user with tokens")
    async def user_by_id(user_id: UserId) -> Response:
        user = await get_user(context, user_id=user_id)
        tokens = [view_token(it) for it in await list_tokens(context, user_id)]
        return JSONResponse({**view_user(user), "api_tokens": tokens})

    @router.patch(
        "/users/{user_id}",
        response_model=UserView,
        responses={**_MISSING, 400: {"model": DetailView}},
        summary="Change a user; `data` is replaced as a whole",
    )
    async def patch_user(user_id: UserId, body: UserUpdate) -> Response:
        return JSONResponse(view_user(await change_user(context, user_id, body.model_dump(exclude_none=True))))

    @router.get("/stats/meetings-users", response_model=StatsView, responses=_DENIED, summary="Meetings of users")
    async def stats(skip: Skip = 0, limit: Count = 100) -> Response:
        total, found = await count_meetings(context, skip, limit)
        return JSONResponse({"total": total, "items": [view_usage(context.profile, it) for it in found]})


def _add_token_routes(router: APIRouter, context: Context) -> None:
    @router.post(
        "/users/{user_id}/tokens",
        status_code=201,
        response_model=TokenView,
        responses=_MISSING,
        summary="Make a token; it is told this once",
    )
    async def post_token(user_id: UserId) -> Response:
        return JSONResponse(view_token(await issue_token(context, user_id)), 201)

    @router.delete("/tokens/{token_id}", status_code=204, responses=_MISSING, summary="Revoke a token")
    async def delete_token(token_id: UserId) -> Response:
        await revoke_token(context, token_id)
        return Response(status_code=204)
