"""One file per command, with its function `command`: parse the options, call one function, print.

A new command is one file and its name here.
"""

# In the order of a user's way through them. Each is imported when it is asked for, so that none
# waits for another's imports.
COMMANDS = (
    *("search", "front", "evaluate", "ensemble", "models", "reproduce", "count", "spaces"),
    *("rules", "studies", "data"),
)
