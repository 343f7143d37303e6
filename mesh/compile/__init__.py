"""The policy engine: rules evaluated between policy classes, never between nodes."""

from mesh.compile.attributes import Attributes, attributes_of
from mesh.compile.build import compile_policy
from mesh.compile.compiled import CompiledPolicy
from mesh.compile.evolve import at_instant, moved, with_policy
from mesh.compile.expand import expanded_filter
from mesh.compile.ids import IdSet
from mesh.compile.sets import set_difference

__all__ = [
    "Attributes",
    "CompiledPolicy",
    "IdSet",
    "at_instant",
    "attributes_of",
    "compile_policy",
    "expanded_filter",
    "moved",
    "set_difference",
    "with_policy",
]
