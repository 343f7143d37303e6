"""Too many policy classes: whose posture is passed over, and what that leaves to be said."""

from __future__ import annotations

from mesh.compile.classes import Classes, classify
from mesh.compile.classifier import Classifier, FacetKey
from mesh.compile.world import Kinds, World
from mesh.errors import ValidationError
from mesh.policy.limits import MAX_CLASSES


def classify_within_limit(
    world: World, kinds: Kinds, classifier: Classifier, limit: int = MAX_CLASSES, *, excess: int | None = 0
) -> tuple[Classes, frozenset[int]]:
    """The classes, and the nodes whose posture counts as unknown so that there are no more than ``limit``.

    Those who changed their posture last give way first: a node cannot crowd out others by reporting ever new facts.
    Where there are too many classes even with all posture unknown, so it stays, and there are more. Raises
    ValidationError for more than ``excess`` too many; None is for what is in force: it may grow beyond any limit.
    """
    everybody = frozenset(node.id for node in world.nodes.values())
    classes = classify(world, kinds, classifier, everybody)
    found = len(classes.keys)
    if found > limit:
        if excess is not None and found > limit + excess:
            raise ValidationError(
                f"the policy tells {found} kinds of nodes apart; at most {limit} policy classes are possible"
            )
        return classes, everybody if classifier.conditioned else frozenset()
    known: set[FacetKey] = set(classes.keys)
    heard: set[int] = set()
    for node in sorted(world.nodes.values(), key=lambda item: (item.posture_changed, item.id)):
        facets = classifier.facets(node)
        keys = {*facets.own, *facets.exits, *(key for _, items in facets.routes for key in items)}
        if len(known) + len(keys - known) <= limit:
            known |= keys
            heard.add(node.id)
    muted = everybody - heard
    return classify(world, kinds, classifier, muted), muted


def excess_of(classes: Classes, limit: int) -> int:
    """How many classes with members there are beyond ``limit``."""
    if len(classes.keys) <= limit:
        return 0
    return max(0, sum(bool(ids) for ids in classes.members) - limit)


def crowding_warnings(classes: Classes, muted: frozenset[int], limit: int) -> tuple[str, ...]:
    """What people should know where there are more classes than ``limit``, or would be if all posture were heard."""
    found: list[str] = []
    if muted:
        found.append(
            f"more than {limit} policy classes: what {len(muted)} nodes report of themselves counts as unknown"
        )
    if excess := excess_of(classes, limit):
        found.append(
            f"the policy tells {limit + excess} kinds of nodes apart, {excess} more than it should: it stays in force, "
            "and edits that tell yet more apart are refused"
        )
    return tuple(found)
