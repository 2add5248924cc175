"""Operator commands: one table of small functions, from which help and forms are made too."""

from .adhoc import AdHoc
from .command import Request
from .context import Context
from .room import invited
from .table import run_text

__all__ = ["AdHoc", "Context", "Request", "invited", "run_text"]
