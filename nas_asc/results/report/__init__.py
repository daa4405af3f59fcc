"""The page of a run, by plotly and Jinja2."""
