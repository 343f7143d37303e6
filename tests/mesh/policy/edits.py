"""Random edits of policies and networks."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from mesh.policy import FactsChange, Policy
from tests.mesh.policy.strategies import nodes, policies


@st.composite
def changes(draw: st.DrawFn) -> FactsChange:
    """Nodes that come, change and go."""
    idents = draw(st.lists(st.integers(1, 6), unique=True, max_size=3))
    removed = draw(st.frozensets(st.integers(1, 6), max_size=1))
    return FactsChange(tuple(draw(nodes(ident)) for ident in idents), removed.difference(idents))


@st.composite
def edits(draw: st.DrawFn, policy: Policy) -> Policy:
    """Another policy: rules moved about, some taken out or put in, and groups and hosts perhaps changed."""
    other = draw(policies(3))
    keep = [rule for rule in policy.rules if draw(st.integers(0, 4))]
    mixed = draw(st.permutations([*keep, *other.rules])) if draw(st.booleans()) else [*keep, *other.rules]
    if draw(st.booleans()):
        rules = tuple(replace(rule, id=place, position=place) for place, rule in enumerate(mixed, start=1))
    else:  # rules that keep their ids, as in a database
        rules = tuple(
            replace(rule, id=rule.id if rule in keep else 100 + place, position=place)
            for place, rule in enumerate(mixed, start=1)
        )
    changed = draw(st.booleans())
    return Policy(rules, other.groups if changed else policy.groups, other.hosts if changed else policy.hosts)
