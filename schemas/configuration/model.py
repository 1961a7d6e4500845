"""The section `model` of the settings."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from schemas.configuration.section import Fraction, Section, Share
from schemas.families import BUILT_IN, JOIN, find_entry, list_families

Group = Literal["level", "volatility", "difference", "context"]
FORECASTERS: Final = ("rnn_forecaster", "lstm_forecaster")


def _require_family(name: str) -> str:
    """Refuse a family that neither forewarn nor an installed package brings."""
    if name != JOIN:
        find_entry(name)
    return name


def _refuse_join(name: str) -> str:
    if name == JOIN:
        raise ValueError("a join has no join among its members; name another family")
    return name


def _offer_families(schema: dict[str, Any]) -> None:
    """Offer the known families in forms that are made of the settings."""
    schema["enum"] = list(list_families())


def _offer_members(schema: dict[str, Any]) -> None:
    schema["enum"] = [name for name in list_families() if name != JOIN]


Family = Annotated[str, AfterValidator(_require_family), Field(json_schema_extra=_offer_families)]
Member = Annotated[
    str,
    AfterValidator(_refuse_join),
    AfterValidator(_require_family),
    Field(json_schema_extra=_offer_members),
]


class ModelSection(Section):
    """The model that scores windows."""

    family: Family = Field(
        JOIN,
        description=f"Kind of model. One of {', '.join(f'`{name}`' for name in (*BUILT_IN, JOIN))}, or one "
        "that an installed package brings.",
    )
    members: tuple[Member, ...] = Field(
        ("lstm_autoencoder", "pca_t2", "logistic"),
        min_length=2,
        description="Families whose tail ranks `join` adds.",
    )
    inputs: tuple[Group, ...] = Field(
        ("level", "volatility"), min_length=1, description="Features that families without labels see."
    )
    labelled_inputs: tuple[Group, ...] = Field(
        ("level", "volatility", "difference", "context"),
        min_length=1,
        description="Features that `logistic` sees, with the absolute values of those of a sensor.",
    )
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (32, 16), min_length=1, description="Units or filters of the encoder's layers; the decoder mirrors."
    )
    activation: Literal["relu", "tanh", "elu", "selu", "sigmoid", "linear"] = Field(
        "tanh", description="Activation of the hidden layers."
    )
    dropout: Share = Field(0.0, description="Share of the inputs of each hidden layer dropped in training.")
    recurrent_dropout: Share = Field(0.0, description="Share of the recurrent inputs dropped in training.")
    gaussian_dropout: Share = Field(0.0, description="Gaussian noise in place of dropout.")
    alpha_dropout: Share = Field(0.0, description="Dropout that keeps mean and deviation, for `selu`.")
    kernel_rows: int = Field(3, ge=1, description="Rows that a filter of `conv_lstm_autoencoder` spans.")
    error_rows: Literal["last", "window"] = Field(
        "last", description="Rows of a window whose squared error is the score."
    )
    explained_variance: Fraction = Field(0.99, description="Share of variance that PCA's components hold.")
    regularisation: float = Field(
        1e-3, gt=0, description="Inverse strength of the penalty of `logistic`: smaller is stronger."
    )
    warning_rows: int | None = Field(
        None, ge=1, description="Rows before an event that teach `logistic`; none for `labels.rows_ahead`."
    )

    @property
    def families(self) -> tuple[str, ...]:
        """The family, or the members of a join."""
        return self.members if self.family == JOIN else (self.family,)

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if len(set(self.members)) != len(self.members):
            raise ValueError(f"`model.members` must differ from each other. Received {self.members}.")
        if self.alpha_dropout and self.activation != "selu":
            raise ValueError(
                "`model.alpha_dropout` belongs to `model.activation` selu. "
                f"Received activation={self.activation}."
            )
        return self
