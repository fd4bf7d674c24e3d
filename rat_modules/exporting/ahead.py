"""Format aot: TorchInductor's ahead-of-time package, compiled for the processor of this machine."""

import os
from pathlib import Path

import torch
from torch._inductor import aoti_compile_and_package, aoti_load_package
from torch._inductor.cpp_builder import get_cpp_compiler
from torch._inductor.exc import InvalidCxxCompiler
from torch._inductor.utils import fresh_cache

from rat_modules.errors import RatError
from rat_modules.exporting.program import exported
from rat_modules.exporting.quiet import quiet
from rat_modules.exporting.running import Run
from rat_modules.exporting.subject import Subject

SUFFIX = ".pt2"


def check() -> None:
    """Refuse where nothing can compile C++.

    Raises:
        RatError: with what is missing.
    """
    try:
        get_cpp_compiler()  # where torch itself looks: CXX, or what it takes for the system's
    except InvalidCxxCompiler as error:
        named = os.environ.get("CXX")
        raise RatError(
            "format 'aot' compiles C++ on this machine",
            got=f"no {named}, which CXX names" if named else "no compiler",
            expected="g++, or one that CXX names",
            hint="install one, or take --format torch-export",
        ) from error


def write(subject: Subject, path: Path) -> None:
    """Compile and package the generator; facts are the package's metadata.

    Raises:
        RatError: the generator cannot be traced, or the compiler fails.
        OSError: the disk is full.
    """
    check()
    program = exported(subject)
    try:
        # in a folder of its own, which vanishes: what the compiler leaves is larger than the package
        with quiet(), fresh_cache(), torch.no_grad():
            made = aoti_compile_and_package(
                program, package_path=str(path), inductor_configs={"aot_inductor.metadata": subject.facts}
            )
    except OSError:
        raise
    except Exception as error:  # compilers fail in many ways, which torch passes on in as many
        reason = f"{type(error).__name__} {error}".strip().partition("\n")[0]
        raise RatError(
            "the compiler failed", got=reason, hint="take --format torch-export, which needs no compiler"
        ) from error
    assert Path(made) == path


def opened(path: Path) -> Run:
    """The package as a function of noise and sentence."""
    with quiet():
        package = aoti_load_package(str(path))

    def run(noise: torch.Tensor, sentence: torch.Tensor) -> torch.Tensor:
        images: torch.Tensor = package(noise, sentence)
        return images

    return run


def facts(path: Path) -> dict[str, str]:
    """What a package says of itself; torch adds the platform."""
    with quiet():
        return dict(aoti_load_package(str(path)).get_metadata())
