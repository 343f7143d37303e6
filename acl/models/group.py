from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from nodes.models import Network


class Group(models.Model):
    """Users, and other groups, under one name: ``group:NAME``."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=63, help_text="Without group:, as in ops.")
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("network", "name"), name="group_name_once"),
            models.CheckConstraint(condition=~Q(name=""), name="group_name_present"),
        )

    def __str__(self) -> str:
        return f"group:{self.name}"


class GroupMember(models.Model):
    """A user or a group in a group. Circles are refused by the service that writes it."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    subgroup = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships")

    class Meta:
        ordering = ("group", "pk")
        constraints = (
            models.UniqueConstraint(fields=("group", "user"), name="group_user_once"),
            models.UniqueConstraint(fields=("group", "subgroup"), name="group_subgroup_once"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, subgroup=None) | Q(user=None, subgroup__isnull=False),
                name="group_member_user_or_group",
            ),
            models.CheckConstraint(condition=Q(subgroup=None) | ~Q(subgroup=F("group")), name="group_not_in_itself"),
        )

    def __str__(self) -> str:
        return str(self.user or self.subgroup)
