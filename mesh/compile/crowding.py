"""Too many policy classes: whose posture is passed over."""

from __future__ import annotations

from mesh.compile.classes import Classes, classify
from mesh.compile.classifier import Classifier, FacetKey
from mesh.compile.world import Kinds, World
from mesh.errors import ValidationError
from mesh.policy.limits import MAX_CLASSES


def classify_within_limit(
    world: World, kinds: Kinds, classifier: Classifier, limit: int = MAX_CLASSES
) -> tuple[Classes, frozenset[int]]:
    """The classes, and the nodes whose posture counts as unknown so that there are no more than ``limit``.

    Those who changed their posture last give way first: a node cannot crowd out others by reporting ever new facts.
    Raises ValidationError where there are too many classes even with all posture unknown.
    """
    everybody = frozenset(node.id for node in world.nodes.values())
    classes = classify(world, kinds, classifier, everybody)
    if len(classes.keys) > limit:
        raise ValidationError(
            f"the policy tells {len(classes.keys)} kinds of nodes apart; at most {limit} policy classes are possible"
        )
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
