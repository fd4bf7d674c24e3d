"""Finding, extending, overriding and refusing."""

from pathlib import Path

import pytest

from rat_modules import RecipeError, UnknownNameError
from rat_modules.recipes import Component, Recipe, diff, load_recipe, recipe_toml


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_every_problem_is_reported_at_once_on_one_line_with_the_nearest_names(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "bad.toml",
        """
        extends = "ratgan"
        sumary = "x"
        attention = 3
        [generater]
        width = 3
        [fusion]
        name = "afine"
        [controller]
        cell = "lstn"
        hidden_dim = 0
        [training]
        bach_size = 3
        steps = "many"
        schedule = "alternate"
        lr_generator = true
        beta2 = 1.0
        [data]
        value_range = nan
        """,
    )
    with pytest.raises(RecipeError) as refusal:
        load_recipe(path)
    line = str(refusal.value)
    assert "\n" not in line and line.startswith("recipe 'bad' has 12 problems: ")
    for problem in (
        "unknown key sumary (did you mean 'summary'?)",
        "attention: got 3, expected a table with a name and options",
        "unknown key generater (did you mean 'generator'?)",
        "fusion.name: fusions: got 'afine', expected one of affine, cbn, cin, ssa",
        "did you mean 'affine'?",
        "controller.cell: cells: got 'lstn', expected one of lstm, gru, none; did you mean 'lstm'?",
        "controller.hidden_dim: got 0, expected at least 1",
        "unknown key training.bach_size (did you mean 'batch_size'?)",
        "training.steps: got 'many', expected a whole number",
        "training.schedule: got 'alternate', expected 'alternating' or 'joint' (did you mean 'alternating'?)",
        "training.lr_generator: got True, expected a finite number",
        "training.beta2: got 1.0, expected at least 0 and below 1",
        "data.value_range: got nan, expected a finite number",
    ):
        assert problem in line


def test_options_that_only_a_component_can_judge_are_reported_with_the_rest() -> None:
    seen: dict[str, Component] = {}

    def check_options(parts: dict[str, Component]) -> list[str]:
        seen.update(parts)
        return ["generator.widht is wrong"]

    with pytest.raises(RecipeError, match=r"2 problems: unknown key training.stps .*; generator.widht is wrong"):
        load_recipe(
            "ratgan", {"training.stps": 3, "generator.widht": 8, "fusion.name": "cbn"}, check_options=check_options
        )
    assert seen["generator"].options["widht"] == 8 and seen["fusion"] == Component("cbn")
    assert seen["controller"] == Component("lstm", {"hidden_dim": 256})


def test_values_are_not_coerced() -> None:
    for key, value in (("training.steps", "3"), ("training.steps", 3.0), ("training.steps", True), ("name", 3)):
        with pytest.raises(RecipeError, match="one problem"):
            load_recipe("ratgan", {key: value})
    assert load_recipe("ratgan", {"training.lr_generator": 1}).training.lr_generator == 1.0


def test_options_must_fit_a_file() -> None:
    for value in (None, object(), {1: 2}, [None]):
        with pytest.raises(RecipeError, match=r"generator: width is .*, expected a value that TOML can hold"):
            load_recipe("ratgan", {"generator.width": value})


def test_a_section_that_names_another_component_drops_the_options_of_the_old_one() -> None:
    recipe = load_recipe("ratgan", {"attention.name": "none"})
    assert recipe.attention == Component("none")
    same = load_recipe("ratgan", {"attention.name": "soft-threshold-attention"})
    assert same.attention.options == {"normalize": "soft-threshold"}


def test_extends_reaches_names_and_files_beside_it(tmp_path: Path) -> None:
    tmp_path.joinpath("below").mkdir()
    write(tmp_path, "base.toml", 'extends = "ratgan-tiny"\nsummary = "base"\n[generator]\nwidth = 5\n')
    path = write(tmp_path, "below/top.toml", 'extends = "../base.toml"\n[generator]\naffines = 6\n')
    recipe = load_recipe(path)
    assert recipe.name == "top" and recipe.summary == "", "the summary of the parent describes the parent"
    assert {k: recipe.generator.options[k] for k in ("width", "affines", "image_size")} == {
        "width": 5, "affines": 6, "image_size": 32
    }  # fmt: skip


