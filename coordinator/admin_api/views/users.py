from __future__ import annotations

import secrets

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.edits import add_user, edit_user, enable_user, remove_user, shut_out_user
from coordinator.admin_api.paging import NoQuery, page_of, page_serializer
from coordinator.admin_api.serializers.users import (
    DeletionQuery,
    DisablingQuery,
    LinkNew,
    PasswordLinkOut,
    UserEdit,
    UserInvite,
    UserNew,
    UserOut,
    UserQuery,
    fate_of,
    filter_users,
    lifetime_of,
)
from coordinator.invitations import invite_user, make_password_link, withdraw_password_link
from mesh.tokens import RANDOM_BYTES
from sessions_app.models import User


class UserView(AdminView):
    """Of people, who belong to no network."""

    noun = "users"
    knows = "users.view"
    queries = {"GET": NoQuery, "POST": NoQuery, "PATCH": NoQuery}

    def users(self) -> QuerySet[User]:
        """All people, without their passwords."""
        return User.objects.defer("password")


class UserList(UserView):
    rights = {"GET": "users.view", "POST": "users.manage"}
    queries = {"GET": UserQuery, "POST": NoQuery}
    problems = {"POST": (409,)}

    @extend_schema(responses=page_serializer(UserOut), operation_id="admin_list_users")
    def get(self, request: Request) -> Response:
        """Lists people by id."""
        page = page_of(filter_users(self.users(), self.query), self.query)
        return self.answer_page(UserOut, page, page.rows)

    @extend_schema(request=UserNew, responses={201: UserOut}, operation_id="admin_create_user")
    def post(self, request: Request) -> Response:
        """Creates a person. Only owners make owners."""
        user = add_user(actor=self.user, fields=self.read(UserNew), cause=self.cause, now=self.now)
        return Response(UserOut(user).data, status=201)


class UserDetail(UserView):
    rights = {"GET": "users.view", "PATCH": "users.manage", "DELETE": "users.manage"}
    queries = UserView.queries | {"DELETE": DeletionQuery}
    problems = {"PATCH": (409,), "DELETE": (409, 507)}

    @extend_schema(responses=UserOut, operation_id="admin_get_user")
    def get(self, request: Request, pk: int) -> Response:
        """One person."""
        return Response(UserOut(row_or_404(self.users(), pk, "user")).data)

    @extend_schema(request=UserEdit, responses=UserOut, operation_id="admin_update_user")
    def patch(self, request: Request, pk: int) -> Response:
        """Changes a person: all that is given, or nothing. Only owners change owners."""
        changes = self.read_changes(UserEdit)
        user = edit_user(actor=self.user, user_id=pk, changes=changes, cause=self.cause, now=self.now)
        return Response(UserOut(user).data)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_delete_user")
    def delete(self, request: Request, pk: int) -> Response:
        """Deletes a person for good, with its keys, tokens and memberships. Refused while it has machines, unless the
        query says what becomes of them. Only owners delete owners."""
        self.read_nothing()
        remove_user(actor=self.user, user_id=pk, cause=self.cause, now=self.now, **fate_of(self.query))
        return Response(status=204)


class UserDisable(UserView):
    rights = {"POST": "users.manage"}
    queries = {"POST": DisablingQuery}
    problems = {"POST": (409, 507)}

    @extend_schema(request=None, responses=UserOut, operation_id="admin_disable_user")
    def post(self, request: Request, pk: int) -> Response:
        """Disables a person: no logins, its keys and tokens are dead. Its machines are cut off and stay, unless the
        query says what becomes of them."""
        self.read_nothing()
        options = fate_of(self.query)
        user = shut_out_user(actor=self.user, user_id=pk, cause=self.cause, now=self.now, **options)
        return Response(UserOut(user).data)


class UserEnable(UserView):
    rights = {"POST": "users.manage"}

    @extend_schema(request=None, responses=UserOut, operation_id="admin_enable_user")
    def post(self, request: Request, pk: int) -> Response:
        """Enables a person again."""
        self.read_nothing()
        user = enable_user(actor=self.user, user_id=pk, cause=self.cause, now=self.now)
        return Response(UserOut(user).data)


class UserInvitation(UserView):
    rights = {"POST": "users.manage"}
    problems = {"POST": (409,)}

    @extend_schema(request=UserInvite, responses={201: PasswordLinkOut}, operation_id="admin_invite_user")
    def post(self, request: Request) -> Response:
        """Makes a person without a password, and a link by which that person sets one. Only owners invite owners."""
        fields = self.read(UserInvite)
        lifetime, random32 = lifetime_of(fields), secrets.token_bytes(RANDOM_BYTES)
        made = invite_user(
            actor=self.user, cause=self.cause, now=self.now, random32=random32, lifetime=lifetime, **fields
        )
        return Response(PasswordLinkOut(made).data, status=201)


class UserPasswordLink(UserView):
    rights = {"POST": "users.manage", "DELETE": "users.manage"}
    queries = {"POST": NoQuery, "DELETE": NoQuery}
    problems = {"POST": (409,)}

    @extend_schema(request=LinkNew, responses={201: PasswordLinkOut}, operation_id="admin_create_password_link")
    def post(self, request: Request, pk: int) -> Response:
        """Makes a link by which a person sets a password; a former link of this person ends. Only owners make those
        of owners."""
        lifetime, random32 = lifetime_of(self.read(LinkNew)), secrets.token_bytes(RANDOM_BYTES)
        made = make_password_link(
            actor=self.user, user_id=pk, cause=self.cause, now=self.now, random32=random32, lifetime=lifetime
        )
        return Response(PasswordLinkOut(made).data, status=201)

    @extend_schema(request=None, responses={204: None}, operation_id="admin_revoke_password_link")
    def delete(self, request: Request, pk: int) -> Response:
        """Ends a person's link, if there is one."""
        self.read_nothing()
        withdraw_password_link(actor=self.user, user_id=pk, cause=self.cause, now=self.now)
        return Response(status=204)
