"""Filters of lists. Choices are bounded: the most common values, whatever the size of the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest

MOST_COMMON = 30


class ValueFilter(SimpleListFilter):
    """Offers the most common values of ``column``; any other value works too, in the address."""

    column: ClassVar[str]
    label_column: ClassVar[str] = ""

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """The most common values, by number of rows."""
        manager = model_admin.model._default_manager
        rows = (
            manager.order_by()
            .exclude(**{f"{self.column}__isnull": True})
            .values_list(self.column)
            .annotate(number=Count("pk"))
            .order_by("-number", self.column)[:MOST_COMMON]
        )
        values = [str(value) for value, _ in rows if value != ""]
        chosen = self.value()
        if chosen and chosen not in values:
            values.append(chosen)
        found = [(value, label or value) for value, label in self.labels(manager.order_by(), values).items()]
        return sorted(found, key=lambda pair: pair[1].lower())

    def labels(self, rows: QuerySet[Any], values: list[str]) -> dict[str, str]:
        """What values are called, by value; those that cannot be looked up are called what they are."""
        names = dict.fromkeys(values, "")
        if self.label_column:
            sane = [value for value in values if self.is_sane(value)]
            pairs = rows.filter(**{f"{self.column}__in": sane}).values_list(self.column, self.label_column).distinct()
            names |= {str(value): str(label) for value, label in pairs}
        return names

    def has_output(self) -> bool:
        """A filter with nothing to choose is not shown."""
        return bool(self.lookup_choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows with the chosen value."""
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(**{self.column: value}) if self.is_sane(value) else queryset.none()

    def is_sane(self, value: str) -> bool:
        """Whether the database can compare the column with ``value`` at all."""
        return "\x00" not in value


class IdFilter(ValueFilter):
    """Values that are ids."""

    def is_sane(self, value: str) -> bool:
        """Digits within the database's integers."""
        return value.isascii() and value.isdigit() and len(value) <= 18


class ChoiceFilter(SimpleListFilter):
    """A fixed set of choices, each a condition: ``choices_by_value = {"used": ("Used up", Q(...))}``."""

    def options(self, request: HttpRequest) -> dict[str, tuple[str, Q]]:
        """Value -> (words, condition)."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """The words."""
        return [(value, words) for value, (words, _) in self.options(request).items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Rows that meet the chosen condition; an unknown choice chooses nothing."""
        value = self.value()
        if value is None:
            return queryset
        options = self.options(request)
        return queryset.filter(options[value][1]) if value in options else queryset.none()


class TabFilter(ChoiceFilter):
    """Choices shown as tabs with counts."""

    as_tabs = True

    def __init__(
        self, request: HttpRequest, params: dict[str, list[str]], model: type[Model], model_admin: ModelAdmin[Any]
    ) -> None:
        self.request = request
        super().__init__(request, params, model, model_admin)

    def glyphs(self) -> dict[str, str]:
        """Value -> glyph."""
        return {}

    def counts(self, cl: ChangeList) -> dict[str, int]:
        """Value -> number of rows; the key "" is for all."""
        raise NotImplementedError

    def tabs(self, cl: ChangeList) -> Iterator[dict[str, Any]]:
        """The tabs. Those that only ever matter when they hold something are left out while they are empty."""
        counts = self.counts(cl)
        name = str(self.parameter_name)
        yield self._tab("All", counts.get("", 0), cl.get_query_string(remove=[name, "p"]), self.value() is None, "")
        for value, words in self.lookup_choices:
            if counts.get(value, 0) or value in self.always or self.value() == value:
                url = cl.get_query_string({name: value}, ["p"])
                yield self._tab(
                    str(words), counts.get(value, 0), url, self.value() == value, self.glyphs().get(value, "")
                )

    always: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def _tab(word: str, count: int, url: str, current: bool, glyph: str) -> dict[str, Any]:
        return {"word": word, "count": count, "url": url, "current": current, "glyph": glyph}


def tally(model: type[Model], conditions: dict[str, tuple[str, Q]]) -> dict[str, int]:
    """How many rows meet each condition, and under "" how many there are: one query."""
    sums = {name: Count("pk", filter=condition) for name, (_, condition) in conditions.items()}
    counted = model._default_manager.aggregate(gw_total=Count("pk"), **sums)
    counted[""] = counted.pop("gw_total")
    return counted


class NetworkFilter(IdFilter):
    """Shown only where there are several networks."""

    title = "network"
    parameter_name = "network"
    column = "network_id"
    label_column = "network__name"

    def has_output(self) -> bool:
        """One network is no choice."""
        return len(self.lookup_choices) > 1
