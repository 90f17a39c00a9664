"""Classifiers to begin with: quick to train on a few hundred images, and the same on every run."""

from __future__ import annotations

from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from augmentlab.models.features import HOG, Flatten


def hog_logistic(*, C: float = 10.0, orientations: int = 9, cells: int = 4) -> Pipeline:  # noqa: N803  (scikit-learn's)
    """`HOG` features and multinomial logistic regression.

    Parameters
    ----------
    C : float
        Inverse strength of the regularisation, as in scikit-learn. HOG features are small, so that scikit-learn's own
        default of 1 leaves little room for what augmented copies add.
    orientations, cells : int
        Passed to `HOG`.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Not fitted; for images of one size, at least 2 by 2 pixels.

    Examples
    --------
    >>> hog_logistic()
    Pipeline(steps=[('hog', HOG()),
                    ('logisticregression',
                     LogisticRegression(C=10.0, solver='newton-cg'))])
    """
    # Newton's method comes closer to the optimum in fewer steps than the default here: less that differs by chance.
    return make_pipeline(HOG(orientations=orientations, cells=cells), LogisticRegression(C=C, solver="newton-cg"))


def knn(neighbors: int = 1) -> Pipeline:
    """Nearest neighbours on the pixels, by Euclidean distance.

    Parameters
    ----------
    neighbors : int
        How many vote. With more than one, the unchanged copies of a study's control vote for their original.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Not fitted; for images of one size.

    Examples
    --------
    >>> knn()
    Pipeline(steps=[('flatten', Flatten()),
                    ('kneighborsclassifier', KNeighborsClassifier(n_neighbors=1))])
    """
    return make_pipeline(Flatten(), KNeighborsClassifier(n_neighbors=neighbors))


def svm(*, C: float = 10.0, gamma: float | str = "scale") -> Pipeline:  # noqa: N803  (scikit-learn's)
    """Support vector machine with a radial kernel, on the pixels.

    Parameters
    ----------
    C : float
        Penalty of a margin that is not kept, as in scikit-learn. Copies of a row act as a larger penalty. With 10,
        hardly any row of pixels reaches it, so that unchanged copies hardly change the model, and a study's control is
        as good as the model without copies. With scikit-learn's own default of 1 they change it.
    gamma : float or "scale" or "auto"
        Width of the kernel, as in scikit-learn; "scale" follows the number and the variance of the pixels.

    Returns
    -------
    sklearn.pipeline.Pipeline
        Not fitted; for images of one size.

    References
    ----------
    Cortes, C. and Vapnik, V. (1995). Support-vector networks. Machine Learning 20, 273-297.

    Examples
    --------
    >>> svm()
    Pipeline(steps=[('flatten', Flatten()), ('svc', SVC(C=10.0))])
    """
    return make_pipeline(Flatten(), SVC(C=C, gamma=gamma))
