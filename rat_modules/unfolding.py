"""What a pickle would become, found by following its opcodes without building anything."""

import mmap
import pickletools
from collections.abc import Collection

from rat_modules.errors import CheckpointError

# values in all that a pickle may unfold to: so many for each of its bytes, and a million in any case
_EACH, _ALWAYS = 4, 10**6
_PUT = {ord(op.code) for op in pickletools.opcodes if op.name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")}
_GET = {ord(op.code) for op in pickletools.opcodes if op.name in ("GET", "BINGET", "LONG_BINGET")}
_MARK, _STOP, _POP, _POP_MARK, _DUP, _GLOBAL = b"(.012c"
# opcodes that fill what lies below what they take: how many values they take, all down to the mark where None
_FILLING = {ord("a"): 1, ord("s"): 2, ord("b"): 1, ord("e"): None, ord("u"): None, 0x90: None}


class _Value:
    """One value on the pickle's stack: how many it unfolds to, and how often it is referred to again."""

    __slots__ = ("again", "size")

    def __init__(self, size: int) -> None:
        self.size, self.again = size, 0


_ATOM = _Value(1)


def check_unfolding(
    content: bytes | mmap.mmap, source: str, *, start: int = 0, forbidden: Collection[bytes] = ()
) -> int | None:
    """Refuse a pickle that is small and would become large.

    A few bytes let an unpickler reserve gigabytes for references that never come; a tuple of twice a tuple of twice a
    tuple, sixty deep, is a kilobyte that takes years to hash, to compare or to print.

    Args:
        content: bytes with the pickle in them.
        source: the file, for messages.
        start: where the pickle begins.
        forbidden: names that it may not name, as "module, newline, name, newline".

    Returns:
        Where it ends; None where it is damaged, which the unpickler then tells in its own words.

    Raises:
        CheckpointError: it unfolds to more than it says, or names what is forbidden.

    Example:
        >>> import pickle
        >>> check_unfolding(pickle.dumps([1, 2, 3], protocol=2), "a.pickle")
        14
    """
    try:
        return _Walk(content, start, forbidden).end()
    except _TooMuch as error:
        got = f"a pickle {error}"
        raise CheckpointError(f"{source} is refused", got=got, expected="plain data; nothing of it was built") from None
    except (IndexError, KeyError, ValueError):
        return None


class _TooMuch(Exception):
    pass


class _Walk:
    def __init__(self, content: bytes | mmap.mmap, start: int, forbidden: Collection[bytes]) -> None:
        self.content, self.place, self.start, self.forbidden = content, start, start, forbidden
        self.stack: list[_Value] = []
        self.marks: list[int] = []
        self.memo: dict[int, _Value] = {}

    def end(self) -> int:
        content, stack = self.content, self.stack
        while (code := content[self.place]) != _STOP:
            argument = self.place + 1
            length = _LENGTHS[code]
            self.place = argument + length if length >= 0 else self._after(code, argument)
            if self.place > len(content):
                raise ValueError("an end too early")
            if code in _ATOMS:
                stack.append(_ATOM)
            elif code in _PUT:
                self._put(code, argument)
            elif code in _GET:
                value = self.memo[self._number(code, argument)]
                value.again += 1
                stack.append(value)
            elif code in _FILLING:
                self._fill(code)
            elif code == _MARK:
                self.marks.append(len(stack))
            elif code in (_POP, _POP_MARK):
                # POP takes a mark where that is on top
                marked = code == _POP_MARK or (self.marks and self.marks[-1] == len(stack))
                self._take(None if marked else 1)
            elif code == _DUP:
                stack[-1].again += 1
                stack.append(stack[-1])
            elif code in _TAKING:
                stack.append(_Value(1 + self._sum(self._take(_TAKING[code]))))
            elif code in b"]}\x8f":
                stack.append(_Value(1))
            elif code == _GLOBAL:
                if content[argument : self.place] in self.forbidden:
                    raise _TooMuch(f"that names {bytes(content[argument : self.place]).split()[-1].decode()}")
                stack.append(_ATOM)
        return self.place + 1

    def _after(self, code: int, argument: int) -> int:
        """Where an opcode with an argument of its own length ends."""
        if (counted := -_LENGTHS[code]) > 8:
            for _ in range(2 if code in b"ci" else 1):
                argument = self.content.find(b"\n", argument) + 1
                if not argument:
                    raise ValueError("a line without an end")
            return argument
        return argument + counted + int.from_bytes(self.content[argument : argument + counted], "little")

    def _number(self, code: int, argument: int) -> int:
        text = self.content[argument : self.place]
        return int(text) if code in b"pg" else int.from_bytes(text, "little")

    def _put(self, code: int, argument: int) -> None:
        number = len(self.memo) if code == 0x94 else self._number(code, argument)
        if number > len(self.content):  # the unpickler makes a table as long as the highest number
            raise _TooMuch(f"of {len(self.content):,} bytes with the reference number {number:,}")
        self.memo[number] = self.stack[-1]

    def _fill(self, code: int) -> None:
        parts = self._take(_FILLING[code])
        filled = self.stack[-1]
        if filled.again and parts and not all(part is filled or part is _ATOM for part in parts):
            raise _TooMuch("that refers to a container and fills it afterwards")
        filled.size += self._sum(parts)
        self._sum([filled])

    def _take(self, count: int | None) -> list[_Value]:
        if count is None:
            first = self.marks.pop()
        elif (first := len(self.stack) - count) < 0:
            raise ValueError("too few values")
        parts = self.stack[first:]
        del self.stack[first:]
        return parts

    def _sum(self, parts: list[_Value]) -> int:
        total = sum(part.size for part in parts)
        most = max(_ALWAYS, _EACH * (self.place - self.start))
        if total > most:
            raise _TooMuch(f"that unfolds to more than {most:,} values")
        return total


def _length(op: pickletools.OpcodeInfo) -> int:
    """Bytes of an argument; minus the bytes of its count where it has one; -9 where it ends with its line."""
    if op.arg is None or op.arg.n >= 0:
        return 0 if op.arg is None else op.arg.n
    counts = {pickletools.UP_TO_NEWLINE: 9, pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT8U: 8}
    return -counts.get(op.arg.n, 4)


_LENGTHS = {ord(op.code): _length(op) for op in pickletools.opcodes}
# opcodes that make one value: of so many others, of all down to the mark where None, or of their argument alone
_TAKING = {
    ord(op.code): None if pickletools.markobject in op.stack_before else len(op.stack_before)
    for op in pickletools.opcodes
    if op.stack_before and len(op.stack_after) == 1 and ord(op.code) not in _FILLING
}
_ATOMS = {ord(op.code) for op in pickletools.opcodes if not op.stack_before and op.stack_after}
_ATOMS -= {*_GET, *b"]}\x8f", _MARK, _GLOBAL}
