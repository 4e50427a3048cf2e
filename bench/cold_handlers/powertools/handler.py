"""An empty function as Powertools' own introduction has it: a logger, a router, one route."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="empty")
app = APIGatewayRestResolver()


@app.get("/healthz")
def health() -> dict[str, str]:
    return {"status": "ok"}


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    logger.info("answered", extra={"request_id": context.aws_request_id})
    return app.resolve(event, context)
