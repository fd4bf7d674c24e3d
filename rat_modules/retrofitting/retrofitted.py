"""What `retrofit` gives back: the network as it was, and what makes it follow text."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import torch
from torch import Tensor, nn

from rat_modules.errors import RetrofitError
from rat_modules.layers.controller import RecurrentController
from rat_modules.retrofitting.adapter import Adapter
from rat_modules.retrofitting.bases import clashes, is_adapter_hook
from rat_modules.retrofitting.conditioning import USE, Conditioning
from rat_modules.retrofitting.counting import Counting
from rat_modules.retrofitting.probe import caller
from rat_modules.retrofitting.sites import Site
from rat_modules.retrofitting.verification import measure


class Retrofitted(nn.Module):
    """A network that somebody else wrote, with adapters that follow a sentence; made by `rat_modules.retrofit`.

    Attributes:
        base: the network, the very object that was given.
        controller: the recurrence over the sites.
        adapters: one per module that is a site.
        sites: one per step of the recurrence, in its order.
        frozen: are the base's own weights kept as they are? Then `train()` leaves it in evaluation mode, so that its
            running statistics stay too. A weight that the base gets later, as by `remove_weight_norm`, is as it comes.
        once: is a second call of a site within one forward refused?
    """

    def __init__(
        self, base: nn.Module, controller: RecurrentController, sites: list[Site], *, frozen: bool, once: bool = False
    ) -> None:
        super().__init__()
        self.base, self.controller, self.sites, self.frozen, self.once = base, controller, sites, frozen, once
        self.conditioning = Conditioning()
        self._clashes = clashes(base, "sentence", "controller_noise")
        self._attached, self._still = True, {name for name, each in base.named_parameters() if not each.requires_grad}
        by_name: dict[str, list[Site]] = {}
        for site in sites:
            by_name.setdefault(site.name, []).append(site)
        self.adapters = nn.ModuleList(
            Adapter(sorted(calls, key=lambda site: site.call), controller.hidden_dim, self.conditioning, once=once)
            for calls in by_name.values()
        )
        self._counting = Counting(list(self._adapters()), self.conditioning)
        # all of them before anything is changed: one may be missing
        modules = [base.get_submodule(adapter.name) for adapter in self._adapters()]
        if frozen:
            base.requires_grad_(False)
        for module, adapter in zip(modules, self._adapters(), strict=True):
            module.register_forward_hook(adapter.hook)
        self._counting.attach(base)

    @contextmanager
    def condition(self, sentence: Tensor, noise: Tensor | None = None) -> Iterator[Self]:
        """While this is open, the base follows the sentence, however it is called.

        Another thread or asyncio task is refused. Plain generators cannot be told apart: of two that hold a condition
        open between their steps, each needs a `copy.deepcopy` of this. Inside `disabled` it stays the original.

        Args:
            sentence: 'n s', or 'k n s' for another one at every step; in any floating-point type.
            noise: 'n z' to start the recurrence from; None where the controller takes none.

        Raises:
            ShapeError: sentence or noise does not fit the controller.
            RetrofitError: noise where none is taken or the reverse; at the end, a site that was never called.
        """
        takes = self.controller.noise_dim
        if (noise is None) != (takes is None):
            got, expected = ("no noise", f"noise 'n {takes}'") if noise is None else ("noise", "none")
            raise RetrofitError("condition", got=got, expected=expected, hint="noise_dim of retrofit(...) decides")
        sentence = self._as_the_controller("sentence", sentence)
        noise = None if noise is None else self._as_the_controller("noise", noise)
        state = None if noise is None else self.controller.initial_state(noise)
        hidden = self.controller.unroll(sentence, len(self.sites), state)
        controller_learns, adapters_learn = (
            any(parameter.requires_grad for parameter in module.parameters())
            for module in (self.controller, self.adapters)
        )
        with (
            self.conditioning.opened(
                hidden, controller_learns=controller_learns, learns=controller_learns or adapters_learn
            ) as opened,
            self._counting.from_zero(),
        ):
            yield self
            if self.conditioning.open[-1] is opened:  # else what is wrong is the order, which is said next
                self._counting.refuse_missing(opened.called)

    def _as_the_controller(self, what: str, values: Tensor) -> Tensor:
        if not isinstance(values, Tensor) or not values.is_floating_point():
            got = str(values.dtype) if isinstance(values, Tensor) else type(values).__name__
            dims = "'n s'" if what == "sentence" else "'n z'"
            hint = "a text encoder makes one of captions" if what == "sentence" else None
            raise RetrofitError(what, got=got, expected=f"a floating-point tensor {dims}", hint=hint)
        own = next(self.controller.parameters(), values)
        if values.device != own.device:
            raise RetrofitError(
                f"device of the {what}",
                got=values.device,
                expected=f"{own.device}, where the controller is",
                hint="r.to(device) moves both controller and network",
            )
        # text encoders often are in half precision, and adapters that learn are not
        return values.to(own.dtype)

    def disabled(self) -> AbstractContextManager[None]:
        """While this is open, the base is the original, in this thread and asyncio task."""
        return self.conditioning.closed()

    def forward(
        self, *args: Any, sentence: Tensor | None = None, controller_noise: Tensor | None = None, **kwargs: Any
    ) -> Any:
        """Call the base under a condition; all other arguments are the base's own.

        Raises:
            RetrofitError: the base has such a keyword itself, there is no sentence and no open condition, or a sentence
                inside `disabled`.
        """
        if self._clashes:
            raise RetrofitError(f"the network has its own {' and '.join(self._clashes)}", hint=USE)
        if sentence is None:
            if controller_noise is not None:
                raise RetrofitError("controller_noise without a sentence", hint=USE)
            return self.base(*args, **kwargs)
        if self.conditioning.closing() is not None:
            raise RetrofitError(
                "a sentence where the adapters are off", hint="leave `with r.disabled():` first; r.verify runs the base"
            )
        with self.condition(sentence, controller_noise):
            return self.base(*args, **kwargs)

    def verify(self, *args: Any, **kwargs: Any) -> list[Site]:
        """Measure `.effect` of every site on the whole output of the base; returns the sites that hardly have any.

        Args:
            args, kwargs: the base's own arguments, or one function that calls it.

        Raises:
            RetrofitError: the output holds no numbers, or a site is not what it was when probed.
        """
        only = args[0] if len(args) == 1 and not kwargs else None
        run = caller(only) if callable(only) and not isinstance(only, nn.Module) else None
        run = run or (lambda base: base(*args, **kwargs))
        return measure(self.base, self.sites, self.conditioning, self._counting.from_zero, run)

    def train(self, mode: bool = True) -> Self:
        """Training mode for controller and adapters; a frozen base stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.base.eval()
        return self

    def adapter_named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """What there is to learn: 'controller.*' and 'site:<dotted name>#<call>.*'."""
        yield from self.controller.named_parameters("controller")
        for adapter in self._adapters():
            for call, affine in enumerate(adapter.affines):
                yield from affine.named_parameters(f"site:{adapter.name}#{call}")

    def unretrofit(self) -> nn.Module:
        """Take everything off again; returns the base, whose weights learn again but for those that did not before.

        Training or evaluation mode stays as it is, and so do the weights of a base that was not frozen. A second time
        it does nothing.
        """
        if not self._attached:
            return self.base
        self._attached = False
        for adapter in self._adapters():
            hooks = self.base.get_submodule(adapter.name)._forward_hooks
            for key in [key for key, hook in hooks.items() if is_adapter_hook(hook) and hook.__self__ is adapter]:  # type: ignore[attr-defined]
                del hooks[key]
        self._counting.detach(self.base)
        for name, parameter in self.base.named_parameters() if self.frozen else ():
            with torch.inference_mode(parameter.is_inference()):  # where it was made decides where it can be changed
                parameter.requires_grad_(name not in self._still)
        return self.base

    def save_adapter(self, folder: Any) -> None:
        """Write controller and adapters to a folder, for `load_retrofit`; see `retrofitting.files`."""
        from rat_modules.retrofitting.files import save_adapter  # files builds these

        save_adapter(self, folder)

    def _adapters(self) -> Iterator[Adapter]:
        for adapter in self.adapters:
            assert isinstance(adapter, Adapter)
            yield adapter

    def __repr__(self) -> str:
        rows = [("step", "site", "type", "channels", "dim", "calls", "effect")]
        several = Counter(site.name for site in self.sites)
        for site in self.sites:
            name = f"{site.name}#{site.call}" if several[site.name] > 1 else site.name
            known = ("?" if site.calls is None else site.calls, "-" if site.effect is None else f"{site.effect:.2g}")
            rows.append(tuple(map(str, (site.step, name, site.type, site.channels, site.channel_dim, *known))))  # type: ignore[arg-type]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        learned = sum(parameter.numel() for _, parameter in self.adapter_named_parameters())
        head = f"Retrofitted {type(self.base).__name__}: {len(self.sites)} steps, {learned:,} parameters to learn"
        return "\n".join([head, *lines])
