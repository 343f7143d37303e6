"""X25519 keys and the proof that somebody holds one. The portal and the agent both speak through this module.

A key is 32 raw bytes inside the program and standard padded base64 at its edges; ``decode_public_key`` is the only
way in, so that one key has one spelling and "one key, one node" can be a unique column. Nothing here makes
randomness: whoever asks for a key brings 32 random bytes.

The proof of possession is written down in the agent protocol, section "Proof of possession".
"""

from __future__ import annotations

from mesh.keys.audience import normalise_audience
from mesh.keys.curve import (
    FIELD_PRIME,
    FINGERPRINT_CONTEXT,
    KEY_BYTES,
    LOW_ORDER_POINTS,
    compute_shared_secret,
    constant_time_compare,
    decode_private_key,
    decode_public_key,
    encode_key,
    fingerprint,
    generate_private_key,
    public_key_of,
    validate_public_key,
)
from mesh.keys.proof import (
    NONCE_BYTES,
    PROOF_CONTEXT,
    PROOF_HEADER,
    Purpose,
    derive_proof_key,
    format_proof_header,
    make_proof,
    parse_proof_header,
    proof_mac,
    proof_message,
    verify_proof,
)

__all__ = [
    "FIELD_PRIME",
    "FINGERPRINT_CONTEXT",
    "KEY_BYTES",
    "LOW_ORDER_POINTS",
    "NONCE_BYTES",
    "PROOF_CONTEXT",
    "PROOF_HEADER",
    "Purpose",
    "compute_shared_secret",
    "constant_time_compare",
    "decode_private_key",
    "decode_public_key",
    "derive_proof_key",
    "encode_key",
    "fingerprint",
    "format_proof_header",
    "generate_private_key",
    "make_proof",
    "normalise_audience",
    "parse_proof_header",
    "proof_mac",
    "proof_message",
    "public_key_of",
    "validate_public_key",
    "verify_proof",
]
