from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q


class Network(models.Model):
    """One mesh: its ranges, its clockwork and its map version.

    The row is also the network's lock: every write that a peer could notice takes it first
    (``nodes.changes.lock_network``), so map versions have no gaps.
    """

    name = models.CharField(max_length=64, unique=True)
    domain = models.CharField(max_length=253, unique=True, help_text="Names of nodes end in it: web.mycompany.ghost.")
    ipv4_range = models.CharField(max_length=18, help_text="CIDR that nodes get their IPv4 addresses from.")
    ipv6_range = models.CharField(
        max_length=43, null=True, blank=True, help_text="CIDR for IPv6; empty: the network has none."
    )
    excluded = models.JSONField(
        default=list, blank=True, help_text="CIDRs and first-last ranges that are never given out."
    )
    # The next never-used offset in each range; addresses below it have a row, or are reserved or excluded.
    ipv4_cursor = models.BigIntegerField(default=0, editable=False)
    # An IPv6 range may hold more than 2**63 addresses, so its cursor is kept as decimal digits.
    ipv6_cursor = models.CharField(max_length=40, default="0", editable=False)

    keepalive_seconds = models.PositiveIntegerField(default=30, validators=[MinValueValidator(1)])
    grace_seconds = models.PositiveIntegerField(default=60)
    lease_seconds = models.PositiveIntegerField(default=12 * 3600, validators=[MinValueValidator(60)])
    quarantine_seconds = models.PositiveIntegerField(default=24 * 3600)
    max_peers = models.PositiveIntegerField(default=5000, validators=[MinValueValidator(1)])
    key_rotation_seconds = models.PositiveIntegerField(
        default=30 * 86_400, help_text="After how long nodes make new keys; 0: never."
    )
    approve_nodes = models.BooleanField(default=False, help_text="Each new node waits until somebody approves it.")

    magic_dns = models.BooleanField(default=True)
    nameservers = models.JSONField(default=list, blank=True)
    split_dns = models.JSONField(default=dict, blank=True, help_text='{"corp.example": ["10.0.0.53"]}')
    search_domains = models.JSONField(default=list, blank=True)

    epoch = models.PositiveIntegerField(default=1, editable=False)
    map_version = models.PositiveBigIntegerField(default=1, editable=False)
    policy_version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(quarantine_seconds__gte=F("lease_seconds")), name="network_quarantine_outlives_lease"
            ),
            models.CheckConstraint(condition=Q(map_version__gte=1), name="network_map_version_positive"),
        )

    def __str__(self) -> str:
        return self.name
