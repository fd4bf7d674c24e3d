"""What one thread or task opened, another neither reads nor turns off."""

import asyncio
import threading
from collections.abc import Callable

import pytest
import torch

from rat_modules import retrofit
from rat_modules.errors import RetrofitError
from rat_modules.retrofitting import Retrofitted

from .networks import Decoder, awaken

Z, S = torch.randn(3, 6), torch.randn(3, 5)


def made() -> Retrofitted:
    r = retrofit(Decoder().eval(), cond_dim=5, hidden_dim=8)
    awaken(r)
    return r


def elsewhere(do: Callable[[], object]) -> list[object]:
    """What a function gives, or raises, in another thread."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(do())
        except RetrofitError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found


def test_off_in_one_thread_is_not_off_in_another() -> None:
    r = made()
    expected = r(Z, sentence=S)
    with r.disabled():
        original = r.base(Z)
        (found,) = elsewhere(lambda: r(Z, sentence=S))
        assert torch.equal(found, expected) and torch.equal(r.base(Z), original)


def test_a_verification_in_another_thread_shakes_nothing_here() -> None:
    r = made()
    expected, found = r(Z, sentence=S), []
    r.verify(lambda base: (found.extend(elsewhere(lambda: r(Z, sentence=S))), base(Z))[1])
    assert len(found) == 4 and all(torch.equal(each, expected) for each in found)


def test_off_in_one_task_is_not_off_in_another() -> None:
    r = made()
    expected = r(Z, sentence=S)

    async def off(started: asyncio.Event, over: asyncio.Event) -> None:
        with r.disabled():
            started.set()
            await over.wait()

    async def main() -> torch.Tensor:
        started, over = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(off(started, over))
        await started.wait()
        found = r(Z, sentence=S)
        over.set()
        await task
        return found

    assert torch.equal(asyncio.run(main()), expected)


def test_a_task_does_not_read_what_another_opened() -> None:
    r = made()

    async def follow(sentence: torch.Tensor, opened: asyncio.Event, go: asyncio.Event) -> None:
        with r.condition(sentence):
            r.base(Z)
            opened.set()
            await go.wait()
            r.base(Z)

    async def main() -> list[object]:
        opened, second, go = (asyncio.Event() for _ in range(3))
        first = asyncio.create_task(follow(S, opened, second))
        await opened.wait()
        # opened last, closed last: no order gives it away
        other = asyncio.create_task(follow(S.flip(0), second, go))
        (said,) = await asyncio.gather(first, return_exceptions=True)
        go.set()
        await other
        return [said]

    (said,) = asyncio.run(main())
    assert isinstance(said, RetrofitError) and "set in another asyncio task; one copy.deepcopy of r" in str(said)
    assert r(Z, sentence=S).shape == (3, 3, 6, 6)


def test_what_was_closed_in_the_wrong_order_is_closed() -> None:
    r = made()
    first, second = r.condition(S), r.condition(S)
    first.__enter__(), second.__enter__()
    r.base(Z)
    with pytest.raises(RetrofitError, match="closed before one that was opened after it"):
        first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    with pytest.raises(RetrofitError, match="no condition is set"):
        r.base(Z)


def test_a_sentence_where_the_adapters_are_off() -> None:
    r = made()
    with r.disabled(), pytest.raises(RetrofitError, match=r"a sentence where the adapters are off; leave `with r.dis"):
        r(Z, sentence=S)
    with r.disabled():
        assert r(Z).shape == (3, 3, 6, 6)
