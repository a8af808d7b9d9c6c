"""How the components make one ImageSift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_random as random

from infra.address import Address, AddressArgs
from infra.api import Api, ApiArgs
from infra.bucket_events import BucketEvents, BucketEventsArgs
from infra.config import StackConfig
from infra.database import Database, DatabaseArgs
from infra.database_proxy import DatabaseProxy, DatabaseProxyArgs
from infra.function import Function, Placement, Surroundings
from infra.ledger import Ledger, LedgerArgs
from infra.mail import Mail, MailArgs
from infra.naming import Names, names_of
from infra.network import Network, NetworkArgs
from infra.observation import Observation, ObservationArgs
from infra.portal_environment import PortalEnvironment
from infra.portal_functions import PortalFunctions, PortalFunctionsArgs
from infra.queues import Queues, QueuesArgs
from infra.recognition import Endpoint, Recognition, RecognitionArgs
from infra.sagemaker import SageMaker, SageMakerArgs
from infra.schedule import Schedule, ScheduleArgs
from infra.storage import Storage, StorageArgs
from infra.training import RULES, Training, TrainingArgs
from infra.webhooks import Webhooks, WebhooksArgs

_SECRET_KEY_LENGTH = 64


@dataclass(frozen=True, kw_only=True)
class Archives:
    """The functions' code as ZIP files, and that of training jobs."""

    recognize: Path
    portal: Path
    training: Path


