"""The pages' WebSockets, at ``/ws/v1/portal/KIND``: small typed events, upon which a page asks anew for its live parts.

They are ordinary Channels consumers, one class where pages differ in what they may see. An event says that something
of a type happened, at which version of which network, and to which nodes; never what: that is for the page's own
request to answer, with the permissions of that moment.
"""

from portal.sockets.routes import PORTAL_SOCKETS

__all__ = ["PORTAL_SOCKETS"]
