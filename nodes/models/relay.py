from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from nodes.models.network import Network


class RelayRegion(models.Model):
    """A place with relay (DERP) servers. Agents call it by ``number``."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="relay_regions")
    number = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    code = models.SlugField(max_length=16)
    name = models.CharField(max_length=64)

    class Meta:
        ordering = ("number",)
        constraints = (
            models.UniqueConstraint(fields=("network", "number"), name="relay_region_number_once"),
            models.UniqueConstraint(fields=("network", "code"), name="relay_region_code_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="relay_region_number_positive"),
        )

    def __str__(self) -> str:
        return self.name


class RelayServer(models.Model):
    """One relay server of a region, and how it did when the portal last asked it.

    Health is no part of the log of changes: what agents are told is ``alive`` alone.
    """

    class Fault(models.TextChoices):
        NAME = "name", "Its name cannot be looked up"
        ADDRESS = "address", "Its name leads to an address that is never asked"
        REFUSED = "refused", "It refuses connections"
        UNREACHABLE = "unreachable", "No way leads there"
        SILENT = "silent", "It does not answer in time"
        TLS = "tls", "It does not speak TLS"
        CERTIFICATE = "certificate", "Its certificate is not valid for it"
        STUN = "stun", "It does not answer STUN"

    region = models.ForeignKey(RelayRegion, on_delete=models.CASCADE, related_name="servers")
    name = models.SlugField(max_length=63)
    host = models.CharField(max_length=253)
    ipv4 = models.GenericIPAddressField(protocol="IPv4", null=True, blank=True)
    ipv6 = models.GenericIPAddressField(protocol="IPv6", null=True, blank=True)
    port = models.PositiveIntegerField(default=443, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    stun_port = models.PositiveIntegerField(default=3478, validators=[MaxValueValidator(65535)])

    alive = models.BooleanField(default=True, editable=False, help_text="Agents are told of it.")
    checked_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When it was last asked.")
    answered_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="When all of it last answered.")
    answer_ms = models.FloatField(null=True, blank=True, editable=False, help_text="How long that answer took.")
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    fault = models.CharField(max_length=16, blank=True, editable=False, choices=Fault.choices)
    unknown_issuer = models.BooleanField(
        default=False, editable=False, help_text="The portal does not know who issued its certificate."
    )
    # Checks in a row that failed, or that it passed; those that say nothing of it leave both alone.
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    successes = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("region", "name")
        constraints = (
            models.UniqueConstraint(fields=("region", "name"), name="relay_server_name_once"),
            models.CheckConstraint(condition=Q(port__range=(1, 65535)), name="relay_server_port_range"),
            models.CheckConstraint(condition=Q(stun_port__range=(0, 65535)), name="relay_server_stun_port_range"),
        )

    def __str__(self) -> str:
        return self.name
