"""The package need not be installed to be tested: where it can only be imported, its hooks are registered by file."""

from pathlib import Path

import pytest
import rat_modules_attngan
import torch

from rat_modules.registry import load_plugin_file, plugin_states


@pytest.fixture(scope="session", autouse=True)
def registered() -> None:
    if "attngan" not in {state.name for state in plugin_states()}:
        load_plugin_file(Path(rat_modules_attngan.__file__))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)
