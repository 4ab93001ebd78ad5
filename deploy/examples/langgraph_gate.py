"""A LangGraph agent with a gate before each step: the graph ends by itself, its state saved, when somebody has paused the agent or this run.

    pip install langgraph
    SPENDWARDEN_URL=http://127.0.0.1:8484 .venv/bin/python deploy/examples/langgraph_gate.py

The gate is one node and one edge; the same thread goes on where it stood when the graph is invoked again after a resume.
"""

import os
import sys
from typing import Any, TypedDict

from service.sdk import Restoring, Switch, restore

try:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
except ImportError:
    sys.exit("this example needs langgraph: pip install langgraph")

AGENT = "indexer"


class State(TypedDict):
    """What the agent has done so far, and the order that paused it, if one did."""

    steps: int
    goal: int
    paused_by: str


def graph_of(switch: Switch) -> Any:
    """From think to gate to think and back, until the goal is reached or somebody says stop."""

    def think(state: State) -> dict[str, Any]:
        """Here the agent would call its model."""
        print(f"step {state['steps'] + 1}")
        return {"steps": state["steps"] + 1}

    def gate(state: State, config: RunnableConfig) -> dict[str, Any]:
        """Asks the switch; the run is the graph's thread."""
        held = [order for order in switch.held(agent=AGENT, execution=config["configurable"]["thread_id"]) if order.action == "pause"]
        return {"paused_by": held[0].order if held else ""}

    def onward(state: State) -> str:
        return END if state["paused_by"] or state["steps"] >= state["goal"] else "think"

    graph = StateGraph(State)
    graph.add_node("gate", gate)
    graph.add_node("think", think)
    graph.add_edge(START, "gate")
    graph.add_edge("think", "gate")
    graph.add_conditional_edges("gate", onward, ["think", END])
    return graph.compile(checkpointer=InMemorySaver())


def main() -> None:
    """Five steps; paused in between, it says by which order and where it stands."""
    switch, url, token = Switch(), os.environ.get("SPENDWARDEN_URL", "http://127.0.0.1:8484"), os.environ.get("SPENDWARDEN_TOKEN", "")
    restore(switch, url, token)
    with Restoring(switch, url, token, every_s=5):
        state = graph_of(switch).invoke({"steps": 0, "goal": 5, "paused_by": ""}, {"configurable": {"thread_id": "run-1"}})
    print(f"paused by {state['paused_by']} after {state['steps']} steps" if state["paused_by"] else f"done in {state['steps']} steps")


if __name__ == "__main__":
    main()
