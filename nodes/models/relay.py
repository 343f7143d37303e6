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
    """One relay server of a region."""

    region = models.ForeignKey(RelayRegion, on_delete=models.CASCADE, related_name="servers")
    name = models.SlugField(max_length=63)
    host = models.CharField(max_length=253)
    ipv4 = models.GenericIPAddressField(protocol="IPv4", null=True, blank=True)
    ipv6 = models.GenericIPAddressField(protocol="IPv6", null=True, blank=True)
    port = models.PositiveIntegerField(default=443, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    stun_port = models.PositiveIntegerField(default=3478, validators=[MaxValueValidator(65535)])

    class Meta:
        ordering = ("region", "name")
        constraints = (
            models.UniqueConstraint(fields=("region", "name"), name="relay_server_name_once"),
            models.CheckConstraint(condition=Q(port__range=(1, 65535)), name="relay_server_port_range"),
            models.CheckConstraint(condition=Q(stun_port__range=(0, 65535)), name="relay_server_stun_port_range"),
        )

    def __str__(self) -> str:
        return self.name
