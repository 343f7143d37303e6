"""People."""

from __future__ import annotations

from typing import Any

import factory
from factory.django import DjangoModelFactory

from sessions_app.models import User


class UserFactory(DjangoModelFactory[User]):
    username = factory.Sequence(lambda n: f"user{n}")
    role = User.Role.MEMBER
    display_name = factory.LazyAttribute(lambda o: o.username.capitalize())

    class Meta:
        model = User
        skip_postgeneration_save = True

    @factory.post_generation
    def password(self, create: bool, extracted: str | None, **kwargs: Any) -> None:
        """``UserFactory(password="...")``; none by default."""
        if extracted:
            self.set_password(extracted)
        else:
            self.set_unusable_password()
        if create:
            self.save()
