"""Job: where in the model a label can be read, beside everything that could explain it away.

In: a run, what to read, which controls. Out: a ProbeReport, saved beside the run so that the same
request is answered at once. The untrained twin is extracted into a run of its own. Fits nothing
itself: `vectors.probes` and `vectors.baselines` do.
"""

CONTROLS = ("words", "length", "norm", "shuffled", "twin", "random-split")
