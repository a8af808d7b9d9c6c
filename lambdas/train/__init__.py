"""From the portal's outbox to SageMaker: training jobs and registered models."""
