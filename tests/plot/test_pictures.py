"""What each picture draws, in the coordinates of the data."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import thalweg as tw
from thalweg.errors import ArgumentError

matplotlib = pytest.importorskip("matplotlib")
from matplotlib import pyplot  # noqa: E402

IRIS = load_iris()
X, y = IRIS.data, IRIS.target_names[IRIS.target]
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]
BMI = load_diabetes(scaled=False)


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def kmeans():
    return tw.models.KMeans(3, random_state=0).fit(X)


@pytest.fixture(scope="module")
def network():
    return tw.models.NeuralNetworkClassifier((8,), early_stopping=True, random_state=0).fit(X, y)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def offsets(ax):
    """The points of each scatter."""
    return [np.asarray(c.get_offsets()) for c in ax.collections if len(c.get_offsets())]


def line(ax, label):
    (found,) = [one for one in ax.lines if one.get_label() == label]
    return np.column_stack(found.get_data())


def rendered(ax):
    """Nothing fails when the picture is made, and nothing is drawn beyond it."""
    ax.figure.canvas.draw()
    return ax


def test_every_picture_takes_and_returns_axes(kmeans, network):
    pca = PCA(2).fit(X)
    mixture = tw.models.GaussianMixture(2, random_state=0).fit(X)
    linear = tw.models.LinearRegression().fit(X[:, :3], X[:, 3])
    for draw in (
        lambda ax: tw.plot.clusters(kmeans, X, ax=ax),
        lambda ax: tw.plot.mixture(mixture, X, ax=ax),
        lambda ax: tw.plot.regression(linear, X[:, :3], X[:, 3], ax=ax),
        lambda ax: tw.plot.loss_curve(network, ax=ax),
        lambda ax: tw.plot.confusion(network, X, y, ax=ax),
        lambda ax: tw.plot.reconstruction(pca, X, ax=ax),
    ):
        ax = pyplot.figure().subplots()
        assert draw(ax) is ax
        assert rendered(draw(None)) is not ax
        assert ax.get_xlabel()


# --- clusters ---


def test_clusters(kmeans):
    ax = rendered(tw.plot.clusters(kmeans, X, names=NAMES, features=["petal length", "sepal width"]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("petal length", "sepal width")
    groups = offsets(ax)
    for k, group in enumerate(groups):
        assert np.array_equal(group, X[kmeans.labels_ == k][:, [2, 1]])
    assert np.allclose(line(ax, "centres"), kmeans.cluster_centers_[:, [2, 1]])
    sizes = np.bincount(kmeans.labels_)
    assert legend(ax) == [*(f"cluster {k}: {n} rows" for k, n in enumerate(sizes)), "centres"]


def test_clusters_of_many_features_lie_on_their_principal_axes(kmeans):
    ax = rendered(tw.plot.clusters(kmeans, X))
    assert ax.get_xlabel() == "first principal axis (92 % of the variance)"
    assert np.allclose(np.ptp(np.concatenate(offsets(ax)), axis=0), np.ptp(PCA(2).fit_transform(X), axis=0))


def test_clusters_of_a_pipeline_are_shown_as_it_sees_them():
    pipeline = make_pipeline(StandardScaler(), tw.models.KMeans(2, random_state=0)).fit(X)
    ax = rendered(tw.plot.clusters(pipeline, X, features=[0, 1], names=NAMES))
    assert ax.get_xlabel() == "sepal length (standardized)"
    assert np.allclose(line(ax, "centres"), pipeline[-1].cluster_centers_[:, :2])


def test_many_clusters_have_numbers_at_their_centres():
    ax = rendered(tw.plot.clusters(tw.models.KMeans(12, random_state=0).fit(X), X))
    assert ax.get_legend() is None and [text.get_text() for text in ax.texts] == [str(k) for k in range(12)]


def test_clusters_of_one_feature_are_counted():
    model = tw.models.KMeans(2, random_state=0).fit(X[:, 2:3])
    ax = rendered(tw.plot.clusters(model, X[:, 2:3], names=["petal length"]))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("petal length", "rows")
    assert sum(patch.get_height() for patch in ax.patches) == 150
    assert np.allclose(np.sort(line(ax, "centres")[:, 0]), np.sort(model.cluster_centers_[:, 0]))


# --- mixture ---


@pytest.mark.parametrize("form", ["full", "tied", "diag", "spherical"])
def test_the_ellipses_of_a_mixture_are_at_one_and_two_standard_deviations(form):
    model = tw.models.GaussianMixture(2, covariance_type=form, random_state=0).fit(X[:, :2])
    ax = rendered(tw.plot.mixture(model, X[:, :2]))
    outlines = [np.column_stack(one.get_data()) for one in ax.lines if len(one.get_xdata()) > 100]
    assert len(outlines) == 4
    place = 0
    for k in range(2):
        precision = {
            "full": lambda k: model.precisions_[k], "tied": lambda k: model.precisions_,
            "diag": lambda k: np.diag(model.precisions_[k]), "spherical": lambda k: np.eye(2) * model.precisions_[k],
        }[form](k)  # fmt: skip
        for radius in (1, 2):
            d = outlines[place] - model.means_[k]
            assert np.allclose(np.einsum("ij,jk,ik->i", d, precision, d), radius**2)
            place += 1
    assert legend(ax)[-1] == "1 and 2 standard deviations"


def test_a_mixture_of_many_features_is_projected():
    model = tw.models.GaussianMixture(1).fit(X)
    ax = rendered(tw.plot.mixture(model, X))
    outline = next(np.column_stack(one.get_data()) for one in ax.lines if len(one.get_xdata()) > 100)
    assert np.allclose(np.max(outline, axis=0), PCA(2).fit_transform(X).std(axis=0), rtol=1e-3)


def test_missing_values_are_counted_and_not_drawn():
    gaps = X[:, :2].copy()
    gaps[:3, 0] = np.nan
    ax = rendered(tw.plot.mixture(tw.models.GaussianMixture(2, random_state=0).fit(gaps), gaps))
    assert sum(map(len, offsets(ax))) == 147
    assert "(3 with missing values not drawn)" in legend(ax)


def test_a_mixture_along_one_feature_has_its_densities():
    model = tw.models.GaussianMixture(2, random_state=0).fit(X[:, 2:3])
    ax = rendered(tw.plot.mixture(model, X[:, 2:3], names=["petal length"]))
    curves = [np.column_stack(one.get_data()) for one in ax.lines if len(one.get_xdata()) == 400]
    width = ax.patches[0].get_width()
    for k, curve in enumerate(curves):
        inside = np.trapezoid(curve[:, 1], curve[:, 0]) / (150 * width)
        assert inside == pytest.approx(model.weights_[k], rel=0.03)
        assert curve[np.argmax(curve[:, 1]), 0] == pytest.approx(model.means_[k, 0], abs=0.03)


# --- regression ---


def test_a_fit_with_its_bands():
    x, target = BMI.data[:, [2]], BMI.target
    model = tw.models.LinearRegression().fit(x, target)
    ax = rendered(tw.plot.regression(model, x, target, names=["bmi"], target="progression", level=0.9))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("bmi", "progression")
    assert np.array_equal(offsets(ax)[0], np.column_stack([x[:, 0], target]))
    drawn = line(ax, "fit")
    assert np.allclose(drawn[:, 1], model.predict(drawn[:, :1]))
    for label in ("confidence", "prediction"):
        (band,) = [c for c in ax.collections if c.get_label() == f"90 % {label} band"]
        corner = band.get_paths()[0].vertices
        low, high = (f(corner[corner[:, 0] == drawn[0, 0]][:, 1]) for f in (np.min, np.max))
        _, lower, upper = model.predict(drawn[:1, :1], interval=label, level=0.9)
        assert (low, high) == (pytest.approx(lower[0]), pytest.approx(upper[0]))


def test_predictions_beside_observations():
    model = tw.models.LinearRegression().fit(BMI.data, BMI.target)
    ax = rendered(tw.plot.regression(model, BMI.data, BMI.target, target="progression"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("progression, predicted", "progression, observed")
    assert np.allclose(offsets(ax)[0], np.column_stack([model.predict(BMI.data), BMI.target]))
    diagonal = line(ax, "predicted = observed")
    assert np.array_equal(diagonal[:, 0], diagonal[:, 1])


def test_along_one_of_many_features_the_residuals_stay():
    model = tw.models.LinearRegression().fit(BMI.data, BMI.target)
    ax = rendered(tw.plot.regression(model, BMI.data, BMI.target, names=BMI.feature_names, feature="bmi"))
    assert ax.get_ylabel() == "y, other features at their means"
    points, drawn = offsets(ax)[0], line(ax, "fit")
    slope = np.diff(drawn[[0, -1], 1]) / np.diff(drawn[[0, -1], 0])
    assert slope == pytest.approx(model.coef_[2])
    heights = np.interp(points[:, 0], *drawn.T)
    assert np.allclose(points[:, 1] - heights, BMI.target - model.predict(BMI.data))


def test_regression_faults():
    model = tw.models.LinearRegression().fit(X[:, :1], X[:, 1:3])
    with pytest.raises(ArgumentError, match="one number for each of the 150 rows is drawn"):
        tw.plot.regression(model, X[:, :1], X[:, 1:3])
    with pytest.raises(ArgumentError, match="there is no feature 'z'"):
        tw.plot.regression(tw.models.LinearRegression().fit(X, X[:, 0]), X, X[:, 0], feature="z")


# --- training ---


def test_loss_curve(network):
    ax = rendered(tw.plot.loss_curve(network))
    assert np.array_equal(line(ax, "loss of the training rows")[:, 1], network.loss_curve_)
    (beside,) = [one for one in ax.figure.axes if one is not ax]
    assert np.array_equal(line(beside, "score of rows set aside")[:, 1], network.validation_scores_)
    assert (ax.get_xlabel(), ax.get_ylabel(), beside.get_ylabel()) == ("epoch", "loss", "validation score")
    assert legend(ax) == ["loss of the training rows", "score of rows set aside"]


def test_loss_curve_of_iterations_and_of_pipelines(kmeans):
    ax = rendered(tw.plot.loss_curve(make_pipeline(StandardScaler(), kmeans)))
    assert (ax.get_xlabel(), ax.get_yscale()) == ("iteration", "linear")
    assert np.array_equal(ax.lines[0].get_ydata(), kmeans.loss_curve_)

    class Steep:
        loss_curve_ = (1e3, 1.0, 1e-3)

    assert tw.plot.loss_curve(Steep()).get_yscale() == "log"
    with pytest.raises(ArgumentError, match="A PCA has no loss curve"):
        tw.plot.loss_curve(PCA())


def test_confusion(network):
    from sklearn.metrics import confusion_matrix

    ax = rendered(tw.plot.confusion(network, X, y))
    counts = confusion_matrix(y, network.predict(X))
    assert [int(text.get_text()) for text in ax.texts] == counts.ravel().tolist()
    assert [text.get_text() for text in ax.get_xticklabels()] == list(IRIS.target_names)
    shares = np.asarray(ax.images[0].get_array())
    assert np.allclose(shares, counts / counts.sum(axis=1, keepdims=True))
    assert ax.get_title(loc="left") == f"{np.trace(counts)} of 150 rows right ({100 * np.trace(counts) / 150:.3g} %)"


def test_confusion_with_a_class_that_the_model_does_not_know(network):
    ax = rendered(tw.plot.confusion(network, X[:3], np.array(["rosa", "setosa", "setosa"])))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["rosa", *IRIS.target_names]
    assert np.asarray(ax.images[0].get_array())[3].tolist() == [0, 0, 0, 0]


# --- reconstruction ---


def test_images_and_their_reconstructions():
    digits = load_digits().data
    pca = PCA(10).fit(digits)
    ax = rendered(tw.plot.reconstruction(pca, digits, rows=3))
    mosaic = np.ma.filled(ax.images[0].get_array().astype(float), np.nan)
    assert mosaic.shape == (17, 26)
    assert np.allclose(mosaic[:8, :8], digits[0].reshape(8, 8))
    made = pca.inverse_transform(pca.transform(digits[-1:])).reshape(8, 8)
    assert np.allclose(mosaic[9:, -8:], made)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "898", "1796"]


def test_the_shape_of_images_can_be_given():
    data = np.random.default_rng(0).random((5, 12))
    ax = rendered(tw.plot.reconstruction(PCA(2).fit(data), data, rows=2, shape=(3, 4)))
    assert ax.images[0].get_array().shape == (7, 9)
    with pytest.raises(ArgumentError, match=r"shape=\(3, 5\) has 15 pixels, and X has 12 features"):
        tw.plot.reconstruction(PCA(2).fit(data), data, shape=(3, 5))


def test_features_and_their_reconstructions():
    pca = PCA(2).fit(X)
    ax = rendered(tw.plot.reconstruction(pca, X, rows=2, names=NAMES))
    standard = (X - X.mean(0)) / X.std(0)
    assert np.allclose(line(ax, "row 149")[:, 1], standard[149])
    made = (pca.inverse_transform(pca.transform(X)) - X.mean(0)) / X.std(0)
    assert any(np.allclose(one.get_ydata(), made[149]) for one in ax.lines if len(one.get_ydata()) == 4)
    assert [text.get_text() for text in ax.get_xticklabels()] == NAMES


def test_named_features_are_no_pixels():
    data = np.random.default_rng(0).random((5, 49))
    model = PCA(2).fit(data)
    assert rendered(tw.plot.reconstruction(model, data, names=[f"pixel_{k}" for k in range(49)])).images
    named = [f"{'abcdefg'[k % 7]}{'hijklmn'[k // 7]}" for k in range(49)]
    assert not rendered(tw.plot.reconstruction(model, data, names=named)).images
