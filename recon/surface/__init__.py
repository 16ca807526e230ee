"""A quick look at the surface that a model's sparse points hint at."""

from recon.surface.mesh import Mesh, Method, SurfaceOptions, make_mesh, write_mesh

__all__ = ["Mesh", "Method", "SurfaceOptions", "make_mesh", "write_mesh"]
