"""The Slack courier: one message for one incident, which grows with it, and whose thread tells each change of its state.

`courier.py` decides what an item does to its message, `posting.py` posts something once and merges what doubled, which `finding.py`
finds, `thread.py` remembers it, `pace.py` spares a channel that is full, `picture.py` adds the plot; `web.py` is the only way out, and `errors.py`
says what Slack's words mean. What is posted is made in `service.messages.slack`. The way back is `chat.py`, or `socket.py` where nobody can call us.
"""

from service.couriers.slack.courier import SlackCourier

__all__ = ["SlackCourier"]
