"""The policy as one HuJSON document, in the shape that administrators of mesh VPNs already write."""

from mesh.policy.document.read import PolicyDocument, read_policy
from mesh.policy.document.reading import PolicyDocumentError, Problem
from mesh.policy.document.vanished import selectors_in, with_missing, with_vanished
from mesh.policy.document.write import policy_to_json, write_policy

__all__ = [
    "PolicyDocument",
    "PolicyDocumentError",
    "Problem",
    "policy_to_json",
    "read_policy",
    "selectors_in",
    "with_missing",
    "with_vanished",
    "write_policy",
]
