"""Names of machines: from what a machine calls itself to a DNS label that is unique in its network.

Labels follow RFC 1035 section 2.3.1 and RFC 1123 section 2.1: 1 to 63 of a-z, 0-9 and hyphen, no hyphen at an end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Container
from encodings.idna import ToASCII, ToUnicode
from itertools import count
from typing import Final

from mesh.errors import ValidationError

MAX_LABEL: Final = 63
MAX_NAME: Final = 253
# A domain leaves room for the longest label and the dot.
MAX_DOMAIN: Final = MAX_NAME - MAX_LABEL - 1
DEFAULT_LABEL: Final = "node"

# Names that no node gets. Agents write names into the hosts file, so those that stand there already must keep their
# meaning (RFC 6761 section 6.3 for localhost); wpad and isatap would make machines take a node for their proxy or
# their router; the last three are the mesh's own.
RESERVED: Final = frozenset(
    {
        "localhost",
        "localdomain",
        "broadcasthost",
        "ip6-localhost",
        "ip6-loopback",
        "ip6-localnet",
        "ip6-mcastprefix",
        "ip6-allnodes",
        "ip6-allrouters",
        "wpad",
        "isatap",
        "ghostwire",
        "portal",
        "magicdns",
    }
)

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# The full stops that IDNA takes for dots (RFC 3490 section 3.1).
_DOTS: Final = re.compile("[.\u3002\uff0e\uff61]")
_APOSTROPHES: Final = re.compile("['`\u2018\u2019\u02bc]")
# A gap is anything between letters and digits but hyphens alone, which stay as they are written.
_GAP: Final = re.compile(r"-*[^a-z0-9-][^a-z0-9]*")
# Latin letters that Unicode does not decompose.
_LETTERS: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ŋ": "ng", "ı": "i"}
)


def label_of(hostname: str) -> str:
    """Make what a machine calls itself a DNS label: ``Anna's MacBook.local`` becomes ``annas-macbook``.

    Only what stands before the first dot counts. Latin letters lose their accents (``Büro`` becomes ``buro``); a
    name in another script becomes its ``xn--`` form (RFC 3490), so that it can still be typed as it is written;
    other characters become hyphens. Never fails: where nothing is left, the label is ``node``.
    """
    first = _APOSTROPHES.sub("", _DOTS.split(hostname.strip(), maxsplit=1)[0])
    folded = _decomposed(_decomposed(first).casefold()).translate(_LETTERS)
    if not all(character.isascii() for character in folded if character.isalnum()):
        international = _to_ascii(first)
        if international is not None:
            return international
    label = _GAP.sub("-", folded).strip("-")[:MAX_LABEL].rstrip("-")
    return label or DEFAULT_LABEL


def unique_label(base: str, taken: Callable[[str], bool] | Container[str]) -> str:
    """The lowest free label: ``base`` itself, ``base-1``, ``base-2``, ...; the base is cut so that 63 characters do.

    :param base: a label as ``label_of`` makes it
    :param taken: the labels that are not free, or a predicate; asked for each candidate in turn
    """
    is_taken = taken if callable(taken) else taken.__contains__
    if not is_taken(base):
        return base
    return next(label for number in count(1) if not is_taken(label := _numbered(base, number)))


def validate_label(name: str) -> str:
    """Check a name that a person chose for a node; returned in lower case. Whether it is free is another question.

    :raises ValidationError: if it is no DNS label
    """
    label = name.lower()
    if not label:
        raise ValidationError("A name has at least one character.")
    if len(label) > MAX_LABEL:
        raise ValidationError(f"A name has at most {MAX_LABEL} characters, not {len(label)}.")
    # Lower case turns the Kelvin sign into a k: what is not ASCII was not one of these letters.
    if not name.isascii() or not _LABEL.fullmatch(label):
        raise ValidationError("A name has letters a-z, digits and hyphens only, and no hyphen at either end.")
    return label


def validate_domain(domain: str) -> str:
    """Check the domain of a network; returned in lower case and without the dot at its end.

    :raises ValidationError: if a part is no DNS label, if the last is a number (RFC 3696 section 2), or if it is
        so long that not every label fits before it (189 characters)
    """
    normal = domain.lower().removesuffix(".")
    if len(normal) > MAX_DOMAIN:
        raise ValidationError(f"A domain has at most {MAX_DOMAIN} characters, so that names fit before it.")
    labels = normal.split(".")
    if not domain.isascii() or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValidationError(f"{domain!r} is not a domain such as mycompany.ghost.")
    if labels[-1].isdigit():
        raise ValidationError("The last part of a domain is not a number.")
    return normal


def validate_hostname(hostname: str) -> str:
    """Check what a machine reports as its hostname; returned without blanks around it. It need not be a DNS name.

    :raises ValidationError: if it is blank, longer than 253 characters, or has control or invisible characters,
        which would change how a list or a log reads
    """
    stripped = hostname.strip(" ")
    if not stripped:
        raise ValidationError("A hostname is not blank.")
    if len(stripped) > MAX_NAME:
        raise ValidationError(f"A hostname has at most {MAX_NAME} characters, not {len(stripped)}.")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in stripped):
        raise ValidationError("A hostname has no control characters.")
    return stripped


def fqdn(name: str, domain: str) -> str:
    """The full name of a node: its label and its network's domain, without a dot at the end."""
    return f"{name}.{domain}"


def _decomposed(text: str) -> str:
    return "".join(
        character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character)
    )


def _to_ascii(text: str) -> str | None:
    """The xn-- form of a name, or None if it has none that is a DNS label."""
    kept = "".join(character if unicodedata.category(character)[0] in "LMN" else "-" for character in text)
    try:
        label = ToASCII(kept.strip("-")).decode("ascii").lower()
    except UnicodeError:  # too long, or letters that RFC 3490's Unicode 3.2 does not know
        return None
    return label if _LABEL.fullmatch(label) else None


def _numbered(base: str, number: int) -> str:
    suffix = f"-{number}"
    if base.startswith("xn--"):
        # The number belongs to the name, not to its encoding, which it would spoil.
        try:
            written = ToUnicode(base)
        except UnicodeError:  # never was one: a machine may call itself anything
            written = ""
        if not written.isascii() and (label := _to_ascii(written + suffix)) is not None:
            return label
    return base[: MAX_LABEL - len(suffix)].rstrip("-") + suffix
