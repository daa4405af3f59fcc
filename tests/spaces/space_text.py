"""The text of a small space that is valid, and of others like it."""

SPACE = """title = "a small space"

[frontend]
kind = "logmel"
channels = 1
sample_rate_hz = 16000
window = 640
hop = 320
n_mels = [32, 64]
f_min_hz = 50
f_max_hz = 0
normalisation = "standard"

[stage1]
depth = [0, 1, 2]
block = ["separable", "mbconv"]
width = [12, 16]
kernel = 3
stride = "1x2"
expand = [2, 4]
squeeze_excite = 0.0
activation = "relu"
pool = ["none", "max 2x2"]

[head]
conv = 0
pooling = "avg"
dropout = "plain 0.2"

[compression]
precision = ["float16", "int8"]
pruning = "none"

[models.mine]
report = "me"
classes = 10
clip_s = 1.0
rule = "plain"

[models.mine.choices]
frontend.n_mels = 32
stage1.depth = 1
stage1.block = "separable"
stage1.width = 16
stage1.pool = "none"
compression.precision = "float16"
"""
NO_MODELS = SPACE[: SPACE.index("[models")]


def with_keys(text, values):
    """Set keys of a space's text by dotted path, as TOML; one of None is left out."""
    for path, value in values.items():
        section, key = path.split(".")
        before, header, after = text.partition(f"[{section}]\n")
        body, mark, rest = after.partition("\n[")
        lines = [line for line in body.splitlines() if not line.startswith(f"{key} =")]
        lines += [] if value is None else [f"{key} = {value}"]
        text = before + header + "\n".join(lines) + "\n" + mark + rest
    return text
