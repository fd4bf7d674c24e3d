"""Many captions, walks and mixtures: what is at their ends and between them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from rat_modules.assembly import Assembly, draw_noise, load
from rat_modules.errors import RatError
from rat_modules.sampling.draw import draw_captions, interpolate_captions, interpolate_noise, mix_captions, slerp
from rat_modules.sampling.pixels import to_pixels

from ..plates import small_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    return load(small_model(tmp_path_factory.mktemp("model") / "small"))


def near(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Numbers, or bytes of pictures, which rounding may move by one."""
    return torch.allclose(one.float(), other.float(), atol=1e-5 if one.is_floating_point() else 1.0)


def drawn_by(model: Assembly, captions: list[str], **chosen: object) -> torch.Tensor:
    return to_pixels(model.sample(captions, **chosen), model.recipe.data.value_range)


def test_captions_in_their_order_as_the_assembly_draws_them(model: Assembly) -> None:
    drawn = draw_captions(model, ["a plate", "a spoon"], count=2, seed=4)
    assert drawn.captions == ["a plate", "a plate", "a spoon", "a spoon"]
    assert near(drawn.pixels, drawn_by(model, drawn.captions, seed=4))
    assert not near(drawn.pixels[0], drawn.pixels[1]), "each with its own noise"


def test_more_than_fit_at_once(model: Assembly) -> None:
    captions = [f"plate {number}" for number in range(70)]
    assert near(draw_captions(model, captions, seed=1).pixels, drawn_by(model, captions, seed=1))


def test_a_walk_through_noise(model: Assembly) -> None:
    images = interpolate_noise(model, "a plate", frames=5, seed=2).pixels
    ends = draw_noise(2, model.generator.noise_dim, 2)
    assert near(images[[0, -1]], drawn_by(model, ["a plate"] * 2, noise=ends))
    images = images.float()
    steps = (images[1:] - images[:-1]).flatten(1).norm(dim=1)
    assert steps.max() < (images[-1] - images[0]).norm() < steps.sum() + 1e-5


def test_a_walk_between_captions(model: Assembly) -> None:
    drawn = interpolate_captions(model, "a plate", "a spoon", frames=3, seed=2)
    noise = draw_noise(1, model.generator.noise_dim, 2)
    for frame, caption in ((0, "a plate"), (2, "a spoon")):
        assert near(drawn.pixels[frame : frame + 1], drawn_by(model, [caption], noise=noise))
    middle = model.text_encoder.encode(["a plate", "a spoon"]).mean(0, keepdim=True)
    with torch.no_grad():
        assert near(drawn.pixels[1:2], to_pixels(model.generator(noise, middle), model.recipe.data.value_range))
    assert drawn.captions == ["a plate", "50 % / 50 %", "a spoon"]


def test_a_mixture_by_depth(model: Assembly) -> None:
    steps = model.generator.steps
    images = mix_captions(model, "a plate", "a spoon", at=[0, 3, steps], seed=2).pixels
    noise = draw_noise(1, model.generator.noise_dim, 2)
    plate, spoon = model.text_encoder.encode(["a plate", "a spoon"])
    assert near(images[:1], drawn_by(model, ["a spoon"], noise=noise)), "B is heard from step 0 on"
    assert near(images[2:], drawn_by(model, ["a plate"], noise=noise)), "B is never heard"
    heard = torch.stack([plate if step < 3 else spoon for step in range(steps)])[:, None]
    with torch.no_grad():
        assert near(images[1:2], to_pixels(model.generator(noise, heard), model.recipe.data.value_range))
    assert not near(images[0], images[1]) and not near(images[1], images[2])


def test_a_mixture_shows_ten_depths_unless_told_otherwise(model: Assembly) -> None:
    drawn = mix_captions(model, "a plate", "a spoon", seed=2)
    assert len(drawn.pixels) == 10
    assert "step 0 on" in drawn.captions[0] and f"step {model.generator.steps} on" in drawn.captions[-1]


@pytest.mark.parametrize("at", [-1, 13])
def test_a_step_that_the_generator_does_not_have(model: Assembly, at: int) -> None:
    assert model.generator.steps == 12
    with pytest.raises(RatError, match=f"--at: got {at}, expected a step from 0 to 12"):
        mix_captions(model, "a", "b", at=[5, at])


def test_one_frame_is_no_walk(model: Assembly) -> None:
    with pytest.raises(RatError, match="2 or more"):
        interpolate_noise(model, "a plate", frames=1)


def test_slerp_keeps_to_the_sphere_and_survives_one_direction() -> None:
    start, end = torch.nn.functional.normalize(torch.randn(2, 9), dim=1)
    arc = slerp(start, end, torch.linspace(0, 1, 7))
    assert torch.allclose(arc.norm(dim=1), torch.ones(7)) and near(arc[0], start) and near(arc[-1], end)
    assert torch.allclose(slerp(start, 2 * start, torch.tensor([0.5])), 1.5 * start)


def test_the_noise_may_be_weaker_or_none_at_all(model: Assembly) -> None:
    noise = draw_noise(2, model.generator.noise_dim, 3)
    half = draw_captions(model, ["a plate"], count=2, seed=3, strength=0.5).pixels
    assert (half == drawn_by(model, ["a plate"] * 2, noise=noise / 2)).all()
    none = draw_captions(model, ["a plate"], count=2, seed=3, strength=0).pixels
    assert (none[0] == none[1]).all()
    assert (interpolate_noise(model, "a plate", frames=2, seed=3, strength=0.5).pixels == half).all()
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(RatError, match="strength of the noise"):
            draw_captions(model, ["a plate"], strength=wrong)


def test_drawing_leaves_mode_and_gradients_alone(model: Assembly) -> None:
    model.generator.train()
    assert draw_captions(model, ["a plate"], seed=0).pixels.dtype == torch.uint8
    assert not any(weight.grad is not None for weight in model.generator.parameters())
    assert model.generator.training


@pytest.fixture(autouse=True)
def quiet_chance() -> Iterator[None]:
    torch.manual_seed(0)
    yield


def test_a_picture_does_not_depend_on_its_company(tmp_path: Path) -> None:
    normed = load(small_model(tmp_path / "normed", **{"controller.cell": "none", "fusion.name": "cbn"}))
    normed.generator.train()
    one, other = (draw_captions(normed, ["a plate", other], seed=1).pixels for other in ("a spoon", "a wild cherry"))
    assert near(one[0], other[0]) and not near(one[1], other[1])


def test_a_model_without_text_encoder_says_so(model: Assembly, tmp_path: Path) -> None:
    import attrs

    with pytest.raises(RatError, match="no text_encoder"):
        draw_captions(attrs.evolve(model, text_encoder=None), ["a plate"])
