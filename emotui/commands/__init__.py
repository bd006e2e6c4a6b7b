"""The commands, one file per group; each reads options, runs a job and prints its result."""
