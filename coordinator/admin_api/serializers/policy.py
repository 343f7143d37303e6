from __future__ import annotations

from typing import Any

from rest_framework import serializers

from coordinator.admin_api.fields import QueryFlagField, TextField
from coordinator.admin_api.serializers.policy_own import OwnLossesOut
from coordinator.admin_api.serializers.policy_trial import TrialEditQuery, TrialOut

MAX_COMMENT = 500


class ImportQuery(TrialEditQuery):
    """Of a policy that comes as a document."""

    dry_run = QueryFlagField(required=False, help_text="`true`: only say what it would do.")
    comment = TextField(required=False, max_length=MAX_COMMENT, help_text="Why; kept with the version.")


class ImportOut(serializers.Serializer[Any]):
    """What a document did, or with ``dry_run`` would do.

    ``changed`` is false for one that says what is in force; then nothing moves. ``version`` is the policy's from now
    on. ``objections`` speak against it: it needs ``force``, or was forced. ``difference`` says, by section, what was
    added, removed, changed and moved. ``trial`` is that which runs now; ``own`` is what a dry run would take from the
    caller, and null otherwise.
    """

    dry_run = serializers.BooleanField()
    changed = serializers.BooleanField()
    version = serializers.IntegerField()
    summary = serializers.CharField(allow_blank=True)
    warnings = serializers.ListField(child=serializers.CharField())
    objections = serializers.ListField(child=serializers.CharField())
    difference = serializers.DictField()
    own = OwnLossesOut(allow_null=True)
    trial = TrialOut(allow_null=True)

    class Meta:
        ref_name = "PolicyImport"
