"""The policy as one document: written in the page, checked as it is typed, reviewed, put in force or tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from acl.errors import OutdatedError
from acl.models import AutoApprover, NodeAttribute, PolicyVersion
from acl.selectors import policy_of_version
from acl.selectors.trials import open_trial
from coordinator.policy.documents import (
    CheckedPolicy,
    ImportedPolicy,
    check_policy_document,
    export_policy,
    import_policy,
)
from coordinator.policy.history import compare_versions
from mesh.errors import GhostWireError, NotFoundError, ValidationError
from mesh.hujson import MAX_BYTES, HuJsonError, decode
from nodes.models import Network
from portal import html, links
from portal.policy.changes import blocks_of
from portal.policy.faults import SHOWN, faults_of
from portal.policy.pages import address, page, show
from portal.policy.review import applied, review_of
from portal.policy.version import as_file, diff_rows
from portal.policy.who import names_of
from sessions_app.roles import allows

LONGEST_DIFF = 4_000


@page("policy.view")
def file_page(request: HttpRequest, *, network: Network) -> HttpResponse:
    """The document in an editor. Posted, it is reviewed, put in force, or read from a file into the editor."""
    if request.method != "POST":
        exported = export_policy(network_id=network.pk)
        return _editor(request, network, exported.text, exported.tag)
    if not allows(request.user, "policy.manage"):
        raise PermissionDenied
    acts: dict[str, Callable[[HttpRequest, Network, str, str], HttpResponse]] = {
        "review": _review,
        "apply": _apply,
        "upload": _upload,
    }
    act = acts.get(request.POST.get("act", ""), _editor)
    return act(request, network, _text(request), request.POST.get("tag", ""))


@page("policy.view")
def file_state(request: HttpRequest, *, network: Network) -> HttpResponse:
    """What a document would do, or what is wrong with it: the part of the page beside the editor."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    context = {"network": network, **_checked(request, network, _text(request))}
    return TemplateResponse(request, "portal/policy/file_state.html", context)


@page("policy.view")
def file_download(request: HttpRequest, *, network: Network) -> HttpResponse:
    """The policy in force as a file."""
    exported = export_policy(network_id=network.pk)
    return as_file(exported.text, f"{network.name}-policy-{exported.version}.hujson")


def _editor(
    request: HttpRequest, network: Network, text: str, tag: str, *, trouble: str = "", status: int = 200, **more: Any
) -> HttpResponse:
    exported = export_policy(network_id=network.pk)
    return show(
        request,
        network,
        "file",
        "file",
        status=status,
        text=text,
        tag=tag or exported.tag,
        original=exported.text,
        edited=text != exported.text,
        trouble=trouble,
        most=MAX_BYTES,
        address=address(request, "policy_file"),
        state=address(request, "policy_file_state"),
        download=address(request, "policy_file_download"),
        parts=_parts(network),
        **_checked(request, network, text, known=text == exported.text),
        **more,
    )


def _parts(network: Network) -> list[dict[str, Any]]:
    """What the document alone can say, with where it is listed."""
    kinds = (
        (AutoApprover, "acl.autoapprover", "auto approver"),
        (NodeAttribute, "acl.nodeattribute", "node attribute"),
    )
    return [
        {"url": links.list_url(label), "words": html.many(model.objects.filter(network=network).count(), words)}
        for model, label, words in kinds
    ]


def _checked(request: HttpRequest, network: Network, text: str, *, known: bool = False) -> dict[str, Any]:
    """``faults``, or the ``review`` of a document that compiles; both empty where it says what is in force, which is
    ``known`` of the text that is."""
    found: dict[str, Any] = {"faults": [], "more_faults": 0, "review": None, "version": network.policy_version}
    if known:
        return found  # nothing to compile, which takes a moment in a large network
    try:
        checked = check_policy_document(network_id=network.pk, text=text, now=timezone.now())
    except ValidationError as error:
        faults = faults_of(network.pk, text, error)
        return found | {"faults": faults[:SHOWN], "more_faults": max(0, len(faults) - SHOWN)}
    if checked.difference:
        found["review"] = _reviewed(request, network, checked)
    return found | {"notes": checked.warnings}


def _reviewed(request: HttpRequest, network: Network, checked: CheckedPolicy) -> dict[str, Any]:
    review = review_of(request, network, checked.assessment, checked.difference, checked.policy)
    return review | {"warnings": checked.warnings}


