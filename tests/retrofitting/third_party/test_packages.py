"""What is peculiar to one package: a network in parts, checkpoints, tensors with metadata, norms that come off."""

import os
import warnings

import pytest
import torch

from rat_modules import retrofit
from rat_modules.errors import RetrofitError

from ..networks import awaken
from .absent import absent, filter2d
from .generators import GENERATORS, bigvgan, diffusers_vae, diffusion_unet, monai_volumes
from .packages import listed, missing, need

S = torch.randn(2, 5)

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::SyntaxWarning")


@pytest.mark.skipif(os.environ.get("CI") != "true", reason="what is installed here is its owner's affair")
def test_where_it_counts_none_is_missing() -> None:
    assert [name for name in listed() if missing(name)] == []


def test_every_package_is_tried() -> None:
    assert {generator.package for generator in GENERATORS.values()} == set(listed())


def test_an_autoencoder_of_which_only_the_decoder_follows() -> None:
    need("diffusers")
    torch.manual_seed(0)
    vae, z = diffusers_vae(False).eval(), torch.randn(2, 4, 8, 8)
    with pytest.raises(RetrofitError, match=r"never calls with example_inputs: got encoder\..*; exclude them"):
        retrofit(vae, cond_dim=5, example_inputs=lambda vae: vae.decode(z))
    r = retrofit(vae, cond_dim=5, hidden_dim=8, exclude="encoder.*", example_inputs=lambda vae: vae.decode(z))
    awaken(r)
    gradients = []
    for checkpoints in (False, True):  # which the package computes again in the backward pass
        if checkpoints:
            vae.train()
            vae.enable_gradient_checkpointing()
        with r.condition(S):
            picture = vae.decode(z).sample
            picture.square().mean().backward()
        gradients.append([parameter.grad for _, parameter in r.adapter_named_parameters()])
        r.zero_grad()
    assert r.verify(lambda vae: vae.decode(z)) == [] and len(r.sites) == 14
    for plain, computed_again in zip(*gradients, strict=True):
        assert plain.isfinite().all()
        torch.testing.assert_close(plain, computed_again)


def test_a_package_saves_its_network_as_it_was(tmp_path) -> None:
    need("diffusers")
    vae = diffusers_vae(False).eval()
    awaken(retrofit(vae, cond_dim=5, hidden_dim=8))
    vae.save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = type(vae).from_pretrained(tmp_path)
    weights = vae.state_dict()
    assert list(again.state_dict()) == list(weights)
    assert all(torch.equal(value, weights[name]) for name, value in again.state_dict().items())


def test_a_sampler_that_calls_the_network_at_every_step() -> None:
    need("denoising-diffusion-pytorch")
    with absent("torchvision", "accelerate", "scipy", "pytorch_fid", "ema_pytorch"):
        from denoising_diffusion_pytorch import GaussianDiffusion
    diffusion = GaussianDiffusion(diffusion_unet(False), image_size=16, timesteps=4, sampling_timesteps=2).eval()

    def sample(model: torch.nn.Module) -> torch.Tensor:
        torch.manual_seed(0)
        return model.sample(batch_size=2)

    before = sample(diffusion)
    r = retrofit(diffusion, cond_dim=5, hidden_dim=8, example_inputs=sample)
    assert {site.calls for site in r.sites} == {2} and len(r.sites) == 29
    with r.condition(S):
        assert torch.equal(sample(diffusion), before)
        awaken(r)
    with r.condition(S):
        assert not torch.equal(sample(diffusion), before)
    r(torch.rand(2, 3, 16, 16), sentence=S).backward()
    assert all(parameter.grad is not None for _, parameter in r.adapter_named_parameters())


def test_tensors_that_carry_metadata() -> None:
    need("monai")
    from monai.data import MetaTensor

    model, x = monai_volumes(False).eval(), MetaTensor(torch.randn(2, 8), meta={"origin": "a scanner"})
    before = model(x)
    r = retrofit(model, cond_dim=5, hidden_dim=8, example_inputs=x)
    found = r(x, sentence=S)
    assert torch.equal(found, before) and type(found) is type(before) is MetaTensor and found.meta == before.meta
    awaken(r)
    assert r.verify(x) == [] and r(x, sentence=S).meta == before.meta


def test_weight_norms_come_off_for_inference(capsys) -> None:
    need("bigvgan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, x = bigvgan(False).eval(), torch.randn(2, 20, 8)
    r = retrofit(model, cond_dim=5, hidden_dim=8, targets="resblocks.*.convs?.*", example_inputs=x)
    awaken(r)
    before = r(x, sentence=S)
    model.remove_weight_norm()
    assert "Removing weight norm" in capsys.readouterr().out
    torch.testing.assert_close(r(x, sentence=S), before)


def test_the_filter_that_stands_in() -> None:
    image, kernel = torch.arange(12.0).view(1, 1, 3, 4), torch.tensor([[[0.0, 1, 0], [1, 0, 1], [0, 1, 0]]])
    found = filter2d(image.expand(2, 3, 3, 4), kernel, normalized=True)
    # the mean of four neighbours; at a border the neighbour inside counts twice
    expected = torch.tensor([[2.5, 3.0, 4.0, 4.5], [4.5, 5.0, 6.0, 6.5], [6.5, 7.0, 8.0, 8.5]])
    assert torch.equal(found, expected.expand(2, 3, 3, 4))
