"""Is the process there, is it ready, and what does it measure."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response

from service.api.access import needs
from service.api.problems import Problem, responses
from service.api.reading import Behind
from service.api.tokens import Grant
from service.api.views import HealthView, ReadyView, check_view

PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"

router: Final = APIRouter(tags=["operation"], responses=responses(500))


@router.get("/healthz", response_model=HealthView)
async def healthz() -> dict[str, str]:
    """200 as long as the process answers."""
    return {"status": "ok"}


@router.get("/readyz", response_model=ReadyView, responses=responses(503))
async def readyz(service: Behind) -> dict[str, Any]:
    """200 when every condition is met, else 503 with the ones that are not."""
    checks = await service.readiness()
    lacking = [check for check in checks if not check.ok]
    views = [check_view(check) for check in checks]
    if lacking:
        detail = "; ".join(f"{check.name}: {check.detail}" for check in lacking)
        raise Problem(503, "Not ready", detail, "Wait; if it stays, look at what the checks say.", headers={"Retry-After": "1"}, ready=False, checks=views)
    return {"ready": True, "checks": views}


@router.get("/metrics", response_class=Response, responses=responses(401, 403) | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
async def metrics(service: Behind, _: Annotated[Grant, Depends(needs("read"))]) -> Response:
    """All counters and gauges as Prometheus reads them."""
    return Response(await service.metrics(), media_type=PROMETHEUS)
