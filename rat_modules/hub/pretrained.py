"""A system with the methods that models on the Hub have; its folder is the one that `train` writes and `load` takes."""

from pathlib import Path
from typing import Any, Self

import attrs
from huggingface_hub import HfApi, ModelCard, ModelHubMixin, get_token
from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # its client's own

from rat_modules.assembly import Assembly, load
from rat_modules.errors import RatError
from rat_modules.hub.answers import reason
from rat_modules.hub.asking import check_card, check_options
from rat_modules.hub.beside import captions_beside, results_beside
from rat_modules.hub.card import card, write_grid
from rat_modules.hub.fetching import EXPECTED, found
from rat_modules.hub.naming import named
from rat_modules.hub.staging import keeps_card, staged

_LOG_IN = "log in with `hf auth login`, set HF_TOKEN, or give token="


class PretrainedAssembly(Assembly, ModelHubMixin, library_name="rat_modules", pipeline_tag="text-to-image"):
    """An `Assembly` that is saved, loaded and shared as models on the Hub are.

    `from_pretrained` takes a folder or a name on the Hub, with `revision`, `token`, `cache_dir`, `force_download` and
    `local_files_only` (or the variable HF_HUB_OFFLINE) for work without a network. `save_pretrained` writes the folder
    of `Assembly.save` and a model card; what the card says is given by `model_card_kwargs`, see `card`. Of a model that
    was loaded from a folder, captions and results that lie there are told without being asked for. `push_to_hub` does
    the same into a repository.

    Example:
        >>> import tempfile
        >>> from rat_modules import assemble
        >>> folder = tempfile.mkdtemp()
        >>> PretrainedAssembly.of(assemble("ratgan-tiny")).save_pretrained(folder, model_card_kwargs={"captions": ()})
        >>> PretrainedAssembly.from_pretrained(folder).sample("a red circle").shape
        torch.Size([1, 3, 32, 32])
    """

    _came_from: Path | None = None
    _written: Path | None = None

    @classmethod
    def of(cls, assembly: Assembly) -> Self:
        """The same system, its networks shared, with these methods."""
        return cls(*(getattr(assembly, field.name) for field in attrs.fields(Assembly)))

    def _save_pretrained(self, save_directory: Path) -> None:
        self.save(save_directory)
        self._written = save_directory

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        config: Any = None,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        model_card_kwargs: dict[str, Any] | None = None,
        **push_to_hub_kwargs: Any,
    ) -> str | None:
        """Write `recipe.toml`, the weights, `README.md` and its grid: all of them, or nothing.

        Args:
            save_directory: a folder. A card that this wrote there before is replaced, with its grid; one that somebody
                wrote or changed is kept.
            config: what is to be written to a `config.json`; nothing here reads it.
            repo_id: "owner/name", where pushed; the folder's name where None.
            push_to_hub: push it, too.
            model_card_kwargs: what the card says, see `rat_modules.hub.card.card`.
            push_to_hub_kwargs: of `push_to_hub`.

        Returns:
            The address of the commit, where `push_to_hub=True`.

        Raises:
            TypeError: an argument that is none of these, or none of a card's.
            CheckpointError: the folder cannot be written, or a training run lies there.
            RatError: there is no generator, or the card cannot be made.
        """
        check_options("save_pretrained", push_to_hub_kwargs)
        folder = Path(named("folder for a model", save_directory, "a folder's name"))
        told = dict(model_card_kwargs or {})
        if self._came_from is not None:
            told = {"captions": captions_beside(self._came_from), **told}
        check_card("save_pretrained", self, told)
        self._hub_mixin_config = None  # what the mixin noted of arguments would become a config.json
        try:
            with staged(folder) as scratch:
                if not keeps_card(folder):
                    write_grid(self, scratch, told.get("captions", ()))
                super().save_pretrained(scratch, config=config, model_card_kwargs=told)
        finally:
            self._written = None
        if not push_to_hub:
            return None
        return self.push_to_hub(repo_id or folder.name, config=config, model_card_kwargs=told, **push_to_hub_kwargs)

    def generate_model_card(self, **told: Any) -> ModelCard:
        """The card; see `rat_modules.hub.card.card`."""
        if self._came_from is not None and self._written is not None:
            told = {"results": results_beside(self._came_from, self._written), **told}
        return card(self, **told)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Write the folder of `save_pretrained` into a repository of the Hub.

        Args:
            repo_id: "owner/name"; it is made where there is none.
            options: those of `huggingface_hub.ModelHubMixin.push_to_hub`; a `branch` is made where there is none.

        Returns:
            The address of the commit.

        Raises:
            TypeError: an argument that is none of these.
            RatError: there is no token, the Hub refuses, it cannot be reached, or the card cannot be made.
        """
        token, branch = options.get("token"), options.get("branch")
        check_options("push_to_hub", options)
        told = {"name": repo_id.rpartition("/")[2], "where": repo_id, **(options.get("model_card_kwargs") or {})}
        check_card("push_to_hub", self, told)  # before there is a repository
        try:
            if token is False or (token or get_token()) is None:
                raise RatError(f"push to {repo_id!r}", got="no token", expected="one that may write", hint=_LOG_IN)
            if branch is not None:
                api = HfApi(token=token)
                api.create_branch(api.create_repo(repo_id, private=options.get("private"), exist_ok=True).repo_id,
                                  branch=branch, exist_ok=True)  # fmt: skip
            return str(super().push_to_hub(repo_id, **{**options, "model_card_kwargs": told}))
        except RatError:
            raise
        except (HTTPError, OSError, ValueError, RuntimeError) as error:
            expected = "a repository that can be reached and that the token may write to"
            raise RatError(f"push to {repo_id!r}", got=reason(error), expected=expected) from error

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
        path = found(
            named("model", pretrained_model_name_or_path, EXPECTED), revision=revision, cache_dir=cache_dir,
            force_download=force_download, token=token, local_files_only=local_files_only,
        )  # fmt: skip
        loaded = cls.of(load(path))
        if path == Path(pretrained_model_name_or_path):  # nothing of the Hub's cache, which has weights only
            loaded._came_from = path if path.is_dir() else path.parent
        return loaded
