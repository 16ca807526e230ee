"""From a video to photos: sharp frames, spread by how far the camera moved."""
