"""The Jira courier: one issue for one incident, which follows it and listens to who works there.

`courier.py` decides what an item does to its issue, `making.py` makes an issue once, `following.py` brings one up to date, `hearing.py`
brings back what people did. The rest is pure or talks to the site: `site.py` is the only way out.
"""

from service.couriers.jira.courier import JiraCourier

__all__ = ["JiraCourier"]
