"""Which implementation runs, and the reason where it is not the kernel."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from rat_modules.errors import RatError
from rat_modules.ops import backend

ON_CUDA = SimpleNamespace(is_cuda=True, device=torch.device("cuda"))  # as far as the choice looks at features


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch):
    """A machine on which kernels are compiled and not interpreted, and nothing is remembered."""
    monkeypatch.setattr(backend, "_module", lambda op: SimpleNamespace(INTERPRETED=False, unfit=lambda x: None))
    monkeypatch.delenv("CC", raising=False)
    for remembered in (backend.unavailable, backend._compiler):
        remembered.cache_clear()
    yield
    for remembered in (backend.unavailable, backend._compiler):
        remembered.cache_clear()


@pytest.mark.parametrize("cc", [None, "no-such-compiler"])
@pytest.mark.usefixtures("compiled")
def test_without_a_c_compiler_the_reference_computes(
    cc: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if cc:
        monkeypatch.setenv("CC", cc)
    assert backend.kernel("affine", ON_CUDA) is None
    assert backend.unfit("affine", ON_CUDA).startswith("triton needs a C compiler and finds none")
    with pytest.raises(RatError, match="backend 'triton' of affine: got triton needs a C compiler"):
        backend.kernel("affine", ON_CUDA, "triton")


@pytest.mark.parametrize("name", ["gcc", "clang", "mine"])
@pytest.mark.usefixtures("compiled")
def test_any_compiler_that_triton_would_take_will_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath(name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if name == "mine":
        monkeypatch.setenv("CC", name)
    assert backend.kernel("affine", ON_CUDA) is not None


@pytest.mark.usefixtures("compiled")
def test_on_a_cpu_no_compiler_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert backend.unfit("affine", torch.ones(1, 1, 1)) == "features are on the CPU, and TRITON_INTERPRET is not set"
