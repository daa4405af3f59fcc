"""Where the trials of a run are kept."""
