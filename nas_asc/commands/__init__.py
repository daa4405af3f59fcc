"""One file per command: parse the options, call one function, print.

A new command is one file and one row of the table.
"""

# In the order of a user's way through them. Each is imported when it is asked for, so that none
# waits for another's imports.
COMMANDS = {
    "search": "nas_asc.commands.search:command",
    "front": "nas_asc.commands.front:command",
    "models": "nas_asc.commands.models:command",
    "count": "nas_asc.commands.count:command",
    "spaces": "nas_asc.commands.spaces:command",
    "rules": "nas_asc.commands.rules:command",
    "studies": "nas_asc.commands.studies:command",
    "data": "nas_asc.commands.data:command",
}
