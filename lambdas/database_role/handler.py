"""Entry point of `database_role`: called once for each deployment, by the Pulumi program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdas.clients import Clients
from lambdas.config import DatabaseRoleConfig
from lambdas.database_role.making import Database, RoleMaking
from lambdas.logs import make_logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = make_logger()


@logger.inject_lambda_context(clear_state=True)
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Answers `{"role": "…", "created": true}`; `created` is false when the role was there. The event is not read."""
    config = DatabaseRoleConfig.from_environment()
    database = Database(config.database_cluster_arn, config.database_secret_arn, config.database_name)
    making = RoleMaking(Clients().rds_data, database, lambda: context.get_remaining_time_in_millis() / 1000)
    created = making.make(config.database_user)
    logger.info("database role made" if created else "database role was there", extra={"role": config.database_user})
    return {"role": config.database_user, "created": created}
