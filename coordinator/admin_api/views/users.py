from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from coordinator.admin_api.base import AdminView, row_or_404
from coordinator.admin_api.edits import add_user, edit_user, switch_user
from coordinator.admin_api.paging import NoQuery, page_of, page_serializer
from coordinator.admin_api.serializers.users import UserEdit, UserNew, UserOut, UserQuery, filter_users
from sessions_app.models import User


class UserView(AdminView):
    """Of people, who belong to no network."""

    noun = "users"
    knows = "users.view"
    queries = {"GET": NoQuery, "POST": NoQuery, "PATCH": NoQuery}

    def users(self) -> QuerySet[User]:
        """All people, without their passwords."""
        return User.objects.defer("password")

    def switch(self, pk: int, *, active: bool) -> Response:
        """Disables or enables a person."""
        self.read_nothing()
        user = switch_user(actor=self.user, user_id=pk, active=active, cause=self.cause, now=self.now)
        return Response(UserOut(user).data)


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
    rights = {"GET": "users.view", "PATCH": "users.manage"}
    problems = {"PATCH": (409,)}

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


class UserDisable(UserView):
    rights = {"POST": "users.manage"}
    problems = {"POST": (409,)}

    @extend_schema(request=None, responses=UserOut, operation_id="admin_disable_user")
    def post(self, request: Request, pk: int) -> Response:
        """Disables a person: no logins, its keys and tokens are dead, its machines are cut off."""
        return self.switch(pk, active=False)


class UserEnable(UserView):
    rights = {"POST": "users.manage"}

    @extend_schema(request=None, responses=UserOut, operation_id="admin_enable_user")
    def post(self, request: Request, pk: int) -> Response:
        """Enables a person again."""
        return self.switch(pk, active=True)