def test_sections_without_a_name_extend_the_default_component(tmp_path: Path) -> None:
    write(tmp_path, "base.toml", "[generator]\nwidth = 5\n")
    path = write(tmp_path, "top.toml", 'extends = "./base.toml"\n[generator]\nname = "ratgan"\nimage_size = 32\n')
    assert load_recipe(path).generator == Component("ratgan", {"width": 5, "image_size": 32})


def test_a_circle_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.toml", 'extends = "./b.toml"')
    write(tmp_path, "b.toml", 'extends = "./a.toml"')
    with pytest.raises(RecipeError, match="extends itself: got a -> b -> a"):
        load_recipe(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name = ", "expected valid TOML"),
        (b"name = '\xff'", "expected text in UTF-8"),
        (b"extends = 3", "extends of bad.toml: got 3"),
        (b"x = " + b"[" * 5000 + b"]" * 5000, r"bad\.toml, nested too deeply, expected 32 levels at most"),
        (b"[generator]\n" + b"a." * 5000 + b"a = 1", r"bad\.toml, nested too deeply, expected 32 levels at most"),
        (b"extends = '.'", r"recipe: got \., a folder without recipe\.toml, expected the name"),
        (b"extends = ''", "recipe: got an empty name, expected the name"),
        (b"extends = 'ratgn'", "did you mean 'ratgan'"),
        (b"extends = './absent.toml'", "absent.toml, expected an existing .toml file"),
    ],
)
def test_unreadable_files(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises((RecipeError, UnknownNameError), match=reason):
        load_recipe(path)


def test_a_mark_of_the_byte_order_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "marked.toml"
    path.write_bytes(b"\xef\xbb\xbf" + b'extends = "ratgan-tiny"\n')
    assert diff(load_recipe(path), load_recipe("ratgan-tiny")) == []


def test_overrides_and_recipes_nested_too_deeply() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    for wrong in ({"generator.width": deep}, {"generator" + ".a" * 5000: 1}):
        with pytest.raises(RecipeError, match="nested too deeply, expected 32 levels at most"):
            load_recipe("ratgan", wrong)
    with pytest.raises(RecipeError, match="nested too deeply, expected 32 levels at most"):
        load_recipe(Recipe("mine", generator=Component("ratgan", {"width": deep})))


def test_names_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    run.joinpath("recipe.toml").write_text(recipe_toml(Recipe("trained", training=load_recipe("ratgan-tiny").training)))
    assert load_recipe("run").name == load_recipe("./run").name == load_recipe(run).name == "trained"
    with pytest.raises(UnknownNameError, match="did you mean 'ratgan'"):
        load_recipe("ratgn")
    with pytest.raises(RecipeError, match=r"expected an existing \.toml file"):
        load_recipe("ratgan.toml")
    run.joinpath("samples").mkdir()
    for folder in (".", str(run / "samples"), run / "samples"):
        with pytest.raises(RecipeError, match=r"got .*, a folder without recipe\.toml, expected the name of a recipe"):
            load_recipe(folder)
    tmp_path.joinpath("ratgan").mkdir()
    assert load_recipe("ratgan").name == "ratgan", "a registered name wins over a folder that happens to be there"


def test_a_recipe_object_is_checked_like_a_file() -> None:
    with pytest.raises(RecipeError, match=r"fusion\.name: fusions: got 'cnb'"):
        load_recipe(Recipe("mine", fusion=Component("cnb")))
    assert diff(load_recipe(Recipe("mine"), {"generator.width": 8}), Recipe("mine"))[0] == ("generator.width", 8, None)


def test_options_of_the_data_set_travel_in_the_recipe(tmp_path: Path) -> None:
    recipe = load_recipe("ratgan-tiny", {"data.options.fit": "pad"})
    assert recipe.data.options == {"fit": "pad"}
    tmp_path.joinpath("recipe.toml").write_text(recipe_toml(recipe))
    assert load_recipe(tmp_path) == recipe
    with pytest.raises(RecipeError, match=r"data\.options: got 3, expected a table of options"):
        load_recipe("ratgan-tiny", {"data.options": 3})
