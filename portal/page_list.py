"""Lists in pages that begin behind a row: the same speed at both ends of 50,000, and nothing counted needlessly."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

from mesh.errors import ValidationError
from nodes.counting import Length, length_of
from nodes.keyset import Place, Stretch, read_cursor, stretch

AFTER: Final = "after"
BEFORE: Final = "before"
END: Final = "end"
PLACES: Final = (AFTER, BEFORE, END)
"""The parameters that say where a page begins. Without one it is the first."""


class PageList(ChangeList):
    """A page of rows that its ModelAdmin may complete (live status, counts) in few queries."""

    gw_length: Length
    gw_stretch: Stretch[Any]

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        """Where the page begins is no filter."""
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in PLACES}

    def get_ordering(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """The column that was asked for and what tells rows apart, without the list's own order behind it: as many keys
        as need be, and the same for commands and calls."""
        ordering: list[Any] = super().get_ordering(request, queryset.order_by())
        return ordering

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page's rows, then let the ModelAdmin add what they need."""
        admin: Any = self.model_admin
        place: dict[str, str] = {name: self.params.pop(name) for name in PLACES if name in self.params}
        for name in place:
            self.filter_params.pop(name, None)
        self.gw_length = length_of(self.queryset, exactly=admin.count_exactly)
        self.gw_stretch = self._stretch(request, place)
        self.result_list = self.gw_stretch.rows
        self.result_count = self.gw_length.rows
        self.full_result_count = None
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = False
        self.multi_page = self.gw_stretch.before is not None or self.gw_stretch.after is not None
        admin.complete(request, self.result_list)

    def _stretch(self, request: HttpRequest, place: dict[str, str]) -> Stretch[Any]:
        options: dict[str, Any] = {
            "size": self.list_per_page,
            "details": self.apply_select_related(self.model_admin.get_queryset(request)),
            "total": self.gw_length.rows if self.gw_length.exact else None,
        }
        rows, order = self.queryset, self.get_ordering(request, self.queryset)
        try:
            found = stretch(rows, order, **self._where(place), **options)
        except ValidationError:  # a place of another order, or what somebody typed
            found = None
        # Where nothing stands any more, the list begins at its beginning.
        return found if found is not None and found.rows else stretch(rows, order, **options)

    @staticmethod
    def _where(place: dict[str, str]) -> dict[str, Any]:
        if END in place:
            return {"from_end": True}
        known: dict[str, Place] = {
            name: read_cursor(text) for name in (AFTER, BEFORE) if (text := place.get(name)) is not None
        }
        return dict(list(known.items())[:1])

    def among(self) -> Length:
        """How many rows there are at all, for the page that found none."""
        return length_of(self.root_queryset)

    def pages(self) -> dict[str, Any]:
        """What stands at the foot: ``first`` and ``last`` row of the page (None: not known), and the pages around."""
        found = self.gw_stretch
        count, position = len(found.rows), found.position
        return {
            "count": count,
            "first": None if position is None else position + 1,
            "last": None if position is None else position + count,
            "total": self.gw_length,
            "beginning": self.get_query_string(remove=list(PLACES)) if found.before else "",
            "before": self._link(BEFORE, found.before),
            "after": self._link(AFTER, found.after),
            "end": self.get_query_string({END: "1"}, list(PLACES)) if found.after else "",
        }

    def _link(self, name: str, place: Place | None) -> str:
        return "" if place is None else self.get_query_string({name: place.cursor()}, list(PLACES))
