"""The overview: the first steps while the network is empty, then how it does. Only what is really known."""

from portal.overview.page import overview_page

__all__ = ["overview_page"]
