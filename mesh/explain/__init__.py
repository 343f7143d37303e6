"""What an administrator can ask of a policy, answered by the engine that enforces it."""

from mesh.explain.assertions import Failure, Outcome, run_assertions
from mesh.explain.causes import Cause
from mesh.explain.flow import Answer, Explanation, PassedOver, Point, Reason, explain
from mesh.explain.lint import Finding, Remark, lint
from mesh.explain.matrix import Cell, GroupBy, Label, Matrix, Row, matrix
from mesh.explain.openings import Services
from mesh.explain.preview import PairGroup, Preview, preview

__all__ = [
    "Answer",
    "Cause",
    "Cell",
    "Explanation",
    "Failure",
    "Finding",
    "GroupBy",
    "Label",
    "Matrix",
    "Outcome",
    "PairGroup",
    "PassedOver",
    "Point",
    "Preview",
    "Reason",
    "Remark",
    "Row",
    "Services",
    "explain",
    "lint",
    "matrix",
    "preview",
    "run_assertions",
]
