"""Machines that wait, and people who decide."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from coordinator.enrolments import approve_enrolment, reject_enrolment
from mesh.change import Cause
from nodes.models import Node
from sessions_app.models import Enrolment, User
from sessions_app.services.enrolments import read_code
from tests.agents import Machine

CAUSE = Cause.command()


def ask(machine: Machine, auth_key: str | None = None, **members: Any) -> str:
    """Asks to join; the code."""
    response = machine.register(auth_key, **members)
    assert response.status_code == 202, response.content
    code: str = response.json()["enrolment"]["code"]
    return code


def approve(code: str, actor: User | None, **options: Any) -> Node:
    found = Enrolment.objects.get(code=read_code(code))
    return approve_enrolment(enrolment_id=found.pk, actor=actor, cause=CAUSE, now=timezone.now(), **options)


def reject(code: str, actor: User | None) -> None:
    found = Enrolment.objects.get(code=read_code(code))
    reject_enrolment(enrolment_id=found.pk, actor=actor, cause=CAUSE, now=timezone.now())
