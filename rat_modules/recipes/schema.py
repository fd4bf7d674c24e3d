"""What a recipe can say. A new key is a new field with a default; ranges stand in the annotation."""

from typing import Annotated, Any, Literal

import attrs

from rat_modules.recipes.ranges import above, at_least, at_most, below

Falling = Literal["constant", "linear", "cosine"]  # how learning rates go on to the last step


@attrs.frozen
class Component:
    """One part by its registered name, with the options that its class takes.

    Args:
        name: what the part is registered under.
        options: keyword arguments for its class; `assemble` checks them against its signature.
    """

    name: str
    options: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Controller:
    """The recurrence through which every fusion step knows of the ones before.

    Args:
        cell: name of a registered cell; "none" is the isolated affine of DF-GAN.
        hidden_dim: width of the hidden state.
    """

    cell: str = "lstm"
    hidden_dim: Annotated[int, at_least(1)] = 256


@attrs.frozen
class Training:
    """How the system is trained.

    Args:
        schedule: "alternating" is a hinge step of the discriminator, then a penalty step on the updated discriminator
            (RAT-GAN, SSA-GAN); "joint" is one step on the sum (DF-GAN, GALIP).
        mismatch: pictures and captions of one batch that do not belong together: "shift" pairs the first n - 1 pictures
            with the next one's caption (RAT-GAN), "roll" closes the circle (DF-GAN).
        mismatch_concepts: "any" takes those pairs as they come (published); "other" leaves out pairs that show one
            concept, whose captions may well fit.
        batch_size: pictures per step, over all processes.
        accumulate: compute each batch in so many parts, one after the other, in as much less memory. The numbers stay
            the same, except for layers that look along the batch.
        steps: generator steps.
        lr_generator, lr_discriminator: learning rates of Adam.
        lr_schedule: "constant"; "linear" or "cosine" fall to zero at the last step.
        warmup_steps: the first so many steps, in which the learning rates rise from zero.
        beta1, beta2: Adam's two moments.
        clip_norm: longest gradient of a network; longer ones are shortened to it. 0 never does.
        augment: what is done to real and generated pictures alike before the discriminator sees them, so that few
            pictures last longer (DiffAugment, arXiv 2006.10738); captions that say colour or place contradict it.
        ema_decay: per-step decay of the averaged generator that is saved and sampled; 0 keeps no average.
        precision: "bfloat16" runs both networks under autocast; the penalty, the losses and the optimizers stay in
            float32. Worth it on a GPU with tensor cores.
        penalty_every: apply the gradient penalty at every so-many-th step. In "joint" it then counts so-many-fold, so
            that its pull stays the same on average; in "alternating" its own step keeps the weight that it has.
        sample_every: draw a grid of samples every so many steps.
    """

    schedule: Literal["alternating", "joint"] = "alternating"
    mismatch: Literal["shift", "roll"] = "shift"
    mismatch_concepts: Literal["any", "other"] = "any"
    batch_size: Annotated[int, at_least(2)] = 24
    accumulate: Annotated[int, at_least(1)] = 1
    steps: Annotated[int, at_least(1)] = 100_000
    lr_generator: Annotated[float, above(0)] = 1e-4
    lr_discriminator: Annotated[float, above(0)] = 4e-4
    lr_schedule: Falling = "constant"
    warmup_steps: Annotated[int, at_least(0)] = 0
    beta1: Annotated[float, at_least(0), below(1)] = 0.0
    beta2: Annotated[float, at_least(0), below(1)] = 0.9
    clip_norm: Annotated[float, at_least(0)] = 0.0
    augment: tuple[Literal["color", "translation", "cutout"], ...] = ()
    ema_decay: Annotated[float, at_least(0), below(1)] = 0.999
    precision: Literal["float32", "bfloat16"] = "float32"
    penalty_every: Annotated[int, at_least(1)] = 1
    sample_every: Annotated[int, at_least(1)] = 500


@attrs.frozen
class Data:
    """How pictures are read and become numbers.

    Args:
        value_range: white is +value_range and black -value_range; below 1 a white background stays out of tanh's
            saturated end.
        flip: mirror every other picture left to right while training (not where captions say left or right).
        oversize: while training, read pictures this much larger and show a random window of them. The published code
            reads 304 pixels for 256. (It cuts windows from the whole of an oblong picture, we from its middle square.)
        options: further keywords of the data set, such as fit = "pad" or captions = "first" of a folder.
    """

    value_range: Annotated[float, above(0), at_most(1)] = 1.0
    flip: bool = False
    oversize: Annotated[float, at_least(1), at_most(2)] = 1.0
    options: dict[str, Any] = attrs.field(factory=dict)

    def training_size(self, image_size: int) -> int:
        """Edge at which training reads pictures for a generator of `image_size`."""
        return round(self.oversize * image_size)


@attrs.frozen
class Recipe:
    """A whole system: its parts, how they are trained, how pictures become numbers.

    Example:
        >>> Recipe("mine").generator.name
        'ratgan'
    """

    name: str
    summary: str = ""
    generator: Component = Component("ratgan")
    controller: Controller = Controller()
    fusion: Component = Component("affine")
    discriminator: Component = Component("ratgan")
    attention: Component = Component("soft-threshold-attention")
    loss: Component = Component("magp-hinge")
    text_encoder: Component = Component("wordllama")
    training: Training = Training()
    data: Data = Data()


# which kind of registered component each section names
SECTION_KINDS = {
    "generator": "generators",
    "fusion": "fusions",
    "discriminator": "discriminators",
    "attention": "layers",
    "loss": "losses",
    "text_encoder": "text_encoders",
}
# sections that may be left out of a system by the name "none"
OPTIONAL_SECTIONS = frozenset({"attention", "text_encoder"})
# keywords of a data set that no recipe may give, and why
SUPPLIED_DATA_OPTIONS = {
    "image_size": "it follows generator.image_size",
    "split": "training takes the split train",
    "spec": "--data says which data set",
}
