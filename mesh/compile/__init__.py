"""The policy engine: rules evaluated between policy classes, never between nodes."""

from mesh.compile.build import compile_policy
from mesh.compile.compiled import CompiledPolicy

__all__ = ["CompiledPolicy", "compile_policy"]
