from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from nodes.models.network import Network


class Node(models.Model):
    """A machine of the mesh. A deleted node has no row: its id is never used again, its key is retired."""

    class State(models.TextChoices):
        PENDING = "pending", "Waiting"
        ACTIVE = "active", "Active"
        EXPIRED = "expired", "Expired"
        DISABLED = "disabled", "Disabled"

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="nodes")
    public_key = models.CharField(max_length=44, unique=True, help_text="WireGuard key, standard base64.")
    name = models.CharField(max_length=63, help_text="Given name: an ASCII DNS label, unique in the network.")
    hostname = models.CharField(max_length=253, help_text="What the machine calls itself.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="nodes"
    )
    tagged = models.BooleanField(default=False, help_text="Belongs to its tags, and to no user.")
    ephemeral = models.BooleanField(default=False, help_text="Removed when it has been offline for a while.")
    login_required = models.BooleanField(default=False, help_text="Only a new registration brings it back.")
    key_expires_at = models.DateTimeField(null=True, blank=True, help_text="When the owner must log in again.")
    key_created_at = models.DateTimeField(default=timezone.now, help_text="Since when it has its key.")
    rotate_requested_at = models.DateTimeField(null=True, blank=True, help_text="When it was told to make a new key.")

    agent_kind = models.CharField(max_length=32, default="ghostwire")
    agent_version = models.CharField(max_length=64, blank=True)
    os = models.CharField(max_length=64, blank=True)
    os_version = models.CharField(max_length=128, blank=True)
    posture = models.JSONField(default=dict, blank=True)
    listen_port = models.PositiveIntegerField(null=True, blank=True)
    relay_latency_ms = models.JSONField(default=dict, blank=True, help_text="By region id.")
    home_region = models.PositiveIntegerField(null=True, blank=True)

    first_ping_at = models.DateTimeField(null=True, blank=True, help_text="When it told that a peer had answered.")
    first_ping_ms = models.FloatField(null=True, blank=True, help_text="How long that answer took.")
    # An id and no relation: what answered may go, and no deletion has to look for those whom it answered.
    first_ping_peer = models.BigIntegerField(null=True, blank=True, help_text="The node that answered.")

    online = models.BooleanField(default=False, help_text="As of the last presence change, as peers were told.")
    last_seen = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("network", "name"), name="node_name_unique_in_network"),
            models.CheckConstraint(condition=Q(tagged=False) | Q(owner=None), name="node_owner_or_tags"),
            models.CheckConstraint(
                condition=Q(state__in=("pending", "active", "expired", "disabled")), name="node_state_known"
            ),
            models.CheckConstraint(
                condition=Q(listen_port=None) | Q(listen_port__range=(1, 65535)), name="node_listen_port_range"
            ),
            models.CheckConstraint(condition=~Q(name="") & ~Q(public_key=""), name="node_name_and_key_present"),
        )
        indexes = (
            models.Index(fields=("network", "state", "name"), name="node_network_state"),
            models.Index(fields=("network", "online"), name="node_network_online"),
            models.Index(fields=("key_expires_at",), name="node_key_expires_at", condition=~Q(key_expires_at=None)),
            models.Index(fields=("hostname",), name="node_hostname"),
        )

    def __str__(self) -> str:
        return self.name


class NodeTag(models.Model):
    """One tag of a tagged node, as ``tag:NAME``."""

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="tags")
    tag = models.CharField(max_length=67)

    class Meta:
        ordering = ("tag",)
        constraints = (
            models.UniqueConstraint(fields=("node", "tag"), name="node_tag_once"),
            models.CheckConstraint(condition=Q(tag__startswith="tag:"), name="node_tag_prefix"),
        )
        indexes = (models.Index(fields=("tag", "node"), name="node_tag_lookup"),)

    def __str__(self) -> str:
        return self.tag


class Endpoint(models.Model):
    """Where a node may be reached from outside the mesh, in the order in which peers should try."""

    class Kind(models.TextChoices):
        LOCAL = "local", "Same network"
        PUBLIC = "public", "Public"
        OBSERVED = "observed", "Seen by peers"

    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="endpoints")
    position = models.PositiveSmallIntegerField()
    address = models.CharField(max_length=47, help_text="ip:port or [ip6]:port.")
    kind = models.CharField(max_length=8, choices=Kind.choices)

    class Meta:
        ordering = ("node", "position")
        constraints = (
            models.UniqueConstraint(fields=("node", "position"), name="endpoint_position_once"),
            models.UniqueConstraint(fields=("node", "address"), name="endpoint_address_once"),
        )

    def __str__(self) -> str:
        return self.address


class RetiredKey(models.Model):
    """A public key that no node may use until an administrator releases it: one key, one node, for good."""

    class Reason(models.TextChoices):
        DELETED = "deleted", "Its node was deleted"
        ROTATED = "rotated", "Rotated away"

    public_key = models.CharField(max_length=44, unique=True)
    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="retired_keys")
    node_id_was = models.BigIntegerField()
    node_name_was = models.CharField(max_length=63)
    reason = models.CharField(max_length=8, choices=Reason.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"key of {self.node_name_was}"
