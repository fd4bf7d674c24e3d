"""The hooks. Targets are strings, so that listing components imports neither torch nor transformers."""

from rat_modules import hookimpl
from rat_modules.registry import Register


@hookimpl
def register_text_encoders(register: Register) -> None:
    register("clip", "rat_modules_clip.text:CLIPTextEncoder", summary="text features of any pretrained CLIP")


@hookimpl
def register_metrics(register: Register) -> None:
    register("clip-score", "rat_modules_clip.score:CLIPScore", summary="how well pictures fit captions, 0 to 100")
