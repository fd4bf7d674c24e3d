"""A model made with a component of a plugin needs that plugin wherever it is loaded."""

from pathlib import Path

import pytest

from .conftest import FOLDERS, Environment

pytestmark = pytest.mark.slow
(SILU,) = [folder for folder in FOLDERS if folder.name == "rat-modules-silu"]


def test_a_model_loads_with_its_plugin_and_is_refused_without(environment: Environment, tmp_path: Path) -> None:
    environment.install(SILU)
    try:
        words = ["--recipe", "ratgan-silu", "--set", "generator.width=2", "--set", "text_encoder.name=none"]
        assembled = environment.run("rat-modules", "assemble", *words, "--out", "model", cwd=tmp_path)
        assert "silu" in assembled.stdout
        code = "import rat_modules; print(type(rat_modules.load('model').generator.blocks[0].fuse1).__name__)"
        assert environment.run("python", "-c", code, cwd=tmp_path).stdout == "SiLUFusion\n"
        # without the plugin, the same folder is refused by the name that is missing
        refused = environment.run("rat-modules", "--block", "silu", "assemble", "--recipe", "model", cwd=tmp_path)
        assert refused.returncode == 2 and "fusion.name: fusions: got 'silu-affine'" in refused.stderr
    finally:
        environment.uninstall("rat-modules-silu")
