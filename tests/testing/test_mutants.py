"""Every check is proven: components that are broken in one way each, and the words with which they are caught."""
# ruff: noqa: E501  # a table is read by its rows

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rat_modules.testing import (
    ConformanceError,
    check_attention,
    check_cell,
    check_dataset,
    check_discriminator,
    check_fusion,
    check_generator,
    check_layer,
    check_loss,
    check_op,
    check_plugin,
    check_text_encoder,
)
from rat_modules.testing.attention import check_map
from rat_modules.testing.cell import CELL_PROPERTIES
from rat_modules.testing.dataset import DATASET_PROPERTIES
from rat_modules.testing.discriminator import DISCRIMINATOR_PROPERTIES
from rat_modules.testing.fusion import FUSION_PROPERTIES
from rat_modules.testing.generator import GENERATOR_PROPERTIES
from rat_modules.testing.layer import DERIVATIVES
from rat_modules.testing.loss import LOSS_PROPERTIES
from rat_modules.testing.module_properties import MODULE_PROPERTIES
from rat_modules.testing.op import OP_PROPERTIES
from rat_modules.testing.plugin import PLUGIN_PROPERTIES
from rat_modules.testing.recipe import RECIPE_PROPERTIES
from rat_modules.testing.text_encoder import TEXT_ENCODER_PROPERTIES

from . import broken_modules as modules
from . import broken_networks as networks
from . import broken_ops as ops
from . import broken_plugins as plugins

WORDS = ("n c h w",)
Check = Callable[[Any], Any]


def op(**how: Any) -> Check:
    return lambda broken: check_op(broken, (torch.randn(2, 3, 4, 4),), **how)


def gated(broken: Any) -> Any:
    return check_op(broken, (torch.randn(2, 3), torch.randn(2, 3)), reference=torch.mul)


def layer(broken: Callable[[], nn.Module]) -> Any:
    return check_layer(broken(), (torch.randn(3, 4),))


def ordered(broken: Callable[[], nn.Module]) -> Any:
    # nothing is noticed in this order, nor alone
    return check_layer(broken(), (torch.tensor([[2.0], [1.0], [3.0]]) * torch.ones(4),))


def made(check: Callable[..., Any], **how: Any) -> Check:
    return lambda broken: check(broken(), **how)


attention = made(check_attention, feature_dim=6, cond_dim=5)
sine = op(reference=torch.sin, shapes=WORDS)
generator, discriminator = made(check_generator, compiled=False), made(check_discriminator)
text, loss, dataset = made(check_text_encoder), made(check_loss), made(check_dataset, image_size=16)
Pooling = modules.Pooling
small = partial(modules.Shapes, image_size=16)


def hooks(kind: str, name: str, target: object, summary: str = "of the tests") -> plugins.Hooks:
    return plugins.Hooks((kind, name, target, summary))


