"""Make a network that somebody else wrote follow text: attach, do not wrap."""

from rat_modules.retrofitting.attach import retrofit
from rat_modules.retrofitting.files import load_retrofit
from rat_modules.retrofitting.retrofitted import Retrofitted

__all__ = ["Retrofitted", "load_retrofit", "retrofit"]
