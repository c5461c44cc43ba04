"""The delegation environment under a name that verifiers finds: `delegation-v1`."""

from delegate.train.verified import DelegationEnv, DelegationHarness, DelegationTaskset

__all__ = ["DelegationEnv", "DelegationHarness", "DelegationTaskset"]
