"""The policy pack: what every ImageSift stack promises, whatever its configuration.

`pulumi up --policy-pack infra/policies` refuses what breaks a promise; the tests run the same rules without Pulumi.
"""
