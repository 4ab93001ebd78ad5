"""For programs that receive what Spendwarden sends: prove it, obey it, ask it. Nothing but the standard library is needed.

`verify` proves that a request is ours; a `Switch` obeys orders and answers "may I go on?"; `OrderReceiver` is the middleware between
the two; `restore` and `Restoring` ask the service what is paused, at the start and from time to time.
"""

from service.sdk.asgi import OrderReceiver
from service.sdk.held import Held
from service.sdk.restoring import RestoreError, Restoring, restore, restoring
from service.sdk.switch import Switch
from service.sdk.verify import UnverifiedError, verify

__all__ = ["Held", "OrderReceiver", "RestoreError", "Restoring", "Switch", "UnverifiedError", "restore", "restoring", "verify"]
