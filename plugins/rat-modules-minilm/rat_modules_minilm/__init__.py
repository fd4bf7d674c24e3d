"""The hooks. Targets are strings, so that listing components imports neither torch nor sentence-transformers."""

from rat_modules import hookimpl
from rat_modules.registry import Register


@hookimpl
def register_text_encoders(register: Register) -> None:
    register(
        "minilm", "rat_modules_minilm.encoder:MiniLMTextEncoder", summary="pretrained sentence transformer, knows order"
    )


@hookimpl
def register_recipes(register: Register) -> None:
    register("ratgan-minilm", "rat_modules_minilm:ratgan-minilm.toml")
