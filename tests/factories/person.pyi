"""For type checkers: calling a factory gives a row, which factory-boy cannot say. The code is beside this file."""

from datetime import datetime
from typing import Any

NOW: datetime

def public_key(number: int) -> str: ...
def __getattr__(name: str) -> Any: ...
