"""``manage.py job``: acts on all nodes that match, carried out as one change and undone."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from django.utils import timezone

from coordinator.admin_api.serializers.jobs import JobOut, JobWhole, describe_job
from coordinator.cli.command import NounCommand
from coordinator.cli.errors import WrongUsageError
from coordinator.cli.node_options import (
    AgentOption,
    KeyOption,
    SearchOption,
    SeenOption,
    StatusOption,
    SystemOption,
    TagOption,
    UserOption,
    chosen_by,
)
from coordinator.cli.noun import Noun
from coordinator.cli.options import ForceOption, NetworkOption, act
from coordinator.cli.results import Card, Cell, Column, Done, Listing, Word, shaped_by
from coordinator.cli.terminal import RefusedError, confirm
from coordinator.cli.text import count
from coordinator.cli.times import relative
from coordinator.consequences import loss_text
from coordinator.finding.criteria import Criteria
from coordinator.jobs.acts import ACTS
from coordinator.jobs.preview import Preview, preview_of
from coordinator.jobs.run import run_job
from coordinator.jobs.services import cancel_job, find_job, plan_job, start_job, undo_job
from nodes.models import Job
from nodes.selectors import get_network

noun = Noun("job", "Acts on all nodes that match: one change, and undone as one.")

shape: Final = shaped_by(JobOut)
whole_shape: Final = shaped_by(JobWhole)
LINES: Final = 10
STATES: Final = {
    "planned": Word("planned", "bright_black", "○"),
    "waiting": Word("waiting", "yellow", "◌"),
    "running": Word("running", "yellow", "◐"),
    "done": Word("done", "green", "●"),
    "failed": Word("failed", "red", "⊘"),
    "cancelled": Word("cancelled", "bright_black", "⊘"),
}
JobArgument = Annotated[int, typer.Argument(metavar="JOB", help="A job by its id.")]
LaterOption = Annotated[bool, typer.Option("--later", help="Leave it to the portal's workers, and do not wait.")]


@noun.verb("list", "ls")
def list_jobs(network: NetworkOption = None) -> Listing:
    """List jobs, the latest first."""
    now = timezone.now()
    columns = [
        Column("Id", lambda value: str(value["id"]), keep=True, right=True),
        Column("Act", lambda value: value["act"], keep=True),
        Column("State", lambda value: STATES[value["state"]], keep=True),
        Column("Nodes", lambda value: f"{value['position']} of {value['total']}", keep=True),
        Column("Changed", lambda value: str(value["changed"]), keep=True, right=True),
        Column("Left", lambda value: str(value["left"]), right=True),
        Column("By", lambda value: value["actor"], wide=True),
        Column("When", lambda value: relative(value["created_at"], now), keep=True),
    ]
    rows = Job.objects.filter(network=get_network(network)).select_related("undo_of", "undone_by").order_by("-pk")[:100]
    values = [describe_job(job) for job in rows.defer("node_ids", "before", "after", "reasons")]
    return Listing(values, columns, "There are no jobs.", shape=shape)


@noun.verb("show", "get")
def show(job: JobArgument, network: NetworkOption = None) -> Card:
    """Show a job: how far it is, and whom it left."""
    return _card(find_job(job, get_network(network).pk))


@noun.verb("create", "c", "new")
def create(
    *,
    name: Annotated[str, typer.Argument(metavar="ACT", help=f"What to do: {', '.join(ACTS)}.")],
    user: UserOption = None,
    tag: TagOption = None,
    status: StatusOption = None,
    system: SystemOption = None,
    agent: AgentOption = None,
    seen: SeenOption = None,
    key: KeyOption = None,
    search: SearchOption = None,
    ids: Annotated[list[int] | None, typer.Option("--id", metavar="ID", help="A node by its id. Repeatable.")] = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="All nodes of the network.")] = False,
    add_tag: Annotated[list[str] | None, typer.Option("--add-tag", metavar="TAG", help="For tags.")] = None,
    remove_tag: Annotated[list[str] | None, typer.Option("--remove-tag", metavar="TAG", help="For tags.")] = None,
    set_tag: Annotated[list[str] | None, typer.Option("--set-tag", metavar="TAG", help="For tags.")] = None,
    override: Annotated[bool, typer.Option("--override", help="Delete also what a deny rule names.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    later: LaterOption = False,
    network: NetworkOption = None,
    force: ForceOption = False,
) -> Card:
    """Do something to all nodes that the options choose. What is cut is said first."""
    criteria = chosen_by(
        user=user, tag=tag, status=status, system=system, agent=agent, seen=seen, key=key, search=search, ids=ids
    )
    if (criteria == Criteria()) != every:
        raise WrongUsageError("Choose nodes, or --all.")
    arguments: dict[str, Any] = {"forced": True} if override else {}
    arguments |= _tags(add_tag, remove_tag, set_tag)
    within = get_network(network)
    job = plan_job(network_id=within.pk, act=name, criteria=criteria, arguments=arguments, **act())
    preview = preview_of(job, timezone.now())
    assert preview is not None
    if dry_run:
        card = _card(job, preview)
        cancel_job(job_id=job.pk, now=timezone.now())
        return card
    try:
        confirm(f"{ACTS[name].label} {count(preview.changes, 'node')}?", losses=_losses(preview), force=force)
    except RefusedError:
        cancel_job(job_id=job.pk, now=timezone.now())
        raise
    start_job(job_id=job.pk, nodes=job.total, **act())
    return _carried_out(job, later=later)


@noun.verb("cancel")
def cancel(job: JobArgument, network: NetworkOption = None) -> Done:
    """End a job before it is done. What it changed stays changed."""
    found = cancel_job(job_id=find_job(job, get_network(network).pk).pk, now=timezone.now())
    return Done(f"Job {found.pk} ends.", describe_job(found), shape=shape)


@noun.verb("undo")
def undo(
    job: JobArgument, later: LaterOption = False, network: NetworkOption = None, force: ForceOption = False
) -> Card:
    """Give nodes back what they were before a job. Who was changed since is left, and named."""
    found = find_job(job, get_network(network).pk)
    confirm(f"Undo job {found.pk} on {count(found.changed, 'node')}?", force=force)
    return _carried_out(undo_job(job_id=found.pk, **act()), later=later)


def _carried_out(job: Job, *, later: bool) -> Card:
    if not later:
        run_job(job_id=job.pk)
    return _card(find_job(job.pk))


def _tags(add: list[str] | None, remove: list[str] | None, every: list[str] | None) -> dict[str, Any]:
    given = {mode: tags for mode, tags in (("add", add), ("remove", remove), ("set", every)) if tags}
    if len(given) > 1:
        raise WrongUsageError("Give --add-tag, --remove-tag or --set-tag: a job does one of them.")
    for mode, tags in given.items():
        return {"mode": mode, "tags": [tag if tag.startswith("tag:") else f"tag:{tag}" for tag in tags]}
    return {}


def _losses(preview: Preview) -> list[str]:
    said = [f"{preview.taken} of them belong to people now, and must register again."] if preview.taken else []
    if preview.cut is not None:
        losses = [loss for loss in preview.cut.losses if loss.is_worst or loss.peers or loss.session]
        said += [f"{loss.name} {loss_text(loss)}" for loss in losses[:LINES]]
        if losses[LINES:]:
            said.append(f"and {len(losses) - LINES} more")
    return said


def _card(job: Job, preview: Preview | None = None) -> Card:
    left = job.reasons if preview is None else [list(item) for item in preview.left[:1000]]
    fields: list[tuple[str, Cell]] = [
        ("Job", str(job.pk)),
        ("Act", job.act),
        ("State", STATES[job.state]),
        ("Nodes", f"{job.position} of {job.total}"),
    ]
    if preview is None:
        fields += [("Changed", str(job.changed)), ("Left", str(job.left))]
        fields += [("Map versions", ", ".join(map(str, job.versions)) or "-")]
        fields += [("Error", job.error)] if job.error else []
    else:
        fields += [("Would change", str(preview.changes)), ("So already", str(preview.same))]
        fields += [("Left", str(len(preview.left)))]
    lists = []
    if left:
        columns = [Column("Node", lambda item: str(item[1])), Column("Why", lambda item: str(item[2]), keep=True)]
        lists.append(("Left as they are", Listing(left, columns, "")))
    if preview is not None and _losses(preview):
        rows = [{"line": line} for line in _losses(preview)]
        lists.append(("What is cut", Listing(rows, [Column("What", lambda item: item["line"])], "")))
    return Card(describe_job(job, preview=preview, whole=True), fields, lists, shape=whole_shape)


class Command(NounCommand):
    """The management command."""

    noun = noun
