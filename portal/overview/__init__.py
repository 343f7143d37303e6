"""The overview: the first steps while the network is empty, then how it does. Only what is really known."""

from portal.overview.page import overview_page
from portal.overview.start import state_response

__all__ = ["overview_page", "state_response"]
