"""Recipe -> objects -> pictures and files."""

from rat_modules.assembly.build import assemble, build
from rat_modules.assembly.folder import load
from rat_modules.assembly.system import Assembly, draw_noise

__all__ = ["Assembly", "assemble", "build", "draw_noise", "load"]
