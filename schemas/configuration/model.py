"""The section `model` of the settings."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from schemas.configuration.section import Fraction, Section, Share
from schemas.families import BUILT_IN, JOIN, find_entry, list_families

# families that take `model.inputs` or `model.labelled_inputs`; all others take `model.window_inputs`
SINGLE_ROW: Final = ("pca_t2", "pca_q", "zscore", "dense_autoencoder", "logistic")
Group = Literal["level", "volatility", "difference", "context", "raw"]
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
        description="Model family; `join` combines several. One of "
        f"{', '.join(f'`{name}`' for name in (*BUILT_IN, JOIN))}, or one that an installed package provides.",
    )
    members: tuple[Member, ...] = Field(
        ("lstm_autoencoder", "pca_windows", "pca_raw_t2", "pca_t2", "logistic"),
        min_length=2,
        description="Families that `join` combines by adding their tail ranks, each weighted by how stable "
        "its normal scores are.",
    )
    inputs: tuple[Group, ...] = Field(
        ("level", "volatility"),
        min_length=1,
        description="Feature groups used by the unsupervised families that see a window's last row: "
        "`pca_t2`, `pca_q`, `zscore` and `dense_autoencoder`.",
    )
    window_inputs: tuple[Group, ...] = Field(
        ("raw",),
        min_length=1,
        description="Feature groups used by `pca_raw_t2` and by the families that see all rows of a window: "
        "`pca_windows` and the other networks. `raw` means `level` unless `features.level` is `both`.",
    )
    labelled_inputs: tuple[Group, ...] = Field(
        ("level", "volatility", "difference", "context"),
        min_length=1,
        description="Feature groups used by `logistic`.",
    )
    magnitude_inputs: tuple[Group, ...] = Field(
        ("level", "difference"),
        description="Groups of `labelled_inputs` whose magnitude, the logarithm of the absolute value, "
        "`logistic` uses too; empty for none.",
    )
    units: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (32, 16),
        min_length=1,
        description="Units (or filters) in each layer of the encoder; the decoder mirrors it.",
    )
    activation: Literal["relu", "tanh", "elu", "selu", "sigmoid", "linear"] = Field(
        "tanh", description="Activation of the hidden layers."
    )
    dropout: Share = Field(0.0, description="Dropout rate on the inputs of each hidden layer.")
    recurrent_dropout: Share = Field(0.0, description="Dropout rate on the recurrent inputs.")
    gaussian_dropout: Share = Field(0.0, description="Rate of Gaussian dropout (multiplicative noise).")
    alpha_dropout: Share = Field(
        0.0, description="Rate of alpha dropout, which preserves mean and variance; only with `selu`."
    )
    kernel_rows: int = Field(3, ge=1, description="Kernel size of `conv_lstm_autoencoder`, in rows.")
    error_rows: Literal["last", "window"] = Field(
        "window", description="Rows of a window whose mean squared error is the score."
    )
    explained_variance: Fraction = Field(
        0.99,
        description="Share of the variance that the components of `pca_t2`, `pca_raw_t2` and `pca_q` must "
        "explain.",
    )
    window_variance: Fraction = Field(
        0.95, description="Share of the variance that the components of `pca_windows` must explain."
    )
    regularisation: float = Field(
        3e-4, gt=0, description="Inverse regularisation strength of `logistic`: smaller is stronger."
    )
    warning_rows: int | None = Field(
        None,
        ge=1,
        description="Rows before an event that are positive for `logistic`; null for `labels.rows_ahead`.",
    )

    @property
    def families(self) -> tuple[str, ...]:
        """The family, or the members of a join."""
        return self.members if self.family == JOIN else (self.family,)

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if len(set(self.members)) != len(self.members):
            raise ValueError(f"`model.members` must not contain a family twice. Received {self.members}.")
        if self.alpha_dropout and self.activation != "selu":
            raise ValueError(
                "`model.activation` must be selu when `model.alpha_dropout` is set. "
                f"Received activation={self.activation}."
            )
        return self
