"""The embedded default: a corpus with known truth and a small language model trained on it.

`corpus` makes texts whose emotion follows from stated facts, `model/` holds the trained model,
`train` makes it again and `evaluate` measures what it has learned. It is a teaching model: real
work uses a real one. Nothing here needs a network.
"""
