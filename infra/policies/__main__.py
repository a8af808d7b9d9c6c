"""What `pulumi up --policy-pack infra/policies` starts."""

from __future__ import annotations

import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

# Pulumi puts this folder on the path; the pack's modules are found from the repository's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from infra.policies.pack import POLICIES

PolicyPack(name="imagesift", policies=list(POLICIES), enforcement_level=EnforcementLevel.MANDATORY)
