"""Jobs as the API shows and takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import LAST_ID, FlagField, IdField, StrictSerializer, TextField, TextListField
from coordinator.admin_api.health import STATUSES
from coordinator.admin_api.paging import NetworkListQuery
from coordinator.consequences import loss_words
from coordinator.finding.criteria import KEY_ENDS, SEEN, Criteria
from coordinator.jobs.acts import ACTS, MOST_TAGS, TAG_MODES, UNDO
from coordinator.jobs.preview import Preview
from coordinator.jobs.services import can_undo
from mesh.errors import FieldError, ValidationError
from nodes.models import Job
from sessions_app.models import User

MOST_IDS = 5000
SHOWN = 100


class JobQuery(NetworkListQuery):
    """Which jobs."""

    state = serializers.ChoiceField(required=False, choices=Job.State.values)
    act = serializers.ChoiceField(required=False, choices=[*ACTS, UNDO])


class JobNodes(StrictSerializer):
    """Which nodes a job is about: all that these say, as in the list of nodes. Nothing said: all of the network."""

    search = TextField(required=False, max_length=200)
    status = TextField(required=False, max_length=80, help_text=f"One or several, by commas: {', '.join(STATUSES)}.")
    user = TextField(required=False, max_length=150, help_text="The login of the owner, or the id.")
    tag = TextField(required=False, max_length=400, help_text="One or several, by commas: all of them.")
    os = TextField(required=False, max_length=64)
    agent = TextField(required=False, max_length=64)
    seen = serializers.ChoiceField(required=False, choices=list(SEEN))
    key = serializers.ChoiceField(required=False, choices=list(KEY_ENDS))
    ids = serializers.ListField(
        required=False, child=IdField(), min_length=1, max_length=MOST_IDS, help_text="Nodes one by one."
    )


class JobArguments(StrictSerializer):
    """What the act needs to know."""

    mode = serializers.ChoiceField(required=False, choices=list(TAG_MODES), help_text="For tags; add by default.")
    tags = TextListField(required=False, each=67, most=MOST_TAGS, help_text="For tags.")
    forced = FlagField(required=False, help_text="To delete also what an enabled deny rule names.")


class JobIn(StrictSerializer):
    """A job to carry out or, with ``dry_run``, to plan: then it waits until it is started."""

    act = serializers.ChoiceField(choices=list(ACTS))
    nodes = JobNodes()
    arguments = JobArguments(required=False)
    dry_run = FlagField(required=False)


class JobStart(StrictSerializer):
    """Consent to a plan, by the number of nodes that it is about."""

    nodes = serializers.IntegerField(min_value=0, max_value=LAST_ID)


class LeftOut(serializers.Serializer[Any]):
    """A node that was, or would be, left as it is."""

    node = serializers.IntegerField()
    name = serializers.CharField()
    why = serializers.CharField()

    class Meta:
        ref_name = "JobLeft"


class CutOut(serializers.Serializer[Any]):
    """What a node loses by a job."""

    node = serializers.IntegerField()
    name = serializers.CharField()
    peers = serializers.IntegerField()
    networks = serializers.ListField(child=serializers.CharField())
    words = serializers.ListField(child=serializers.CharField())

    class Meta:
        ref_name = "JobCut"


class PreviewOut(serializers.Serializer[Any]):
    """What a plan would do now. ``pairs``: how many pairs of nodes would cease to see each other."""

    changes = serializers.IntegerField()
    same = serializers.IntegerField(help_text="Nodes that are so already.")
    left = serializers.IntegerField(help_text="Nodes that cannot be changed.")
    taken = serializers.IntegerField(help_text="Nodes of people that would belong to tags.")
    pairs = serializers.IntegerField(allow_null=True)
    others = serializers.IntegerField(allow_null=True, help_text="Other nodes that would lose a peer.")
    cut = CutOut(many=True, help_text=f"The first {SHOWN}, the worst first.")

    class Meta:
        ref_name = "JobPreview"


class JobOut(serializers.Serializer[Any]):
    """A job and how far it is."""

    id = serializers.IntegerField()
    act = serializers.CharField()
    arguments = serializers.DictField()
    state = serializers.ChoiceField(choices=Job.State.values)
    total = serializers.IntegerField(help_text="Nodes that it is about, fixed when it was planned.")
    position = serializers.IntegerField(help_text="How many of them were dealt with.")
    changed = serializers.IntegerField()
    left = serializers.IntegerField()
    versions = serializers.ListField(child=serializers.IntegerField(), help_text="Map versions that it led to.")
    error = serializers.CharField()
    actor = serializers.CharField()
    undo_of = serializers.IntegerField(allow_null=True)
    undone_by = serializers.IntegerField(allow_null=True)
    can_undo = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        ref_name = "Job"


class JobWhole(JobOut):
    """A job with whom it is about, and what its plan comes to."""

    node_ids = serializers.ListField(child=serializers.IntegerField())
    reasons = LeftOut(many=True, help_text="Who was left, or would be, and why: the first 1,000.")
    preview = PreviewOut(allow_null=True, help_text="Of a plan.")

    class Meta:
        ref_name = "JobDetail"


def criteria_of(nodes: Mapping[str, Any]) -> Criteria:
    """The criteria that a checked ``JobNodes`` means. Raises ValidationError for a person that there is not."""
    owner = None
    if "user" in nodes:
        reference = nodes["user"]
        by = (
            {"pk": int(reference[:18])}
            if reference.isascii() and reference.isdigit()
            else {"username": reference.lower()}
        )
        owner = User.objects.filter(**by).values_list("pk", flat=True).first()
        if owner is None:
            raise ValidationError(
                "There is no such user.", errors=(FieldError("nodes.user", "There is no such user."),)
            )
    return Criteria(
        q=nodes.get("search", ""),
        statuses=_words(nodes.get("status", "")),
        owner=owner,
        tags=_words(nodes.get("tag", "")),
        os=nodes.get("os", ""),
        agent=nodes.get("agent", ""),
        seen=nodes.get("seen", ""),
        key=nodes.get("key", ""),
        ids=tuple(nodes.get("ids", ())),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def describe_job(job: Job, *, preview: Preview | None = None, whole: bool = False) -> dict[str, Any]:
    """A job as ``JobOut`` takes it or, ``whole``, as ``JobWhole`` does."""
    same = (
        "act", "arguments", "state", "total", "position", "changed", "left", "versions", "error", "actor",
        "created_at", "started_at", "ended_at",
    )  # fmt: skip
    undone = getattr(job, "undone_by", None)
    found = {name: getattr(job, name) for name in same} | {
        "id": job.pk,
        "undo_of": job.undo_of_id,
        "undone_by": None if undone is None else undone.pk,
        "can_undo": can_undo(job),
    }
    if not whole:
        return found
    left = job.reasons if preview is None else preview.left[:1000]
    reasons = [{"node": pk, "name": name, "why": why} for pk, name, why in left]
    return found | {"node_ids": job.node_ids, "reasons": reasons, "preview": _preview(preview)}


def _preview(preview: Preview | None) -> dict[str, Any] | None:
    if preview is None:
        return None
    cut = preview.cut
    return {
        "changes": preview.changes,
        "same": preview.same,
        "left": len(preview.left),
        "taken": preview.taken,
        "pairs": None if cut is None else cut.pairs,
        "others": None if cut is None else cut.others,
        "cut": [
            {
                "node": loss.node_id,
                "name": loss.name,
                "peers": loss.peers,
                "networks": [item.prefix for item in loss.networks],
                "words": loss_words(loss),
            }
            for loss in (cut.losses if cut is not None else ())[:SHOWN]
        ],
    }
