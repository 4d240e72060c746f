"""Reads a manifest as fides does: every model's checks, and every term that fideslang knows by itself."""

import json
import sys

from fideslang.default_taxonomy import DEFAULT_TAXONOMY
from fideslang.parse import load_manifests_into_taxonomy

with open(sys.argv[1], encoding="utf-8") as file:
    read = load_manifests_into_taxonomy(json.load(file))
known = {
    kind: {entry.fides_key for entry in getattr(DEFAULT_TAXONOMY, kind)}
    for kind in ("data_category", "data_use", "data_subject")
}
declarations = [declared for system in read.system for declared in system.privacy_declarations]
for declared in declarations:
    unknown = set(declared.data_categories) - known["data_category"]
    unknown |= {declared.data_use} - known["data_use"]
    unknown |= set(declared.data_subjects) - known["data_subject"]
    if unknown or not declared.data_categories:
        sys.exit(f"{declared.name}: unknown terms {sorted(unknown)}")
told_apart = {
    (system.fides_key, declared.name, declared.data_use)
    for system in read.system
    for declared in system.privacy_declarations
}
if len(told_apart) != len(declarations):
    sys.exit("two declarations of a system have the same name and use")
print(json.dumps({"systems": len(read.system), "declarations": len(declarations)}))
