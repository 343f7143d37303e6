"""QR codes of what is shown once, for a phone that is held before the screen."""

from __future__ import annotations

import segno


def qr_image(text: str) -> str:
    """A picture of ``text`` as the address of an image (SVG in a data: address). Dark on light, as readers want it."""
    code = segno.make(text, error="m", micro=False)
    return str(code.svg_data_uri(scale=4, border=3, dark="#141b20", light="#ffffff"))
