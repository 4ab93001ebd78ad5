"""Sequential tests on what agents do: models, prices, prompts, caches, runs, users. Each closed window of ten minutes is heard by all of them."""

from service.warden.signals.look import ended, look

__all__ = ["ended", "look"]
