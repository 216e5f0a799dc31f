"""What all tests share: hypothesis draws the same few examples on every run."""

from hypothesis import settings

settings.register_profile("suite", max_examples=25, deadline=None, derandomize=True, database=None)
settings.load_profile("suite")
