"""Screens over the panes: questions, errors, help, the jump letters. Nothing is imported here."""
