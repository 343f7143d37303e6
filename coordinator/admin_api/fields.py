"""Fields that several shapes share. Types are not bent: a number is a number, a query's number is written in digits."""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from coordinator.serializers import StrictSerializer, TextField, WholeNumberField
from mesh.policy.limits import MAX_TEXT

__all__ = [
    "AddressField",
    "CommentField",
    "FlagField",
    "IdField",
    "InstantField",
    "QueryFlagField",
    "QueryIdField",
    "QueryNumberField",
    "StrictSerializer",
    "TextField",
    "TextListField",
    "WholeNumberField",
]

LAST_ID: Final = 2**53 - 1
"""Ids stay below 2**53, so that programs which know only floating point read them unharmed."""

_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


class FlagField(serializers.BooleanField):
    """true or false, and nothing that could be made one."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("true or false.")
        return data


class InstantField(serializers.DateTimeField):
    """An instant as RFC 3339 writes it, with its offset."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            raise serializers.ValidationError("An instant such as 2030-01-31T12:00:00Z.")
        return super().to_internal_value(value)


class CommentField(TextField):
    """A comment, which may have several lines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_TEXT, allow_blank=True, required=False, **options)

    def to_internal_value(self, data: Any) -> str:
        lines = data.replace("\r\n", "\n").split("\n") if isinstance(data, str) else [data]
        checked = "\n".join(super(CommentField, self).to_internal_value(line) for line in lines)
        self.run_validators(checked)
        return checked


class AddressField(serializers.IPAddressField):
    """An IP address in normal form. A zone means something on one machine alone, and mapped IPv4 is a second spelling
    of what has one already."""

    def to_internal_value(self, data: Any) -> str:
        try:
            address = ip_address(data) if isinstance(data, str) else None
        except ValueError:
            address = None
        wanted = {"ipv4": (4,), "ipv6": (6,)}.get(self.protocol, (4, 6))
        if address is None or address.version not in wanted:
            kind = {"ipv4": "IPv4", "ipv6": "IPv6"}.get(self.protocol, "IP")
            raise serializers.ValidationError(f"An {kind} address.")
        if isinstance(address, IPv6Address) and (address.scope_id is not None or address.ipv4_mapped is not None):
            raise serializers.ValidationError("An address without a zone, and IPv4 written as IPv4.")
        return str(address)


class IdField(WholeNumberField):
    """The id of something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LAST_ID, **options)


class TextListField(serializers.ListField):
    """Texts, each of at most ``each`` characters."""

    def __init__(self, *, each: int, most: int, **options: Any) -> None:
        super().__init__(child=TextField(max_length=each), max_length=most, **options)


class QueryNumberField(serializers.IntegerField):
    """A number in a query: digits alone."""

    def to_internal_value(self, data: Any) -> int:
        if not (isinstance(data, str) and data.isascii() and data.isdigit() and len(data) <= 19):
            raise serializers.ValidationError("A whole number.")
        return int(super().to_internal_value(data))


class QueryIdField(QueryNumberField):
    """An id in a query."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LAST_ID, **options)


@extend_schema_field({"type": "boolean"})
class QueryFlagField(serializers.Field[Any, Any, Any, Any]):
    """``true`` or ``false`` in a query."""

    def to_internal_value(self, data: Any) -> bool:
        if data not in ("true", "false"):
            raise serializers.ValidationError("true or false.")
        return bool(data == "true")

    def to_representation(self, value: Any) -> Any:
        return value
