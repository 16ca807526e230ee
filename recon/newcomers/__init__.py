"""New photos beside a finished run: its plan carried on, their cameras, and their matches with its photos."""
