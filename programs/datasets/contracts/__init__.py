"""The contracts, by kind. ``contract_of`` is the way to ask for one."""

from programs.datasets.contracts import loyalty, partner, referral
from programs.datasets.contracts.base import Contract, ContractColumn, Type
from programs.datasets.loading.problems import DatasetProblems, Problem, nearest

CONTRACTS: dict[str, Contract] = {
    contract.kind: contract for module in (loyalty, referral, partner) for contract in module.CONTRACTS
}


def contract_of(kind: str) -> Contract:
    """The contract of a kind. Raises DatasetProblems naming the nearest kind and all of them."""
    if kind in CONTRACTS:
        return CONTRACTS[kind]
    raise DatasetProblems(
        [
            Problem(
                "kind",
                f"There is no kind of dataset called “{kind}”.",
                allowed=tuple(CONTRACTS),
                nearest=nearest(kind, CONTRACTS),
                code="unknown_kind",
            )
        ]
    )


__all__ = ["CONTRACTS", "ContractColumn", "Contract", "Type", "contract_of"]
