"""A Jira in memory: it holds issues, moves, links, properties and comments, its index lags, its names are German, and it fails on request.

Each request is held to the published description where that is present (`broken` lists what was wrong with one).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.jira.described import mistakes

USER, TOKEN = "robot@example.com", "jira-token-0123456789"
ROBOT = {"accountId": "robot-1", "displayName": "Spend Robot", "emailAddress": USER, "key": "robot", "name": "robot"}
MARIA = {"accountId": "maria-1", "displayName": "Maria Silva", "emailAddress": "maria@example.com", "key": "maria", "name": "maria"}
LI = {"accountId": "li-1", "displayName": "Li Wei", "emailAddress": "li@example.com", "key": "li", "name": "li"}
STATUSES = {"Offen": "new", "In Arbeit": "indeterminate", "Erledigt": "done"}
PRIORITIES = [{"id": str(10 + at), "name": name} for at, name in enumerate(("Höchste", "Hoch", "Mittel", "Niedrig", "Niedrigste"))]

Json = dict[str, Any]
Answered = tuple[int, Any]


@dataclass
class Issue:
    """One issue as the site holds it."""

    id: str
    key: str
    fields: Json
    creator: Json
    made_ms: int
    changed_ms: int
    status: str = "Offen"
    resolution: str = ""
    resolved_ms: int | None = None
    assignee: Json | None = None
    comments: list[Json] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    links: list[str] = field(default_factory=list)


@dataclass
class Fault:
    """The next request that matches fails: before it is done or after, by an answer or by an error of the line."""

    method: str
    path: str
    fails: httpx.Response | type[httpx.TransportError] | bytes | Callable[[], httpx.Response]
    after: bool = False
    times: int = 1


@dataclass
class FakeJira(httpx.AsyncBaseTransport):
    """`clock` in Unix milliseconds; an issue is found by search only `lag_ms` after it was made."""

    clock: Callable[[], int]
    cloud: bool = True
    both_ways_in: bool = False
    administers: bool = True
    lag_ms: int = 0
    user: str = USER
    token: str = TOKEN
    needs: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    priorities: list[Json] = field(default_factory=lambda: PRIORITIES)
    people: list[Json] = field(default_factory=lambda: [MARIA])
    workflow: dict[str, str] = field(default_factory=lambda: dict(STATUSES))
    asks_resolution: bool = False
    asks: Json = field(default_factory=dict)
    issues: dict[str, Issue] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _marks: Iterator[int] = field(default_factory=lambda: iter(range(10_000, 10_000_000)))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        return self.reply(request)

    def reply(self, request: httpx.Request) -> httpx.Response:
        """What it answers, or raises."""
        self.requests.append(request)
        self.broken += [f"{request.method} {request.url.path}: {each}" for each in mistakes(request)]
        fault = self._fault(request)
        if fault is not None and not fault.after:
            return self._failing(fault)
        answer = self._answer(request)
        return self._failing(fault) if fault is not None else answer

    # ---- what people do there

    def comment(self, key: str, text: str, by: Json = MARIA) -> None:
        self._say(self.issues[key], _document(text) if self.cloud else text, by)

    def assign(self, key: str, to: Json, by: Json = MARIA) -> None:
        issue = self.issues[key]
        issue.assignee = to
        self._changed(issue, by, {"field": "assignee", "from": None, "to": to["accountId"], "toString": to["displayName"]})

    def move(self, key: str, status: str, resolution: str = "", by: Json = MARIA) -> None:
        issue = self.issues[key]
        self._changed(issue, by, {"field": "status", "fromString": issue.status, "toString": status})
        issue.status = status
        done = self.workflow[status] == "done"
        issue.resolution, issue.resolved_ms = (resolution or "Fertig", self.clock()) if done else ("", None)

    # ---- for assertions

    def sent(self, method: str, path: str) -> list[Any]:
        """The bodies of the requests to this call, oldest first."""
        return [json.loads(each.content or b"null") for each in self.requests if each.method == method and re.fullmatch(path, self._call(each))]

    def only(self) -> Issue:
        assert len(self.issues) == 1, list(self.issues)
        return next(iter(self.issues.values()))

    # ---- how it answers

    def _fault(self, request: httpx.Request) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == request.method and re.fullmatch(fault.path, self._call(request)):
                fault.times -= 1
                return fault
        return None

    def _failing(self, fault: Fault) -> httpx.Response:
        if isinstance(fault.fails, httpx.Response):
            return fault.fails
        if isinstance(fault.fails, bytes):
            return httpx.Response(200, content=fault.fails)
        if isinstance(fault.fails, type):
            raise fault.fails("the line broke")
        return fault.fails()

    def _call(self, request: httpx.Request) -> str:
        return request.url.path.partition(f"/rest/api/{3 if self.cloud else 2}/")[2]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/rest/api/2/serverInfo"):
            return httpx.Response(200, json={"deploymentType": "Cloud" if self.cloud else "Server"})
        wanted = f"Basic {base64.b64encode(f'{self.user}:{self.token}'.encode()).decode()}" if self.cloud else f"Bearer {self.token}"
        if not self.both_ways_in and request.headers.get("authorization") != wanted:
            return httpx.Response(401, json={"message": "Client must be authenticated to access this resource."})
        body = json.loads(request.content) if request.content else None
        if request.url.params.get("notifyUsers") == "false" and not self.administers:
            return httpx.Response(403, json={"errorMessages": ["To discard the user notification either admin or project admin permissions are required."]})
        for method, path, call in self._calls():
            found = re.fullmatch(path, self._call(request))
            if found and method == request.method:
                status, told = call(*found.groups(), body) if body is not None else call(*found.groups())
                return httpx.Response(status, json=told) if told is not None else httpx.Response(status)
        return httpx.Response(404, json={"message": "null for uri"})

    def _calls(self) -> list[tuple[str, str, Callable[..., Answered]]]:
        return [
            ("GET", "myself", lambda: (200, self._person(ROBOT))),
            ("GET", "priority/search" if self.cloud else "priority", lambda: (200, {"values": self.priorities} if self.cloud else self.priorities)),
            ("GET", "user/search", lambda: (200, [self._person(each) for each in self.people])),
            ("GET", r"issue/createmeta/(\w+)/issuetypes", lambda _: (200, {"issueTypes": [{"name": "Aufgabe"}, {"name": "Teil", "subtask": True}]})),
            ("POST", "search/jql" if self.cloud else "search", self._search),
            ("POST", "issue", self._make),
            ("GET", r"issue/([A-Z]+-\d+)", self._read),
            ("PUT", r"issue/([A-Z]+-\d+)", self._edit),
            ("GET", r"issue/([A-Z]+-\d+)/comment", lambda key: (200, {"comments": self.issues[key].comments[::-1]})),
            ("POST", r"issue/([A-Z]+-\d+)/comment", self._comment),
            ("GET", r"issue/([A-Z]+-\d+)/properties/(\w+)", self._property),
            ("GET", r"issue/([A-Z]+-\d+)/transitions", self._moves),
            ("POST", r"issue/([A-Z]+-\d+)/transitions", self._do_move),
            ("POST", "issueLink", self._link),
        ]

    def _make(self, body: Json) -> Answered:
        fields = body["fields"]
        errors = {name: f"{name} is required." for name in self.needs if name not in fields}
        errors |= {name: f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown." for name in self.refuses if name in fields}
        if fields["issuetype"]["name"] != "Task":
            errors["issuetype"] = "The issue type selected is invalid."
        if len(fields["summary"]) > 255:
            errors["summary"] = "Summary must be less than 255 characters."
        if errors:
            return 400, {"errorMessages": [], "errors": errors}
        number = len(self.issues) + 1
        key, now_ms = f"{fields['project']['key']}-{number}", self.clock()
        self.issues[key] = issue = Issue(str(20_000 + number), key, fields, ROBOT, now_ms, now_ms)
        issue.properties = {each["key"]: each["value"] for each in body.get("properties", ())}
        return 201, {"id": issue.id, "key": key, "self": f"https://acme.example/rest/api/3/issue/{issue.id}"}

    def _read(self, key: str) -> Answered:
        issue = self.issues.get(key)
        return (404, {"errorMessages": ["Issue does not exist or you do not have permission to see it."]}) if issue is None else (200, self._shown(issue))

    def _edit(self, key: str, body: Json) -> Answered:
        issue = self.issues[key]
        refused = {name: f"Field '{name}' cannot be set." for name in self.refuses if name in body["fields"]}
        if refused:
            return 400, {"errorMessages": [], "errors": refused}
        issue.fields |= body["fields"]
        self._changed(issue, ROBOT, *({"field": name} for name in body["fields"]))
        return 204, None

    def _comment(self, key: str, body: Json) -> Answered:
        return 201, self._say(self.issues[key], body["body"], ROBOT)

    def _property(self, key: str, name: str) -> Answered:
        issue = self.issues[key]
        return (200, {"key": name, "value": issue.properties[name]}) if name in issue.properties else (404, {"errorMessages": ["not found"]})

    def _moves(self, key: str) -> Answered:
        assert key in self.issues
        resolution = {"resolution": {"required": True, "allowedValues": [{"id": "7", "name": "Won't Do"}, {"id": "8", "name": "Fertig"}]}}
        found = [
            {
                "id": str(at),
                "name": f"Nach {name}",
                "to": {"name": name, "statusCategory": {"key": category}},
                "fields": self.asks | (resolution if category == "done" and self.asks_resolution else {}),
            }
            for at, (name, category) in enumerate(self.workflow.items())
        ]
        return 200, {"transitions": found}

    def _do_move(self, key: str, body: Json) -> Answered:
        status = list(self.workflow)[int(body["transition"]["id"])]
        resolution = body.get("fields", {}).get("resolution", {}).get("id")
        if self.asks_resolution and self.workflow[status] == "done" and not resolution:
            return 400, {"errors": {"resolution": "Resolution is required."}}
        self.move(key, status, {"7": "Won't Do", "8": "Fertig"}.get(resolution or "", ""), by=ROBOT)
        return 204, None

    def _link(self, body: Json) -> Answered:
        one, other = body["inwardIssue"]["key"], body["outwardIssue"]["key"]
        if other not in self.issues[one].links:
            self.issues[one].links.append(other)
            self.issues[other].links.append(one)
        return 201, None

    def _search(self, body: Json) -> Answered:
        """Understands as much of JQL as is asked here; anything else fails loudly."""
        rest, found = body["jql"].removesuffix(" ORDER BY created ASC").removesuffix(" ORDER BY updated ASC"), list(self.issues.values())
        found = [issue for issue in found if self.clock() - issue.made_ms >= self.lag_ms]
        for clause in rest.split(" AND "):
            if label := re.fullmatch(r'labels = "(.+)"', clause):
                found = [issue for issue in found if label[1] in issue.fields.get("labels", ())]
            elif project := re.fullmatch(r'project = "(.+)"', clause):
                found = [issue for issue in found if issue.fields["project"]["key"] == project[1]]
            elif minutes := re.fullmatch(r"updated >= -(\d+)m", clause):
                found = [issue for issue in found if issue.changed_ms >= self.clock() - int(minutes[1]) * 60_000]
            else:
                return 400, {"errorMessages": [f"Error in the JQL Query: {clause}"]}
        first, most = int(body.get("nextPageToken") or body.get("startAt") or 0), body["maxResults"]
        page: Json = {"issues": [self._shown(issue) for issue in found[first : first + most]]}
        if not self.cloud:
            return 200, page | {"total": len(found), "startAt": first, "maxResults": most}
        is_last = first + most >= len(found)
        return 200, page | ({"isLast": True} if is_last else {"isLast": False, "nextPageToken": str(first + most)})

    def _shown(self, issue: Issue) -> Json:
        names = {id_["id"]: id_["name"] for id_ in self.priorities}
        told = {
            **issue.fields,
            "status": {"id": issue.status, "name": issue.status, "statusCategory": {"key": self.workflow[issue.status]}},
            "resolution": {"name": issue.resolution} if issue.resolution else None,
            "resolutiondate": None if issue.resolved_ms is None else _instant(issue.resolved_ms),
            "priority": issue.fields.get("priority") and issue.fields["priority"] | {"name": names[issue.fields["priority"]["id"]]},
            "assignee": issue.assignee and self._person(issue.assignee),
            "creator": self._person(issue.creator),
            "comment": {"comments": issue.comments, "total": len(issue.comments)},
        }
        return {"id": issue.id, "key": issue.key, "fields": told, "changelog": {"histories": issue.history[::-1]}}

    def _say(self, issue: Issue, text: Any, by: Json) -> Json:
        said = {"id": str(next(self._marks)), "author": self._person(by), "body": text}
        issue.comments.append(said)
        issue.changed_ms = self.clock()
        return said

    def _changed(self, issue: Issue, by: Json, *items: Json) -> None:
        issue.history.append({"id": str(next(self._marks)), "author": self._person(by), "items": list(items)})
        issue.changed_ms = self.clock()

    def _person(self, person: Json) -> Json:
        hidden = {"key", "name"} if self.cloud else {"accountId"}
        return {name: value for name, value in person.items() if name not in hidden}


def _document(text: str) -> Json:
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": text}]}]}


def _instant(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
