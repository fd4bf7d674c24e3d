"""The matching loss of AttnGAN's DAMSM, which the core has: `rat-modules train-text` trains encoders with it."""

from rat_modules.losses.damsm import DAMSMLoss, DAMSMTerms

__all__ = ["DAMSMLoss", "DAMSMTerms"]
