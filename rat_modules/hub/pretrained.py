"""A system with the methods that models on the Hub have; its folder is the one that `train` writes and `load` takes."""

from pathlib import Path
from typing import Any, Self

import attrs
from huggingface_hub import ModelCard, ModelHubMixin, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from rat_modules.assembly import Assembly, load
from rat_modules.errors import CheckpointError
from rat_modules.hub.card import card, write_grid

FILES = ("recipe.toml", "*.safetensors")


class PretrainedAssembly(Assembly, ModelHubMixin, library_name="rat_modules", pipeline_tag="text-to-image"):
    """An `Assembly` that is saved, loaded and shared as models on the Hub are.

    `from_pretrained` takes a folder or a name on the Hub, with `revision`, `token`, `cache_dir`, `force_download` and
    `local_files_only` (or the variable HF_HUB_OFFLINE) for work without a network. `save_pretrained` writes the folder
    of `Assembly.save` and a model card; what the card says is given by `model_card_kwargs`, see `card`. `push_to_hub`
    does the same into a repository.

    Example:
        >>> import tempfile
        >>> from rat_modules import assemble
        >>> folder = tempfile.mkdtemp()
        >>> PretrainedAssembly.of(assemble("ratgan-tiny")).save_pretrained(folder, model_card_kwargs={"captions": ()})
        >>> PretrainedAssembly.from_pretrained(folder).sample("a red circle").shape
        torch.Size([1, 3, 32, 32])
    """

    @classmethod
    def of(cls, assembly: Assembly) -> Self:
        """The same system, its networks shared, with these methods."""
        return cls(*(getattr(assembly, field.name) for field in attrs.fields(Assembly)))

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory)

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Write `recipe.toml`, the weights, `README.md` and its grid.

        Args:
            save_directory: a folder; a `README.md` that is there is kept.
            options: those of `huggingface_hub.ModelHubMixin.save_pretrained`.

        Returns:
            The address of the commit, where `push_to_hub=True`.
        """
        told = options.get("model_card_kwargs") or {}
        if not (Path(save_directory) / "README.md").exists():
            write_grid(self, Path(save_directory), told.get("captions", ()))
        found: str | None = super().save_pretrained(save_directory, **options)
        return found

    def generate_model_card(self, **told: Any) -> ModelCard:
        """The card; see `rat_modules.hub.card.card`."""
        return card(self, **told)

    @classmethod
    def from_pretrained(  # the mixin's own would first look for a config.json, which recipe.toml is here
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        **model_kwargs: Any,
    ) -> Self:
        """Load a folder, or a model on the Hub.

        Args:
            pretrained_model_name_or_path: a folder that `train`, `save` or `save_pretrained` wrote, or "owner/name".
            revision: branch, tag or commit.
            cache_dir: where downloads are kept; the Hub's usual place where None.
            force_download: fetch anew what is there already.
            local_files_only: fetch nothing.
            token: of the Hub, for private models.
            model_kwargs: none; a recipe says how the model is built.

        Raises:
            TypeError: an argument that is none of these.
            CheckpointError: there is no such folder or model, it cannot be reached, or it is none of ours.
        """
        if model_kwargs:
            raise TypeError(f"from_pretrained() got unexpected arguments: {', '.join(model_kwargs)}")
        model = str(pretrained_model_name_or_path)
        if Path(model).exists():
            return cls.of(load(model))
        try:
            folder = snapshot_download(
                model, revision=revision, cache_dir=cache_dir, force_download=force_download, token=token,
                local_files_only=local_files_only, allow_patterns=[*FILES],
            )  # fmt: skip
        except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            got = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            expected = "a folder, or owner/name of a model on the Hub that can be reached or lies in the cache"
            raise CheckpointError(f"model {model!r}", got=got, expected=expected) from error
        return cls.of(load(folder))
