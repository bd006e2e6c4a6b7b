"""The jobs: each reads the store, calls vectors, writes the store and yields events.

One file per job. No arithmetic, no screen, no prompts: a command or the workbench asks, a job does.
Importing one may load torch, so commands import jobs only when they run.
"""
