"""What `retrofit` gives back: the network as it was, and what makes it follow text."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

from torch import Tensor, nn

from rat_modules.errors import RetrofitError
from rat_modules.layers.controller import RecurrentController
from rat_modules.retrofitting.adapter import Adapter
from rat_modules.retrofitting.bases import clashes, is_adapter_hook
from rat_modules.retrofitting.conditioning import USE, Conditioning
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
            running statistics stay too.
    """

    def __init__(self, base: nn.Module, controller: RecurrentController, sites: list[Site], *, frozen: bool) -> None:
        super().__init__()
        self.base, self.controller, self.sites, self.frozen = base, controller, sites, frozen
        self.conditioning = Conditioning()
        self._clashes = clashes(base, "sentence", "controller_noise")
        self._learned = [name for name, parameter in base.named_parameters() if parameter.requires_grad]
        by_name: dict[str, list[Site]] = {}
        for site in sites:
            by_name.setdefault(site.name, []).append(site)
        self.adapters = nn.ModuleList(
            Adapter(sorted(calls, key=lambda site: site.call), controller.hidden_dim, self.conditioning)
            for calls in by_name.values()
        )
        if frozen:
            base.requires_grad_(False)
        for adapter in self._adapters():
            base.get_submodule(adapter.name).register_forward_hook(adapter.hook)

    @contextmanager
    def condition(self, sentence: Tensor, noise: Tensor | None = None) -> Iterator[Self]:
        """While this is open, the base follows the sentence, however it is called.

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
        sentence, noise = self._as_the_controller(sentence), None if noise is None else self._as_the_controller(noise)
        state = None if noise is None else self.controller.initial_state(noise)
        with (
            self.conditioning.opened(self.controller.unroll(sentence, len(self.sites), state)),
            self._calls_from_zero(),
        ):
            yield self
            self._check_called()

    def _as_the_controller(self, values: Tensor) -> Tensor:
        # text encoders often are in half precision, and adapters that learn are not
        own = next((parameter.dtype for parameter in self.controller.parameters()), values.dtype)
        return values.to(own) if values.is_floating_point() else values

    def _check_called(self) -> None:
        missing = [adapter.name for adapter in self._adapters() if adapter.name not in self.conditioning.called]
        if missing:
            raise RetrofitError(
                "sites that the condition never reached",
                got=", ".join(missing),
                hint="was another copy of the network run, or one compiled before? exclude what is not used",
            )

    def disabled(self) -> AbstractContextManager[None]:
        """While this is open, the base is the original."""
        return self.conditioning.closed()

    def forward(
        self, *args: Any, sentence: Tensor | None = None, controller_noise: Tensor | None = None, **kwargs: Any
    ) -> Any:
        """Call the base under a condition; all other arguments are the base's own.

        Raises:
            RetrofitError: the base has such a keyword itself, or there is no sentence and no open condition.
        """
        if self._clashes:
            raise RetrofitError(f"the network has its own {' and '.join(self._clashes)}", hint=USE)
        if sentence is None:
            if controller_noise is not None:
                raise RetrofitError("controller_noise without a sentence", hint=USE)
            return self.base(*args, **kwargs)
        with self.condition(sentence, controller_noise):
            return self.base(*args, **kwargs)

    def verify(self, *args: Any, **kwargs: Any) -> list[Site]:
        """Measure `.effect` of every site on the whole output of the base; returns the sites that hardly have any.

        Args:
            args, kwargs: the base's own arguments, or one function that calls it.

        Raises:
            RetrofitError: the output holds no numbers.
        """
        only = args[0] if len(args) == 1 and not kwargs else None
        run = caller(only) if callable(only) and not isinstance(only, nn.Module) else None
        with self._calls_from_zero():
            return measure(self.base, self.sites, self.conditioning, run or (lambda base: base(*args, **kwargs)))

    @contextmanager
    def _calls_from_zero(self) -> Iterator[None]:
        calls = [adapter.call for adapter in self._adapters()]
        for adapter in self._adapters():
            adapter.call = 0
        try:
            yield
        finally:
            for adapter, call in zip(self._adapters(), calls, strict=True):
                adapter.call = call

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
        """Take everything off again; returns the base, whose weights learn again where they did before.

        Training or evaluation mode stays as it is.
        """
        for adapter in self._adapters():
            hooks = self.base.get_submodule(adapter.name)._forward_hooks
            for key in [key for key, hook in hooks.items() if is_adapter_hook(hook) and hook.__self__ is adapter]:  # type: ignore[attr-defined]
                del hooks[key]
        for name, parameter in self.base.named_parameters():
            parameter.requires_grad_(name in self._learned)
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