def single(broken: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return ops.only(torch.float32, broken)


def with_(change: Callable[[Tensor], Any]) -> Callable[[], nn.Module]:
    return lambda: modules.With(change)


MUTANTS: list[tuple[str, Any, Check, str, str]] = [
    # name, component, check, property, expected words
    ("in place", ops.in_place, sine, "inputs are left as they were", "input 1 is changed in place"),
    ("tail unwritten", ops.written_in_part, op(shapes=WORDS), "every number is written", "1 of 1 numbers of the result are left unwritten"),
    ("gradient unwritten", ops.gradient_in_part, op(shapes=WORDS), "every number is written", "numbers of the gradients are left unwritten"),
    ("another function", ops.off, sine, "equal to the reference", "not that of the reference: relative difference 0.001"),
    ("gradient doubled, with a reference", ops.doubled, sine, "equal to the reference", "in its gradients: relative difference 1"),
    ("other in inference", ops.other_in_inference, op(), "same without gradients", "without gradients the result is another one"),
    ("float32 for bfloat16", ops.always_single, sine, "dtypes", "for torch.bfloat16 inputs the result is torch.float32"),
    ("coarse in float32", ops.rough, sine, "dtypes", "in torch.float32 the result is another one"),
    ("wrong channels-last", ops.blind_to_strides, sine, "layouts", "for inputs that are channels-last in memory the result"),
    ("wrong backward channels-last", ops.blind_backward, sine, "layouts", "for inputs that are channels-last in memory the gradients"),
    ("wrong for odd widths", ops.even_widths, sine, "odd sizes", "the result is not that of the reference"),
    ("gradient doubled, odd sizes", ops.doubled, op(shapes=WORDS), "odd sizes", "'w': 1} the first derivative is not"),
    ("no empty batch", ops.never_empty, sine, "empty batch", "cannot reshape tensor of 0 elements"),
    ("a row for none", ops.full_of_nothing, op(shapes=WORDS), "empty batch", "an empty batch gives results of shape [(1, 3, 3, 3)]"),
    ("gradient doubled", ops.doubled, op(), "first derivative", "the first derivative is not that of finite differences"),
    ("opaque backward", ops.opaque, sine, "weight gradients of a penalty", "through the op are not those through the reference"),
    ("opaque, no reference", ops.opaque, op(), "weight gradients of a penalty", "the gradient penalty's gradient of the first layer's weight 1"),
    ("once differentiable", ops.once, sine, "weight gradients of a penalty", "those through the reference: relative difference 1"),
    ("opaque for leaves", ops.of_leaves, sine, "second derivative", "the second derivative is not that of finite differences"),
    ("cache by shape", ops.Caching(), sine, "same without gradients", "without gradients the result is another one"),
    ("memory from its beginning", ops.from_the_start, sine, "layouts", "for inputs that are a slice with gaps in memory the result"),
    ("frozen x takes gamma with it", ops.Frozen.apply, gated, "each input alone", "input 2 has another gradient where it alone requires one"),
    # ops that are wrong in one dtype, in which no derivative is measured
    ("float32: gradient doubled", single(ops.doubled), sine, "dtypes", "in torch.float32 the gradients are others, for inputs of (2, 3, 4, 4): relative difference 1"),
    ("bfloat16: gradient doubled", ops.only(torch.bfloat16, ops.doubled), sine, "dtypes", "in torch.bfloat16 the gradients are others"),
    ("float32: odd widths", single(ops.even_widths), sine, "dtypes", "in torch.float32 the result is another one, for inputs of (1, 1, 1, 1)"),
    ("float32: channels-last", single(ops.blind_to_strides), sine, "dtypes", "for inputs of (2, 3, 4, 4) that are channels-last in memory"),
    ("float32: backward channels-last", single(ops.blind_backward), sine, "dtypes", "in torch.float32 the gradients are others"),
    ("float32: tail unwritten", single(ops.written_in_part), op(shapes=WORDS), "every number is written", "numbers of the result are left unwritten"),
    ("float32: other in inference", single(ops.other_in_inference), sine, "same without gradients", "without gradients the result is another one"),
    ("float32: no empty batch", single(ops.never_empty), sine, "empty batch", "cannot reshape tensor of 0 elements"),
    ("float32: opaque backward", single(ops.opaque), sine, "weight gradients of a penalty", "through the op in torch.float32 are not those in torch.float64"),
    # layers
    ("no module", lambda: torch.tanh, layer, "module", "a layer: got builtin_function_or_method, expected a torch.nn.Module"),
    ("copy shares", lambda: modules.SharingCopy(torch.tanh), layer, "a deep copy is its own", "shares the tensor 'linear.weight'"),
    ("copy follows", modules.FollowingCopy, layer, "a deep copy is its own", "follows the weights of the original"),
    ("copy forgets", lambda: modules.ForgetfulCopy(torch.tanh), layer, "a deep copy is its own", "a deep copy has another 'linear.weight'"),
    ("always training", lambda: modules.AlwaysTraining(torch.tanh), layer, "training and evaluation mode", "train(False) leaves 'itself' in the other mode"),
    ("NaN in training", lambda: modules.NoNumbersInTraining(torch.tanh), layer, "training and evaluation mode", "results after train(True) are not finite"),
    ("input in place", lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(4, 3)), layer, "inputs are left as they were", "input 1 is changed in place"),
    ("stateful controller", modules.StatefulController, layer, "no memory between calls", "the same inputs give other results the next time"),
    ("first input for ever", modules.FirstOne, layer, "no memory between calls", "depends on the inputs of the call before"),
    ("counts in evaluation", modules.Counting, layer, "no memory between calls", "a call in evaluation mode changes 'calls'"),
    ("LSTM along the batch", modules.AlongTheBatch, layer, "no company in the batch", "the second row depends on its company in the batch"),
    ("softmax over the batch", with_(lambda x: x.softmax(0)), layer, "no company in the batch", "the first row depends on its company"),
    ("batch statistics", lambda: nn.BatchNorm1d(4, track_running_stats=False), layer, "no company in the batch", "company in the batch: it raised ValueError"),
    ("mean of the batch", with_(lambda x: x.mean()), layer, "no company in the batch", "dimension 0 is not the batch"),
    ("another order", modules.Placed, ordered, "no company in the batch", "a row depends on its place in the batch"),
    ("squeezed", with_(lambda x: x.squeeze(0)), layer, "no company in the batch", "the result has shapes [(3,)], expected [(1, 3)]"),
    ("other without gradients", with_(ops.other_in_inference), layer, "same without gradients", "without gradients the results are others"),
    ("aliased weights", modules.Aliased, layer, "weights survive a file", "two names in the state dict, 'into.weight' and 'back.weight'"),
    ("loads nothing", modules.Unloaded, layer, "weights survive a file", "weights from a file give other results"),
    ("idle weight", modules.Detached, layer, "every weight learns", "no gradient reaches 'scale'"),
    ("nothing learns", with_(torch.detach), layer, "every weight learns", "no gradient reaches 'linear.bias', 'linear.weight'"),
    ("infinite slope", modules.InfiniteSlope, layer, "every weight learns", "the gradient of 'linear.weight' is not finite"),
    ("float32 layer", with_(lambda x: x.float() if x.dtype == torch.bfloat16 else x), layer, "dtypes", "in torch.bfloat16 give torch.float32"),
    ("rough layer", with_(ops.rough), layer, "dtypes", "in torch.float32 the results are off by"),
    ("wrong slope", with_(ops.doubled), layer, "first derivative", "the first derivative is not that of finite differences"),
    ("opaque layer", with_(ops.opaque), layer, "second derivative", "the second derivative is not that of finite differences"),
    ("detached in training", lambda: modules.DetachedInTraining(torch.tanh), layer, "every weight learns", "no gradient reaches 'linear.bias', 'linear.weight' in training mode"),
    ("input in place in training", lambda: modules.InPlaceInTraining(torch.tanh), layer, "inputs are left as they were", "input 1 is changed in place in training mode"),
    ("keeps its output", lambda: modules.KeepsItsOutput(torch.tanh), layer, "a deep copy after a call", "no deep copy can be made, as it keeps what it computed"),
    ("the older spectral norm", lambda: nn.utils.spectral_norm(nn.Linear(4, 3)), layer, "a deep copy after a call", "no deep copy can be made, as it keeps what it computed"),
    ("weight norm", lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), layer, "second derivative", "the second derivative is not that of finite differences"),
    ("drawn and not saved", lambda: modules.DrawnAttribute(torch.tanh), layer, "nothing is left out of a file", "'scale' is drawn at random where the module is built"),
    ("a buffer not saved", lambda: modules.DrawnBuffer(torch.tanh), layer, "nothing is left out of a file", "'scale' is drawn at random where the module is built"),
    ("deep inside, not saved", lambda: nn.Sequential(nn.Linear(4, 4), modules.DrawnBuffer(torch.tanh)), layer, "nothing is left out of a file", "'1.scale' is drawn at random"),
    ("an order not saved", lambda: modules.DrawnOrder(torch.tanh), layer, "nothing is left out of a file", "'order' is drawn at random"),
    ("seeds torch", lambda: modules.Seeding(torch.tanh), layer, "random numbers go on", "a call seeds torch"),
    # attention
    ("over the batch", lambda: modules.Attention(lambda s: s.softmax(0)), attention, "attention", "the attention of a picture sums to"),
    ("over channels", lambda: modules.Attention(lambda s: s.softmax(1)), attention, "attention", "the attention of a picture sums to 16, expected one"),
    ("negative", lambda: modules.Attention(lambda s: s / s.sum((2, 3), keepdim=True)), attention, "attention", "the attention is negative somewhere"),
    ("two maps", lambda: modules.Attention(lambda s: torch.cat([s, s], 1)), attention, "attention", "the attention is (3, 2, 4, 4), expected 'n 1 h w'"),
    ("no pair", lambda: modules.MapAlone(6, 5), attention, "attention", "it gives Tensor, expected a pair"),
    ("narrow weighing", lambda: modules.NarrowWeighing(6, 5), attention, "attention", "the weighted condition is (3, 2, 4, 4)"),
    # fusions and cells
    ("other steps", modules.MoreSteps, check_fusion, "steps", "built with steps=2 its .steps is 7"),
    ("halved features", modules.Pooling, check_fusion, "features keep their shape", "become (3, 4, 2, 2), expected the same shape"),
    ("last state only", modules.LastOnly, check_fusion, "hidden states matter", "the hidden state of step 1 of 2 changes nothing"),
    ("fusion not saved", modules.DrawnFusion, check_fusion, "nothing is left out of a file", "'offset' is drawn at random"),
    ("no state size", modules.NoStateSize, check_cell, "state size", ".state_size is 0, expected a whole number"),
    ("no state", modules.HiddenAlone, check_cell, "hidden and state", "advance gives Tensor, expected a pair"),
    ("state lost", modules.ForgetsToHandOn, check_cell, "hidden and state", "hidden and state have the shapes [(3, 4)]"),
    ("never looks back", modules.NeverLooksBack, check_cell, "hidden and state", "another state gives the same hidden state"),
    ("step by step", modules.StepByStep, check_cell, "all steps projected at once", "project of all steps, 'k n s', is not that of each"),
    # losses
    ("a term missing", modules.WithoutMismatched, loss, "discriminator", "the discriminator's terms have no .mismatched"),
    ("pulls the wrong way", modules.WrongWay, loss, "discriminator", "pulls logits of real pairs with slope 0.5"),
    ("generator downwards", modules.WrongWayUp, loss, "generator", "pulls its logits with slope 1, expected a negative one"),
    ("a loss per picture", modules.LossPerPicture, loss, "generator", "the generator's loss is (4,), expected a finite scalar"),
    ("penalty detached", modules.DetachedPenalty, loss, "penalty", "reaches no weight"),
    ("penalty cut in half", modules.HalvedPenalty, loss, "penalty", "finite differences give"),
    ("negative penalty", modules.NegativePenalty, loss, "penalty", "expected zero or more"),
    ("root at zero", modules.RootAtZero, loss, "penalty of a flat network", "a network whose slope is zero is not finite"),
    ("sixth power in half precision", modules.SixthPowerInHalf, loss, "half precision", "of slopes in float16, ten each, the penalty is inf, expected 4.32e+08"),
    ("coarse in half precision", modules.CoarseInHalf, loss, "half precision", "of bfloat16 logits the loss is -0.5"),
    # data sets
    ("another size", small, made(check_dataset, image_size=32), "attributes", ".image_size is 16, asked for 32"),
    ("empty", partial(modules.Nothing, image_size=16), dataset, "attributes", "it holds no picture"),
    ("unnamed losses", partial(modules.LostFiles, image_size=16), dataset, "attributes", "something else than pairs (file, reason)"),
    ("no name", partial(modules.NoName, image_size=16), dataset, "attributes", ".name is ''"),
    ("floats", partial(modules.FloatPictures, image_size=16), dataset, "pictures", "picture 0 is (3, 16, 16) of torch.float32"),
    ("one string", partial(modules.OneString, image_size=16), dataset, "captions", "expected texts, at least one"),
    ("numbers", partial(modules.NumberedConcepts, image_size=16), dataset, "concepts", "concept of picture 0 is 0, expected text"),
    ("restless", partial(modules.Restless, image_size=16), dataset, "same every time", "is another one the next time"),
    # generators
    ("no image_size", networks.Sizeless, generator, "attributes", ".image_size is None, expected a whole number"),
    ("not squashed", networks.Unsquashed, generator, "pictures", "expected numbers in [-1, 1]"),
    ("grey", networks.Grey, generator, "pictures", "it gives (3, 1, 8, 8), expected pictures 'n 3 h w' of (3, 3, 8, 8)"),
    ("deaf to text", networks.Deaf, generator, "noise and sentence matter", "another sentence gives the same picture"),
    ("no noise", networks.Unmoved, generator, "noise and sentence matter", "another noise gives the same picture"),
    ("caches the last noise", networks.CachingNoise, generator, "no memory between calls", "results the next time"),
    ("batch norm in training", networks.BatchStatistics, generator, "no company in the batch", "the first picture depends on its company in the batch"),
    ("contrary inputs", networks.ContraryInputs, generator, "first derivative", "the result's gradient of the noise is"),
    ("contrary sentence", networks.ContrarySentence, generator, "first derivative", "the result's gradient of the sentence is"),
    ("contrary weights", networks.ContraryWeights, generator, "first derivative", "the result's gradient of 'draw.weight' is"),
    ("first sentence only", networks.FirstSentence, generator, "a sentence per step", "the sentence of step 2 of 2 changes no picture"),
    ("one sentence only", networks.OneSentence, generator, "a sentence per step", "it raised RuntimeError"),
    ("louder per step", networks.Adding, generator, "a sentence per step", "all alike, gives another picture than 'n s'"),
    ("two graphs", networks.Branching, made(check_generator), "compiled in one graph", "it raised"),
    ("another one compiled", networks.OtherCompiled, made(check_generator), "compiled in one graph", "compiled it draws another picture"),
    # discriminators
    ("nothing of its kind", nn.Identity, discriminator, "attributes", "it has no attribute .cond_dim, expected a whole number"),
    ("no width", networks.SmallWord, discriminator, "attributes", ".cond_dim is 3.0, expected a whole number"),
    ("bare logits", networks.NoAnswer, discriminator, "a deep copy is its own", "its answer, a Tensor, has no .logits"),
    ("logits 'n 1'", networks.Columns, discriminator, "logits", "logits have the shape (3, 1), expected 'n', (3,)"),
    ("attention over the batch", networks.OverTheBatch, discriminator, "attention", "the attention of a picture sums to"),
    ("attention over channels", networks.OverChannels, discriminator, "attention", "the attention of a picture sums to 16"),
    ("infinite logits", networks.Absolute, discriminator, "logits", "logits are not finite"),
    ("remembers features", networks.RemembersFeatures, discriminator, "features and head are the whole", "features judged with another sentence"),
    ("two ways", networks.TwoWays, discriminator, "features and head are the whole", "is not what forward gives"),
    ("head ignores the sentence", networks.Illiterate, discriminator, "picture and sentence matter", "another sentence gets the same logit"),
    ("contrary pictures", networks.Contrary, discriminator, "first derivative", "the result's gradient of the picture is"),
    ("opaque activation", networks.Opaque, discriminator, "weight gradients of the penalty", "the gradient penalty's gradient of"),
    ("slope of unknown origin", networks.HalfReached, discriminator, "weight gradients of the penalty", "the gradient penalty"),
    # text encoders
    ("on another device", networks.Elsewhere, text, "device", "sentences are on meta, expected cpu"),
    ("twice as wide", networks.Wide, text, "sentences", "4 captions give (4, 12) of torch.float32"),
    ("dropout on", networks.Forgetful, text, "deterministic", "other sentences the next time, in evaluation mode"),
    ("reads the padding", networks.Padding, text, "no company", "the sentence of the first caption, 'a red circle', depends on its company"),
    ("takes them for sorted", networks.Sorting, text, "no company", "a caption's sentence depends on its place among others"),
    ("all the same", networks.Monotone, text, "captions matter", "give one and the same sentence"),
    ("empty caption breaks it", networks.Speechless, text, "strange captions", "an empty caption raises IndexError"),
    ("empty caption is NaN", networks.Undefined, text, "strange captions", "an empty caption gives (2, 6), finite: False"),
    ("holds on to graphs", networks.Trainable, text, "no gradient", "sentences require a gradient"),
    ("silent in inference", networks.SilentInInference, text, "no gradient", "under torch.no_grad() the sentences are others: relative difference 1"),
    ("sorts the caller's list", networks.SortsTheList, text, "captions are left as they were", "the caller's list of captions is changed"),
    ("seeds torch too", networks.SeedingWords, text, "random numbers go on", "a call seeds torch"),
    ("tied words", networks.Tied, text, "weights survive a file", "two names in the state dict"),
    ("follows in its copy", networks.FollowingWords, text, "a deep copy is its own", "follows the weights of the original"),
    # recipes
    ("unknown option", "fusion.widht = 3", plugins.recipe, "options", "unknown key fusion.widht"),
    ("a part that raises", 'fusion.name = "unbuilt"', plugins.recipe, "builds", "ZeroDivisionError no such width"),
    ("too bright", 'generator.name = "wild"', plugins.recipe, "pictures", "expected (3, 3, 16, 16) up to 1"),
    ("NaN", 'loss.name = "nan"', plugins.recipe, "one training step", "after one training step the loss generator is nan"),
    ("idle", 'loss.name = "idle"', plugins.recipe, "one training step", "changes no weight of the discriminator"),
    # plugins
    ("taken name", hooks("fusions", "affine", Pooling), check_plugin, "it loads", "fusions 'affine' is registered twice: got one from plugin 'builtins'"),
    ("misspelt hook", plugins.Misspelt(), check_plugin, "it loads", "unknown hook: got register_fusion"),
    ("no such module", hooks("cells", "mine", "nobody_has_it:Cell"), check_plugin, "every target resolves", "No module named 'nobody_has_it'"),
    ("no such class", hooks("cells", "mine", "collections:Cell"), check_plugin, "every target resolves", "has no attribute 'Cell'"),
    ("no such file", hooks("recipes", "mine", "rat_modules.recipes:nothing.toml"), check_plugin, "every target resolves", "recipe 'mine' is no file"),
    ("no class", hooks("losses", "mine", 3), check_plugin, "every target resolves", "losses 'mine' is 3, expected a class or a function"),
    ("no family", hooks("families", "mine", modules.GRUCell), check_plugin, "every target resolves", "expected a rat_modules.checkpoints.family.Family"),
    ("no summary", hooks("cells", "mine", modules.GRUCell, ""), check_plugin, "every component has a summary", "cells 'mine' has no summary"),
    ("a broken part", hooks("fusions", "mine", Pooling), check_plugin, "features keep their shape", "plugin 'Hooks': fusions 'mine': Pooling: features"),
    ("a part that is not built", hooks("fusions", "mine", plugins.Unbuilt), check_plugin, "every component is built", "fusions 'mine' cannot be built: ZeroDivisionError: no such width"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "check", "property_", "words"), [case[1:] for case in MUTANTS], ids=[case[0] for case in MUTANTS]
)
def test_it_is_caught(broken: Any, check: Check, property_: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConformanceError) as caught:
        check(broken, tmp_path) if check is plugins.recipe else check(broken)
    assert words in str(caught.value)
    assert caught.value.property == property_


def test_no_property_goes_unproven() -> None:
    proven = {property_ for _, _, _, property_, _ in MUTANTS}
    tables = (
        OP_PROPERTIES,
        MODULE_PROPERTIES,
        DERIVATIVES,
        GENERATOR_PROPERTIES,
        DISCRIMINATOR_PROPERTIES,
        FUSION_PROPERTIES,
        CELL_PROPERTIES,
    )
    tables += (
        LOSS_PROPERTIES,
        DATASET_PROPERTIES,
        TEXT_ENCODER_PROPERTIES,
        PLUGIN_PROPERTIES,
        {"attention": check_map},
    )
    named = {name for table in (*tables, RECIPE_PROPERTIES) for name in table}
    # what a recipe says of its text encoder is never checked, and always named
    assert named - proven == {"text encoder"}
    names = [case[0] for case in MUTANTS]
    assert len(set(names)) == len(names) >= 20
