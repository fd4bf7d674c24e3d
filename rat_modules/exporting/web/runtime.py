"""ONNX Runtime's own files for a browser: two of the npm package onnxruntime-web, known to the byte."""

import tarfile
from collections.abc import Callable
from pathlib import Path

from rat_modules.data.emoji_packages import Package, obtain
from rat_modules.errors import RatError
from rat_modules.exporting.web.packing import pack

RUNTIME = Package(
    "onnxruntime-web",
    "1.30.0",
    33106585,
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
    "package/dist/",
    "MIT",
    "ONNX Runtime Web, Copyright (c) Microsoft Corporation",
)
CODE, MACHINE = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"  # the smallest pair: no GPU, no WebNN


def write_runtime(folder: Path, source: Path | None, say: Callable[[str], None]) -> None:
    """Write the runtime for the page, without its source maps.

    Args:
        folder: of the page.
        source: where the tarball of `npm pack` lies; None fetches it by npm, which is the one use of a network.
        say: called with lines about it.

    Raises:
        RatError: the tarball is not there, cannot be fetched, or is not the one that was tried.
        OSError: the disk is full.
    """
    scratch = folder / ".npm"
    scratch.mkdir()
    try:
        (tarball,) = obtain([RUNTIME], scratch, source=source, say=say, option="--runtime")
        with tarfile.open(tarball) as archive:
            for name, write in ((CODE, Path.write_bytes), (MACHINE, None)):
                member = archive.extractfile(RUNTIME.gives + name)
                if member is None:
                    raise RatError(f"{RUNTIME.tarball} lacks {name}")
                content = member.read()
                if write:
                    write(folder / name, content)
                else:
                    pack(folder / f"{name}.gz", content)
    finally:
        for left in scratch.iterdir():
            left.unlink()
        scratch.rmdir()
