"""The colours of all pictures and pages."""

# These remain apart in common colour blindness (Okabe and Ito 2008).
BLUE, ORANGE = "#0072B2", "#D55E00"
DEEP_ORANGE = "#B34E00"  # the orange of words, dark enough to be read on white
GREY = "#9AA0A6"
RED, PALE_RED = "#B3261E", "#FBE9E7"  # the budget, and what lies beyond it
DARK, SOFT = "#202124", "#5F6368"  # words and axes
LINE, EDGE = "#E8EAED", "#CBD0D6"
STRIP, BLOCK = "#F8F9FA", "#F7F8FA"  # behind the models that were not trained, and behind blocks