def _review(request: HttpRequest, network: Network, text: str, tag: str, trouble: str = "") -> HttpResponse:
    """What stands between the document and its coming into force."""
    found = _checked(request, network, text)
    if found["faults"]:
        return _editor(request, network, text, tag, status=422)
    if found["review"] is None and text == export_policy(network_id=network.pk).text:
        messages.info(request, f"The document says what policy {network.policy_version} says.")
        return HttpResponseRedirect(address(request, "policy_file"))
    trial = open_trial(network.pk)
    if trial is not None and not trouble:
        trouble = f"Policy {trial.number} is on trial: confirm it or revert it first."
    return show(
        request,
        network,
        "file_review",
        "file",
        status=409 if trouble else 200,
        title="Review",
        gw_crumbs=[{"label": "Access", "url": address(request, "policy_file")}],
        text=text,
        tag=tag,
        trouble=trouble,
        comment=request.POST.get("comment", ""),
        keep=address(request, "policy_file"),
        address=address(request, "policy_file"),
        **found,
    )


def _apply(request: HttpRequest, network: Network, text: str, tag: str) -> HttpResponse:
    try:
        done: ImportedPolicy = applied(
            request,
            network,
            lambda **options: import_policy(
                network_id=network.pk,
                text=text,
                tag=tag or None,
                comment=request.POST.get("comment", "").strip()[:500],
                **options,
            ),
        )
    except OutdatedError:
        network.refresh_from_db()
        return _conflict(request, network, text, tag)
    except ValidationError:
        # Names may have gone since the review: the editor says which.
        return _editor(request, network, text, tag, status=422)
    except GhostWireError as error:
        return _review(request, network, text, tag, trouble=error.detail)
    if done.version is None:
        messages.success(request, "The comments of the document are kept; nothing else changed.")
    elif open_trial(network.pk) is None:
        messages.success(request, f"Policy {done.version.number} is in force.")
    return HttpResponseRedirect(address(request, "policy_file"))


def _upload(request: HttpRequest, network: Network, text: str, tag: str) -> HttpResponse:
    """Reads a file into the editor. Nothing is in force before it is reviewed."""
    sent = request.FILES.get("file")
    if sent is None or isinstance(sent, list) or (sent.size or 0) > MAX_BYTES:
        trouble = "Choose a file first." if sent is None else "The file is larger than 2 MiB."
        return _editor(request, network, text, tag, trouble=trouble, status=422)
    try:
        read = decode(sent.read()).replace("\r\n", "\n")
    except HuJsonError as error:
        return _editor(request, network, text, tag, trouble=f"{sent.name}: {error.detail}.", status=422)
    return _editor(request, network, read, tag, uploaded=sent.name)


def _conflict(request: HttpRequest, network: Network, text: str, tag: str) -> HttpResponse:
    """Somebody else's policy came into force meanwhile: what they changed, and both documents."""
    exported = export_policy(network_id=network.pk)
    base = _number(tag)
    theirs = PolicyVersion.objects.filter(network=network, number=network.policy_version).first()
    blocks = []
    if theirs is not None and base < theirs.number:
        try:
            found = compare_versions(network_id=network.pk, before=base, after=theirs.number, matched=True)
            blocks = blocks_of(network.pk, found, policy_of_version(theirs))
        except NotFoundError:
            blocks = []
    one, two = exported.text.splitlines(), text.splitlines()
    large = len(one) + len(two) > LONGEST_DIFF
    return show(
        request,
        network,
        "file_conflict",
        "file",
        status=409,
        title="Changed meanwhile",
        gw_crumbs=[{"label": "Access", "url": address(request, "policy_file")}],
        theirs=theirs,
        theirs_url=address(request, "policy_version", network.policy_version),
        by=names_of([theirs.actor]).actor(theirs.actor) if theirs is not None else "",
        when=html.ago(theirs.created_at, timezone.now()) if theirs is not None else "",
        base=base,
        blocks=blocks,
        diff={"rows": [] if large else diff_rows(one, two), "large": large, "same": one == two},
        text=text,
        tag=exported.tag,
        comment=request.POST.get("comment", ""),
        address=address(request, "policy_file"),
    )


def _number(tag: str) -> int:
    number = tag.partition("-")[0]
    return int(number) if number.isdigit() and len(number) < 10 else 0


def _text(request: HttpRequest) -> str:
    """The document that was sent: forms end lines their own way."""
    return request.POST.get("document", "").replace("\r\n", "\n")
