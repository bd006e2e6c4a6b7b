"""The audit: controls, evidence and computed verdicts for claims about emotion vectors.

Two plain truths hold here: a control that was not run never counts as passed, and a verdict is
computed, never typed. Control functions take arrays, models and interventions and return a
`ControlResult`; they know no store, no screen and no command line.
"""
