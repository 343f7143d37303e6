from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from acl.models import PolicyTrial
from acl.services.trials import confirm_trial, revert_trial
from coordinator.admin_api.policy_edits import PolicyView
from coordinator.admin_api.serializers.policy_trial import TrialBody, TrialOut, TrialStateOut, describe_trial


class TrialView(PolicyView):
    """Of policies on trial."""

    noun = "policy"
    problems = {"POST": (409,)}

    def answer(self, trial: PolicyTrial) -> Response:
        """A trial as it now is."""
        return self.tagged(Response(TrialOut(describe_trial(trial, self.now)).data))


class TrialDetail(TrialView):
    rights = {"GET": "policy.view"}

    @extend_schema(responses=TrialStateOut, operation_id="admin_get_policy_trial")
    def get(self, request: Request) -> Response:
        """The policy on trial, or the last that was. One is put on trial by `confirm_within` of the call that applies
        it; until it is confirmed or reverted, other edits of the policy are refused (409)."""
        trial = PolicyTrial.objects.filter(network=self.network).order_by("-number").first()
        said = None if trial is None else describe_trial(trial, self.now)
        running = trial is not None and trial.ended_at is None
        return self.tagged(Response(TrialStateOut({"running": running, "trial": said}).data))


class TrialConfirm(TrialView):
    rights = {"POST": "policy.manage"}

    @extend_schema(request=TrialBody, responses=TrialOut, operation_id="admin_confirm_policy_trial")
    def post(self, request: Request) -> Response:
        """Keeps the policy on trial. Once confirmed it stays so, and confirming it again changes nothing; one whose
        time is over or that was reverted cannot be confirmed (409)."""
        number = self.read(TrialBody).get("version")
        return self.answer(confirm_trial(network_id=self.network.pk, number=number, cause=self.cause, now=self.now))


class TrialRevert(TrialView):
    rights = {"POST": "policy.manage"}

    @extend_schema(request=TrialBody, responses=TrialOut, operation_id="admin_revert_policy_trial")
    def post(self, request: Request) -> Response:
        """Ends the trial at once: the policy before it comes back, as a new version. Reverting again changes nothing;
        one that was confirmed cannot be reverted (409): go back to the version before."""
        number = self.read(TrialBody).get("version")
        return self.answer(revert_trial(network_id=self.network.pk, number=number, cause=self.cause, now=self.now))
