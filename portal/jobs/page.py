"""What the page of a job shows."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from coordinator.consequences import Consequences, damage_words, loss_words, rest_words
from coordinator.jobs.acts import ACTS, UNDO
from coordinator.jobs.preview import Preview, preview_of
from coordinator.jobs.services import can_undo
from nodes.models import Change, Job
from portal import html, links
from portal.jobs.copied import job_copies
from portal.jobs.start import selection_words

ROWS: Final = 12
"""Lines of what is cut; the rest is told together."""
REASONS: Final = 100
_MODES: Final = {"add": "Add", "remove": "Remove", "set": "Set"}


def what_words(job: Job, number: int | None = None) -> str:
    """What a job does to how many, by default to all it is about: ``Disable 312 nodes``."""
    number = job.total if number is None else number
    nodes = f"{number:,} {'node' if number == 1 else 'nodes'}"
    if job.act == UNDO:
        return f"Undo job {job.undo_of_id} on {nodes}"
    if job.act == "tags" and job.arguments:
        tags = html.named(job.arguments["tags"])
        words = {"add": f"Add {tags} to {nodes}", "remove": f"Remove {tags} from {nodes}"}
        return words.get(job.arguments["mode"], f"Set {tags} on {nodes}")
    if job.act in ("rotate", "expire"):
        return f"{ACTS[job.act].label}s of {nodes}"
    return f"{ACTS[job.act].label} {nodes}"


def job_context(request: HttpRequest, job: Job, *, may: bool) -> dict[str, Any]:
    """The context of its template."""
    planned = job.state == Job.State.PLANNED
    context: dict[str, Any] = {
        "job": job,
        "may": may,
        "what": what_words(job),
        "act": ACTS.get(job.act),
        "planned": planned,
        "chosen": selection_words(job.selection),
        "listed_at": job.selection.get("list", ""),
        "copies": job_copies(request, job) if job.act != UNDO and (job.arguments or job.act != "tags") else [],
        "modes": [(mode, words, job.arguments.get("mode", "add") == mode) for mode, words in _MODES.items()],
        "tags": ", ".join(job.arguments.get("tags", ())),
    }
    if planned:
        preview = preview_of(job, timezone.now())
        context |= {"preview": preview, "rows": [], "tick": ""}
        if preview is not None:
            context |= {"rows": _rows(preview), "tick": tick_words(job, preview), "first": _first(preview)}
            context["what"] = what_words(job, preview.changes or None)
            context["left"] = [_reason(item) for item in preview.left[:REASONS]]
        return context
    reasons = [_reason(item) for item in job.reasons[:REASONS]]
    return context | {
        "left": reasons,
        "more_left": max(job.left - len(reasons), 0),
        "same": max(job.position - job.changed - job.left, 0),
        "share": round(1000 * job.position / max(job.total, 1)),
        "can_undo": may and can_undo(job),
        "can_cancel": may and not job.is_over and not job.cancel_requested,
        "undone_by": Job.objects.filter(undo_of=job).only("pk").first(),
        "changes": _changes(job),
    }


def tick_words(job: Job, preview: Preview) -> str:
    """What a person agrees to: the number, and what is cut."""
    number = f"{preview.changes:,} {'node' if preview.changes == 1 else 'nodes'}"
    if preview.taken:
        return f"Change {number}, and take {preview.taken:,} of them from their owners"
    cut = damage_words(preview.cut) if preview.cut is not None and ACTS[job.act].cuts else ""
    if cut and "node" not in cut.split():
        return f"{cut}, and change {number}"
    return f"Change {number}"


def _rows(preview: Preview) -> list[dict[str, Any]]:
    cut = preview.cut
    if cut is None:
        return []
    losses = [loss for loss in cut.losses if loss.is_worst or loss.peers or loss.session or loss.gained]
    found = [
        {
            "worst": loss.is_worst,
            "subject": html.link(links.change_url("nodes.node", loss.node_id), loss.name),
            "text": "; ".join(loss_words(loss)),
        }
        for loss in losses[:ROWS]
    ]
    if losses[ROWS:]:
        found.append({"worst": False, "subject": "", "text": rest_words(losses[ROWS:])})
    return [*found, *_sums(cut)]


def _sums(cut: Consequences) -> list[dict[str, Any]]:
    if not cut.pairs:
        return []
    others = f", {cut.others:,} other {'node loses' if cut.others == 1 else 'nodes lose'} a peer" if cut.others else ""
    pairs = f"{cut.pairs:,} {'pair of nodes ceases' if cut.pairs == 1 else 'pairs of nodes cease'} to see each other"
    return [{"worst": False, "subject": "In all", "text": f"{pairs}{others}"}]


def _first(preview: Preview) -> list[SafeString]:
    return [html.link(links.change_url("nodes.node", pk), name) for pk, name in preview.first]


def _reason(item: Any) -> SafeString:
    pk, name, why = item
    return format_html("{} {}", html.link(links.change_url("nodes.node", pk), name), why)


def _changes(job: Job) -> list[SafeString]:
    """The steps of the map that it led to, the first few."""
    rows = Change.objects.filter(network_id=job.network_id, version__in=job.versions[:8])
    return [
        html.link(links.change_url("nodes.change", pk), html.mono(version))
        for pk, version in rows.order_by("version").values_list("pk", "version")
    ]
