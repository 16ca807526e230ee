"""Where each stage's result lies on disk, and which results are still valid. Imports core only."""

from recon.workspace.atomic import replacing, storage_errors, write_text
from recon.workspace.features import FeatureStore
from recon.workspace.folder import Workspace, open_workspace
from recon.workspace.manifest import Manifest, StageRecord, State
from recon.workspace.pairs import PairStore

__all__ = [
    "FeatureStore",
    "Manifest",
    "PairStore",
    "StageRecord",
    "State",
    "Workspace",
    "open_workspace",
    "replacing",
    "storage_errors",
    "write_text",
]
