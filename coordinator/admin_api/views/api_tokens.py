from __future__ import annotations

import secrets

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import ANYONE, AdminView, row_or_404
from coordinator.admin_api.paging import ListQuery, NoQuery, page_of, page_serializer
from coordinator.admin_api.serializers.api_tokens import ApiTokenCreated, ApiTokenNew, ApiTokenOut
from mesh.tokens import RANDOM_BYTES
from sessions_app.models import ApiToken
from sessions_app.services.api_tokens import create_api_token, revoke_api_token


class ApiTokenView(AdminView):
    """Of the caller's own tokens."""

    noun = "api-tokens"
    knows = ANYONE
    queries = {"GET": NoQuery, "POST": NoQuery}

    def tokens(self) -> QuerySet[ApiToken]:
        """The caller's tokens, without their digests."""
        return ApiToken.objects.filter(user=self.user).defer("digest", "pepper")

    def answer_list(self) -> Response:
        """A page of them, the latest first."""
        page = page_of(self.tokens(), self.query, descending=True)
        return self.answer_page(ApiTokenOut, page, page.rows)

    def answer(self, pk: int) -> Response:
        """A token as it now is."""
        return Response(ApiTokenOut(row_or_404(self.tokens(), pk, "API token")).data)

    def revoke(self, pk: int) -> None:
        """Ends a token, which may be the one that asks. Raises ValidationError if there is a body."""
        self.read_nothing()
        token = row_or_404(self.tokens(), pk, "API token")
        revoke_api_token(api_token_id=token.pk, cause=self.cause, now=self.now)


class ApiTokenList(ApiTokenView):
    rights = {"GET": ANYONE, "POST": ANYONE}
    queries = {"GET": ListQuery, "POST": NoQuery}

    @extend_schema(responses=page_serializer(ApiTokenOut), operation_id="admin_list_api_tokens")
    def get(self, request: Request) -> Response:
        """Lists your tokens, the latest first."""
        return self.answer_list()

    @extend_schema(request=ApiTokenNew, responses={201: ApiTokenCreated}, operation_id="admin_create_api_token")
    def post(self, request: Request) -> Response:
        """Makes a token for yourself and answers it, once."""
        fields = self.read(ApiTokenNew)
        random32 = secrets.token_bytes(RANDOM_BYTES)
        maker = request.auth
        assert isinstance(maker, ApiToken)
        created = create_api_token(
            user_id=self.user.pk, now=self.now, random32=random32, maker=maker, cause=self.cause, **fields
        )
        row = created.api_token
        answer = {name: getattr(row, name) for name in ("id", "name", "hint", "scopes", "expires_at", "created_at")}
        return Response(ApiTokenCreated(answer | {"token": created.secret}).data, status=201)


class ApiTokenDetail(ApiTokenView):
    rights = {"GET": ANYONE}

    @extend_schema(responses=ApiTokenOut, operation_id="admin_get_api_token")
    def get(self, request: Request, pk: int) -> Response:
        """One of your tokens."""
        return self.answer(pk)


class ApiTokenRevoke(ApiTokenView):
    rights = {"POST": ANYONE}

    @extend_schema(request=None, responses=ApiTokenOut, operation_id="admin_revoke_api_token")
    def post(self, request: Request, pk: int) -> Response:
        """Ends one of your tokens, be it the one that asks."""
        self.revoke(pk)
        return self.answer(pk)
