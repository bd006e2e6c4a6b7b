"""The workbench's own widgets, each usable alone: they draw what they are given and post messages.

None of them computes a result, reads a store or touches a model.
"""
