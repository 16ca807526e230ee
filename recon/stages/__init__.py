"""The stages of a run over one workspace: each makes its result, or goes on with what an earlier run left.

Each ends by recording in the manifest the key of what it made (see `recon.run`).
"""