class Stack:
    """Makes everything, in the order in which one part needs another."""

    def __init__(self, config: StackConfig, archives: Archives) -> None:
        self.config = config
        self.archives = archives
        self.names: Names = names_of(config.stack, config.tags or {})
        self.surroundings = Surroundings(
            names=self.names,
            log_level=config.log_level,
            log_retention_days=config.log_retention_days,
            tracing=config.tracing,
        )
        self.address = self._make_address()
        self.storage = self._make_storage()
        self.queues = self._make_queues()
        self.ledger = Ledger("ledger", LedgerArgs(names=self.names, protected=config.protected))
        self.network = self._make_network()
        self.database = self._make_database()
        self.sagemaker = self._make_sagemaker()
        self.recognition = self._make_recognition()
        self.portal = self._make_portal()
        self.mail = self._make_mail()
        self.webhooks = self._make_webhooks()
        self.training = self._make_training()
        self._connect()
        self._observe()

    def outputs(self) -> Mapping[str, pulumi.Input[str]]:
        """What `pulumi up` prints when it is done."""
        manage = self.portal.manage.name
        return {
            "portal_url": self.address.origin,
            "uploads_bucket": self.storage.uploads.name,
            "derived_bucket": self.storage.derived.name,
            "manage_function": manage,
            "next_step": pulumi.Output.format(
                "Make yourself the first administrator: "
                "AWS_DEFAULT_REGION={0} .venv/bin/python manage.py remote --function {1} createsuperuser",
                self.names.region,
                manage,
            ),
        }

    def _make_address(self) -> Address:
        config = self.config
        return Address(
            "address",
            AddressArgs(
                names=self.names,
                domain=config.domain,
                hosted_zone_id=config.hosted_zone_id,
                certificate_arn=config.certificate_arn,
            ),
        )

    def _make_storage(self) -> Storage:
        return Storage(
            "storage",
            StorageArgs(
                names=self.names,
                portal_origin=self.address.origin,
                api_cors_origins=self.config.api_cors_origins,
                uploads_retention_days=self.config.uploads_retention_days,
                protected=self.config.protected,
            ),
        )

    def _make_queues(self) -> Queues:
        return Queues(
            "queues",
            QueuesArgs(
                names=self.names, storage=self.storage, with_mail=self.config.mail_from is not None, rules=RULES
            ),
        )

    def _make_network(self) -> Network:
        return Network(
            "network",
            NetworkArgs(
                names=self.names,
                cidr=self.config.vpc_cidr,
                availability_zones=self.config.availability_zones,
                bucket_arns=[self.storage.uploads.arn, self.storage.derived.arn],
            ),
        )

    def _make_database(self) -> Database:
        config = self.config
        return Database(
            "database",
            DatabaseArgs(
                names=self.names,
                version=config.database_version,
                min_capacity=config.database_min_capacity,
                max_capacity=config.database_max_capacity,
                pause_after_seconds=config.database_pause_after_seconds,
                instances=config.database_instances,
                backup_days=config.database_backup_days,
                protected=config.protected,
                keeps_last_snapshot=config.keeps_last_snapshot,
                subnet_ids=self.network.subnet_ids,
                security_group_id=self.network.database.id,
            ),
        )

    def _make_sagemaker(self) -> SageMaker:
        return SageMaker("sagemaker", SageMakerArgs(names=self.names, derived=self.storage.derived, config=self.config))

    def _make_recognition(self) -> Recognition:
        endpoint = self.sagemaker.endpoint
        return Recognition(
            "recognition",
            RecognitionArgs(
                config=self.config,
                surroundings=self.surroundings,
                archive=self.archives.recognize,
                storage=self.storage,
                ledger=self.ledger,
                queues=self.queues,
                endpoint=None if endpoint is None else Endpoint(name=endpoint.name, arn=endpoint.arn),
            ),
        )

    def _make_portal(self) -> PortalFunctions:
        proxy = self._make_proxy()
        secret_key = random.RandomPassword("secret-key", length=_SECRET_KEY_LENGTH, special=False)
        environment = PortalEnvironment(
            config=self.config,
            address=self.address,
            storage=self.storage,
            database_host=self.database.host if proxy is None else proxy.host,
            secret_key=secret_key.result,
        )
        return PortalFunctions(
            "portal",
            PortalFunctionsArgs(
                config=self.config,
                surroundings=self.surroundings,
                archive=self.archives.portal,
                role_archive=self.archives.recognize,
                environment=environment.variables(),
                placement=Placement(subnet_ids=self.network.subnet_ids, security_group_id=self.network.functions.id),
                storage=self.storage,
                ingest_queue=self.queues.ingest,
                database=self.database,
                database_user_arn=self.database.user_arn if proxy is None else proxy.user_arn,
            ),
        )

    def _make_proxy(self) -> DatabaseProxy | None:
        if not self.config.database_proxy:
            return None
        return DatabaseProxy("proxy", DatabaseProxyArgs(names=self.names, network=self.network, database=self.database))

    def _make_mail(self) -> Mail | None:
        if self.config.mail_from is None or self.queues.mail is None:
            return None
        return Mail(
            "mail",
            MailArgs(
                surroundings=self.surroundings,
                archive=self.archives.recognize,
                storage=self.storage,
                queue=self.queues.mail,
                sender=self.config.mail_from,
            ),
        )

    def _make_webhooks(self) -> Webhooks:
        return Webhooks(
            "webhooks",
            WebhooksArgs(
                surroundings=self.surroundings,
                archive=self.archives.recognize,
                storage=self.storage,
                queue=self.queues.webhooks,
                ingest_queue=self.queues.ingest,
            ),
        )

    def _make_training(self) -> Training:
        return Training(
            "training",
            TrainingArgs(
                config=self.config,
                surroundings=self.surroundings,
                archive=self.archives.recognize,
                code=self.archives.training,
                storage=self.storage,
                sagemaker=self.sagemaker,
                queue=self.queues.train,
                ingest_queue=self.queues.ingest,
            ),
        )

    def _connect(self) -> None:
        """Leads pages, new objects and the clock to the functions."""
        Api(
            "api",
            ApiArgs(
                names=self.names,
                address=self.address,
                web=self.portal.web,
                requests_per_second=self.config.requests_per_second,
                api_requests_per_second=self.config.api_requests_per_second,
                log_retention_days=self.config.log_retention_days,
            ),
        )
        BucketEvents(
            "events",
            BucketEventsArgs(
                names=self.names,
                storage=self.storage,
                queues=self.queues,
                manage=self.portal.manage,
            ),
        )
        Schedule("sweep", ScheduleArgs(names=self.names, manage=self.portal.manage, hours=self.config.sweep_hours))

    def _observe(self) -> None:
        Observation(
            "observation",
            ObservationArgs(
                names=self.names,
                email=self.config.alarm_email,
                budget_usd=self.config.aws_budget_usd,
                functions=self._functions(),
                queues=self.queues,
                address=self.address,
                database=self.database,
            ),
        )

    def _functions(self) -> dict[str, Function]:
        mail = {} if self.mail is None else {"mail": self.mail.function}
        return {
            "recognize": self.recognition.recognize,
            "dead-letters": self.recognition.dead_letters,
            "ingest": self.portal.ingest,
            "web": self.portal.web,
            "manage": self.portal.manage,
            "webhooks": self.webhooks.function,
            "train": self.training.function,
            **mail,
        }
