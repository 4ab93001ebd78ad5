"""Bodies are read up to a limit, whatever their length was announced to be."""

from __future__ import annotations

from fastapi import Request

from service.api.problems import Problem


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The whole body; raises a Problem as soon as it is more than may be."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > bytes_max:
            detail = f"The body is larger than {bytes_max} bytes."
            raise Problem(413, "Body too large", detail, "Send less at a time.", reason="too_large")
        parts.append(part)
    return b"".join(parts)
