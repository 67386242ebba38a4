"""Which coefficients of a model go to infinity, alone or together: told from lost information.

A likelihood that is greatest at infinity is flat there: along the way the information on a
combination of coefficients is lost, though each of them by itself may keep some.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_RANK = 1e-9
_LOST = 1e-6
"""The share of the information at 0 below which nothing is left: a hazard ratio of a million."""
_PART = 1e-3
"""A coefficient has a part in a combination from this share of the largest part on."""


def undetermined(information: FloatArray, reach: FloatArray) -> BoolArray:
    """The coefficients with a part in a combination of which the data say nothing.

    `reach` is the largest size of each covariate.

    >>> undetermined(np.array([[1.0, 1.0], [1.0, 1.0]]), np.ones(2)).tolist()
    [True, True]
    """
    size = np.sqrt(np.maximum(np.diag(information), 0.0))
    blank = size <= 1e-6 * np.maximum(reach, np.finfo(float).tiny)
    values, vectors = np.linalg.eigh(_scaled(information, np.where(blank, 1.0, size)))
    return np.asarray(blank | _parts(vectors[:, values <= _RANK]))


def diverging(at_0: FloatArray, there: FloatArray) -> BoolArray:
    """The coefficients with a part in a combination whose information at 0 is lost `there`.

    >>> diverging(np.eye(2), np.array([[0.5, 0.5], [0.5, 0.5]])).tolist()
    [True, True]
    >>> diverging(np.eye(2), np.array([[0.0, 0.0], [0.0, 0.2]])).tolist()
    [True, False]
    """
    size = np.sqrt(np.maximum(np.diag(at_0), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(_scaled(at_0, size))
    known = values > _RANK
    whitened = vectors[:, known] / np.sqrt(values[known])
    kept, turned = np.linalg.eigh(whitened.T @ _scaled(there, size) @ whitened)
    return _parts(whitened @ turned[:, kept < _LOST])


def _scaled(matrix: FloatArray, size: FloatArray) -> FloatArray:
    return np.asarray(matrix / size[:, None] / size[None, :])


def _parts(directions: FloatArray) -> BoolArray:
    """Which rows have a part in any of the columns."""
    sizes = np.abs(directions)
    most = sizes.max(axis=0, initial=0.0)
    return np.asarray((sizes > _PART * most).any(axis=1))
