"""The science of emotion vectors, importable in a notebook; knows no paths, screen or zarr."""
