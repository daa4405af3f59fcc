"""One file per command: parse the options, call one function, print."""
