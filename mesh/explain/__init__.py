"""What an administrator can ask of a policy, answered by the engine that enforces it."""

from mesh.explain.causes import Cause
from mesh.explain.flow import Answer, Explanation, PassedOver, Point, Reason, explain
from mesh.explain.preview import PairGroup, Preview, preview

__all__ = [
    "Answer",
    "Cause",
    "Explanation",
    "PairGroup",
    "PassedOver",
    "Point",
    "Preview",
    "Reason",
    "explain",
    "preview",
]
