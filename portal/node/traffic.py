"""What went through a node's tunnel in the last two days, hour by hour."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.template.defaultfilters import filesizeformat

from nodes.models import Node, TrafficHour
from portal import links
from portal.sections import Section

HOURS: Final = 48
HEIGHT: Final = 60.0


def traffic_section(node: Node, now: datetime) -> Section | None:
    """Bars of both directions from one line; None where the node told of nothing in that time."""
    last = now.replace(minute=0, second=0, microsecond=0)
    first = last - timedelta(hours=HOURS - 1)
    rows = TrafficHour.objects.filter(node=node, hour__gte=first).order_by("hour")
    hours = {hour: (rx, tx) for hour, rx, tx in rows.values_list("hour", "rx_bytes", "tx_bytes")}
    if not hours:
        return None
    most = max(1, *(max(pair) for pair in hours.values()))
    bars, table = [], []
    for index in range(HOURS):
        at = first + timedelta(hours=index)
        rx, tx = hours.get(at, (0, 0))
        up, down = round(HEIGHT * tx / most, 1), round(HEIGHT * rx / most, 1)
        bars.append({"x": index * 10 + 1, "up": up, "y": round(HEIGHT - up, 1), "down": down})
        if at in hours:
            table.append({"hour": f"{at:%Y-%m-%d %H:00}", "rx": filesizeformat(rx), "tx": filesizeformat(tx)})
    received = filesizeformat(sum(pair[0] for pair in hours.values()))
    sent = filesizeformat(sum(pair[1] for pair in hours.values()))
    return Section(
        "Traffic, 48 hours",
        span=12,
        template="portal/node/traffic.html",
        data={
            "bars": bars,
            "table": table[::-1],
            "finding": f"Received {received} and sent {sent} in {HOURS} hours; at most {filesizeformat(most)} an hour.",
        },
        note=f"{received} received, {sent} sent",
        link=("All hours", links.list_url("nodes.traffichour", f"node={node.pk}")),
    )
