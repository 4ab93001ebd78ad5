"""The Slack courier: one message for one incident, which grows with it, and whose thread tells each change of its state.

`courier.py` decides what an item does to its message, `posting.py` posts something once and merges what doubled, which `finding.py`
finds, `picture.py` adds the plot; `web.py` is the only way out, and `errors.py` says what Slack's words mean. What is posted is made in `service.messages.slack`.
"""

from service.couriers.slack.courier import SlackCourier

__all__ = ["SlackCourier"]
