"""Who runs now, so that what one thread or task opened is not read by another."""

import sys
import threading
from typing import Any

import torch

from rat_modules.errors import RetrofitError

Owner = tuple[int, Any] | None
"""A thread, and a task of asyncio in it; None where a compiler traces, which cannot ask."""


def owner_now() -> Owner:
    """The thread and the task that run now."""
    if torch.compiler.is_compiling():
        return None
    asyncio = sys.modules.get("asyncio")  # without it there are no tasks
    if asyncio is None or asyncio._get_running_loop() is None:
        return threading.get_ident(), None
    return threading.get_ident(), asyncio.current_task()


def alike(one: Owner, two: Owner) -> bool:
    """Is this the same thread and task, as far as is known?"""
    return one is None or two is None or one == two


def refuse_other_owner(site: str, owner: Owner) -> None:
    """Refuse to read what another thread or task opened.

    Raises:
        RetrofitError: with what to do.
    """
    now = owner_now()
    if owner is None or now is None or owner == now:
        return
    where, more = "asyncio task", ""
    if owner[0] != now[0]:
        where, more = "thread", "; DistributedDataParallel instead of DataParallel"
    raise RetrofitError(
        f"the condition of site {site!r} was set in another {where}",
        hint=f"one copy.deepcopy of r for each {where}{more}",
    )
