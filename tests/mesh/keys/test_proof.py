"""The proof of possession against its vectors, and every way in which one can be wrong."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from mesh import keys
from mesh.errors import AuthenticationError, ValidationError
from tests.mesh.vectors import load_vectors

PORTAL = "https://portal.example:8443"
PROOFS = (
    *(f"register-{number}" for number in range(1, 5)),
    *(f"rotate-{number}" for number in range(1, 4)),
    "session-1",
    "enrol-1",
)


def pair(seed: int) -> tuple[bytes, bytes]:
    private = keys.generate_private_key(blake3(seed.to_bytes(8, "big")).digest())
    return private, keys.public_key_of(private)


@pytest.fixture(scope="module")
def curve() -> Any:
    return load_vectors("x25519_blake3.json")


@dataclass(frozen=True)
class Vector:
    purpose: str
    private: bytes
    public: bytes
    server_private: bytes
    server_key: bytes
    nonce: bytes
    audience: str
    body: bytes
    mac: str
    current_private: bytes | None = None
    current_public: bytes | None = None

    def prove(self) -> str:
        return keys.make_proof(
            purpose=self.purpose,
            private_key=self.private,
            server_key=self.server_key,
            nonce=self.nonce,
            audience=self.audience,
            public_key=self.public,
            body=self.body,
            current_private=self.current_private,
            current_public=self.current_public,
        )

    def message(self) -> bytes:
        return keys.proof_message(
            purpose=self.purpose,
            server_key=self.server_key,
            nonce=self.nonce,
            audience=self.audience,
            public_key=self.public,
            body=self.body,
            current_public=self.current_public,
        )

    def verify(self, audiences: tuple[str, ...] | None = None) -> None:
        keys.verify_proof(
            self.mac,
            purpose=self.purpose,
            server_private=self.server_private,
            server_key=self.server_key,
            nonce=self.nonce,
            audiences=(self.audience,) if audiences is None else audiences,
            public_key=self.public,
            body=self.body,
            current_public=self.current_public,
        )


def recorded(name: str) -> tuple[Vector, Any]:
    [raw] = [entry for entry in load_vectors("proof.json") if entry["name"] == name]
    rotating = "current_private_hex" in raw
    vector = Vector(
        purpose=raw["purpose"],
        private=bytes.fromhex(raw["node_private_hex"]),
        public=base64.b64decode(raw["public_key_b64"]),
        server_private=bytes.fromhex(raw["server_private_hex"]),
        server_key=base64.b64decode(raw["server_key_b64"]),
        nonce=base64.b64decode(raw["nonce_b64"]),
        audience=raw["audience"],
        body=raw["body_utf8"].encode(),
        mac=raw["mac_b64url"],
        current_private=bytes.fromhex(raw["current_private_hex"]) if rotating else None,
        current_public=base64.b64decode(raw["current_key_b64"]) if rotating else None,
    )
    return vector, raw


def made(purpose: str = "register") -> Vector:
    private, public = pair(10)
    server_private, server_key = pair(11)
    current = pair(12) if purpose == "rotate" else (None, None)
    vector = Vector(
        purpose, private, public, server_private, server_key, bytes(range(16)), PORTAL, b'{"a":1}', "", *current
    )
    return replace(vector, mac=vector.prove())


def test_the_vectors_are_those_that_are_named_here() -> None:
    assert {entry["name"] for entry in load_vectors("proof.json")} == set(PROOFS)


@pytest.mark.parametrize("name", PROOFS)
class TestRecordedProof:
    def test_keys_correspond(self, name: str) -> None:
        vector, _ = recorded(name)
        assert keys.public_key_of(vector.private) == vector.public
        assert keys.public_key_of(vector.server_private) == vector.server_key

    def test_key_is_derived_on_both_sides(self, name: str) -> None:
        vector, raw = recorded(name)
        agent = keys.compute_shared_secret(vector.private, vector.server_key)
        portal = keys.compute_shared_secret(vector.server_private, vector.public)
        if vector.current_private is not None and vector.current_public is not None:
            agent += keys.compute_shared_secret(vector.current_private, vector.server_key)
            portal += keys.compute_shared_secret(vector.server_private, vector.current_public)
        assert keys.derive_proof_key(agent).hex() == keys.derive_proof_key(portal).hex() == raw["key_hex"]

    def test_body_hash(self, name: str) -> None:
        vector, raw = recorded(name)
        assert vector.message()[-32:].hex() == raw["body_blake3_hex"]

    def test_message(self, name: str) -> None:
        vector, raw = recorded(name)
        assert vector.message().hex() == raw["mac_input_hex"]

    def test_mac(self, name: str) -> None:
        _, raw = recorded(name)
        assert keys.proof_mac(bytes.fromhex(raw["key_hex"]), bytes.fromhex(raw["mac_input_hex"])) == raw["mac_b64url"]

    def test_is_made(self, name: str) -> None:
        vector, raw = recorded(name)
        assert vector.prove() == raw["mac_b64url"]

    def test_is_verified(self, name: str) -> None:
        vector, _ = recorded(name)
        vector.verify()

    def test_is_refused_with_another_nonce(self, name: str) -> None:
        vector, _ = recorded(name)
        with pytest.raises(AuthenticationError):
            replace(vector, nonce=bytes(16)).verify()


def test_the_audience_is_normalised_when_a_proof_is_made() -> None:
    vector = made()
    assert replace(vector, audience="HTTPS://PORTAL.example:8443/").prove() == vector.mac


def test_any_of_the_portals_origins_will_do() -> None:
    vector = made()
    vector.verify(("https://other.example", PORTAL, "https://third.example"))


@pytest.mark.parametrize("audiences", [(), ("https://other.example",)])
def test_a_proof_for_another_origin_is_refused(audiences: tuple[str, ...]) -> None:
    with pytest.raises(AuthenticationError):
        made().verify(audiences)


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "session"},
        {"purpose": "unknown"},
        {"body": b'{"a":2}'},
        {"body": b""},
        {"public": pair(20)[1]},
        {"public": bytes(32)},
        {"public": bytes(31)},
        {"server_private": pair(21)[0]},
        {"server_key": pair(21)[1]},
        {"nonce": bytes(16)},
        {"nonce": bytes(15)},
        {"current_public": pair(22)[1]},
        {"mac": ""},
        {"mac": "A" * 43},
        {"mac": "é\ud800"},
    ],
    ids="-".join,
)
def test_a_proof_with_a_part_changed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError, match="was not accepted"):
        replace(made(), **change).verify()


@pytest.mark.parametrize("change", [{"current_public": None}, {"current_public": pair(22)[1]}, {"purpose": "register"}])
def test_a_rotation_binds_the_current_key(change: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError):
        replace(made("rotate"), **change).verify()


def test_a_rotation_needs_the_current_private_key() -> None:
    vector = made("rotate")
    forged = replace(vector, current_private=pair(99)[0]).prove()
    with pytest.raises(AuthenticationError):
        replace(vector, mac=forged).verify()


@given(st.integers(0, 42), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
def test_a_mac_has_one_spelling(position: int, character: str) -> None:
    vector = made()
    changed = vector.mac[:position] + character + vector.mac[position + 1 :]
    if changed == vector.mac:
        vector.verify()
        return
    with pytest.raises(AuthenticationError):
        replace(vector, mac=changed).verify()


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": "unknown"},
        {"purpose": "rotate"},
        {"nonce": bytes(17)},
        {"public": bytes(31)},
        {"server_key": bytes(31)},
        {"server_key": bytes(32)},
        {"audience": "portal"},
        {"current_private": pair(12)[0]},
        {"current_public": pair(12)[1]},
        {"current_private": pair(12)[0], "current_public": pair(12)[1]},
    ],
    ids="-".join,
)
def test_a_proof_is_not_made_of_parts_that_do_not_fit(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        replace(made(), **change).prove()


def test_two_keys_that_share_every_secret_have_different_proofs(curve: Any) -> None:
    # P and P plus a point of order two cannot be told apart by X25519; the key's bytes in the MAC do it.
    twins = curve["torsion_equivalent_pair"]
    private, one, other = (bytes.fromhex(twins[name]) for name in ("priv", "P", "P_plus_T2"))
    assert keys.compute_shared_secret(private, one) == keys.compute_shared_secret(private, other)
    server_private, server_key = pair(11)
    assert keys.compute_shared_secret(server_private, one) == keys.compute_shared_secret(server_private, other)
    vector = replace(made(), public=one, server_private=server_private, server_key=server_key)
    with pytest.raises(AuthenticationError):
        replace(vector, mac=vector.prove(), public=other).verify()


def test_the_header_is_split_as_it_was_written() -> None:
    mac = made().mac
    assert keys.parse_proof_header(keys.format_proof_header("1.abc-_~", mac)) == ("1.abc-_~", mac)


@pytest.mark.parametrize(
    "value",
    ["", ":", "id", "id:", ":" + "A" * 43, "id:" + "A" * 42, "id:" + "A" * 44, "a:b:" + "A" * 43, "id:" + "+" * 43,
     "i d:" + "A" * 43, "id: " + "A" * 43, "id:" + "A" * 43 + "\n", "x" * 513 + ":" + "A" * 43],
)  # fmt: skip
def test_a_malformed_header_is_a_failed_proof(value: str) -> None:
    with pytest.raises(AuthenticationError):
        keys.parse_proof_header(value)
