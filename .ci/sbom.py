"""The list of parts that cyclonedx-py makes of an environment, made shorter and without open licences.

sbom.py RAW SITE > docs/sbom.cdx.json: what the tool wrote, and the site-packages that it looked at.
"""

import json
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

# where metadata name no licence of SPDX, or one of several: what its licence file or its own words say
CONCLUDED = {
    "flatbuffers": "Apache-2.0",
    "jinja2": "BSD-3-Clause",
    "mpmath": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "safetensors": "Apache-2.0",
    "scipy": "BSD-3-Clause",
    "semantic-version": "BSD-2-Clause",
    "sympy": "BSD-3-Clause",
    "tensorboard": "Apache-2.0",
    "tensorboard-data-server": "Apache-2.0",
    "tokenizers": "Apache-2.0",
    "torch-fidelity": "Apache-2.0",
    "torchvision": "BSD-3-Clause",
    "transformers": "Apache-2.0",
    "wordllama": "MIT",
}
# which words still have to be there, so that a package that changes its licence is seen
WORDS = {
    "Apache-2.0": r"Apache (License,? (Version )?2\.0|2\.0|Software License)",
    "BSD-2-Clause": r"Redistribution and use in source and binary forms(?!.*endorse)",
    "BSD-3-Clause": r"Redistribution and use in source and binary forms.*endorse or promote products",
    "MIT": r"Permission is hereby granted, free of charge",
}


def told(found: Distribution) -> str:
    """What a distribution says of its licence, in its metadata and its licence files, without line ends."""
    files = [file for file in found.files or () if re.search(r"LICEN|COPYING", file.name.upper())]
    texts = [file.read_text() for file in files if ".dist-info/" in str(file)]
    metadata = [*(found.metadata.get_all("License") or ()), *(found.metadata.get_all("Classifier") or ())]
    return " ".join(" ".join([*metadata, *texts]).split())


def licences(part: dict[str, Any], there: dict[str, Distribution]) -> list[dict[str, Any]]:
    """The licences of SPDX that a part declares, or the one that was concluded."""
    declared = [found for found in part.get("licenses", ()) if "expression" in found or "id" in found["license"]]
    name = canonicalize_name(part["name"])
    if declared:
        return declared
    if name not in CONCLUDED:
        sys.exit(f"{name} declares no licence that SPDX knows: read its licence, and add it to CONCLUDED")
    if not re.search(WORDS[CONCLUDED[name]], told(there[name])):
        sys.exit(f"{name} says nothing any more of {CONCLUDED[name]}: read its licence again")
    return [{"license": {"acknowledgement": "concluded", "id": CONCLUDED[name]}}]


def main() -> None:
    """Print the JSON."""
    bom = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    there = {canonicalize_name(found.name): found for found in distributions(path=[sys.argv[2]])}
    for part in bom["components"]:
        for noise in ("externalReferences", "description"):  # they hold addresses, of the registry too
            part.pop(noise, None)
        part["licenses"] = licences(part, there)
        # the tool leaves it out of what was installed from a file: our plugins
        part.setdefault("purl", f"pkg:pypi/{canonicalize_name(part['name'])}@{part['version']}")
    own = bom["metadata"]["component"]
    own["version"] = there["rat-modules"].version
    own["purl"] = f"pkg:pypi/rat-modules@{own['version']}"
    tools = bom["metadata"]["tools"]["components"]
    bom["metadata"]["tools"]["components"] = [{key: tool[key] for key in ("type", "name", "version")} for tool in tools]
    text = json.dumps(bom, indent=1, ensure_ascii=False, sort_keys=True)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        sys.exit(f"not CycloneDX: {error}")
    print(text)


if __name__ == "__main__":
    main()
