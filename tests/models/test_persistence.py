"""Model files: what is saved predicts the same to the last bit; what was not saved by us is refused, whatever it is."""

import errno
import json
import os
import pickle
import stat
import warnings
import zipfile

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans as OtherKMeans
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import thalweg.models as models
from thalweg.errors import ArgumentError
from thalweg.models import container, persistence
from thalweg.models.persistence import load, save

X, y = load_iris(return_X_y=True)
NAMES = np.array(load_iris().target_names, dtype=object)


def linear():
    return models.LinearRegression().fit(X[:, :3], X[:, 3])


def scaled_network():
    inner = models.NeuralNetworkRegressor(hidden_layer_sizes=(5,), max_iter=30, random_state=0)
    return make_pipeline(
        StandardScaler(), TransformedTargetRegressor(inner, transformer=StandardScaler())
    ).fit(X[:, :3], X[:, 3])  # fmt: skip


MAKERS = {
    "linear": linear,
    "kmeans": lambda: models.KMeans(3, n_init=1, random_state=0).fit(X),
    "mixture": lambda: models.GaussianMixture(3, random_state=0).fit(X),
    "classifier": lambda: models.NeuralNetworkClassifier(hidden_layer_sizes=(5,), max_iter=30, random_state=0).fit(
        X, NAMES[y]
    ),
    "regressor": lambda: models.NeuralNetworkRegressor(hidden_layer_sizes=(5,), max_iter=30, random_state=0).fit(
        X[:, :3], X[:, 3]
    ),
    "autoencoder": lambda: models.Autoencoder(n_components=2, max_iter=30, random_state=0).fit(X),
    "pipeline": scaled_network,
}
ANSWERS = ("predict", "predict_proba", "decision_function", "transform", "score_samples")


class Trained(dict):
    """Each kind of model, fitted when it is first asked for."""

    def __missing__(self, name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 30 iterations are few
            self[name] = MAKERS[name]()
        return self[name]


@pytest.fixture(scope="module")
def trained():
    return Trained()


def answers(model):
    rows = X[:, : model.n_features_in_]
    return {name: getattr(model, name)(rows) for name in ANSWERS if hasattr(model, name)}


def same(a, b):
    if isinstance(a, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and (a == b or (a != a and b != b))


# --- what is saved comes back ---


@pytest.mark.parametrize("name", MAKERS)
def test_predictions_are_the_same_to_the_last_bit(trained, name, tmp_path):
    model = trained[name]
    save(model, tmp_path / "model.tw")
    again = load(tmp_path / "model.tw")
    assert type(again) is type(model)
    before, after = answers(model), answers(again)
    assert before and same({k: np.asarray(v) for k, v in before.items()}, {k: np.asarray(v) for k, v in after.items()})
    if name != "pipeline":
        assert same(again.get_params(), model.get_params())
        kept = {k: v for k, v in vars(model).items() if k != "_evidence"}
        for key, value in kept.items():
            assert hasattr(again, key), key
            if type(value) in (np.ndarray, list, tuple, dict, str, int, float):
                assert np.dtype("O") == getattr(value, "dtype", None) or same(vars(again)[key], value), key


@pytest.mark.parametrize("name", MAKERS)
def test_a_loaded_model_can_be_saved_and_fitted_again(trained, name, tmp_path):
    save(trained[name], tmp_path / "a.tw")
    again = load(tmp_path / "a.tw")
    save(again, tmp_path / "b.tw")
    assert (tmp_path / "a.tw").read_bytes() == (tmp_path / "b.tw").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refitted = again.fit(*((X[:, :3], X[:, 3]) if again.n_features_in_ == 3 else (X, NAMES[y])))
    assert same(*({k: np.asarray(v) for k, v in answers(m).items()} for m in (trained[name], refitted)))


@pytest.mark.parametrize("name", [name for name in MAKERS if name != "pipeline"])
def test_save_is_a_method_of_every_model(trained, name, tmp_path):
    trained[name].save(tmp_path / "model.tw")
    assert type(load(tmp_path / "model.tw")) is type(trained[name])


def test_numpy_reads_the_file_too(trained, tmp_path):
    save(trained["linear"], tmp_path / "model.tw")
    with np.load(tmp_path / "model.tw", allow_pickle=False) as entries:
        assert json.loads(entries["header.json"])["format"] == "thalweg model"
        assert any(np.array_equal(entries[name], trained["linear"].coef_) for name in entries.files[1:])


def test_the_verdict_is_kept_if_it_was_looked_at(tmp_path):
    model = linear()
    save(model, tmp_path / "before.tw")
    with pytest.raises(AttributeError, match="no solution_"):
        load(tmp_path / "before.tw").solution_
    verdict = model.solution_
    save(model, tmp_path / "after.tw")
    again = load(tmp_path / "after.tw").solution_
    assert (again.kind, again.status, again.value) == (verdict.kind, verdict.status, verdict.value)
    assert same(again.eigenvalues, verdict.eigenvalues)
    assert str(again) == str(verdict) and again.to_dict() == verdict.to_dict()


def test_every_kind_of_value(trained, tmp_path):
    model = linear()
    shared = np.arange(3.0)
    model.kept_ = {
        "numbers": [1, -2.5, float("inf"), True, None, 10**30],
        "nan": float("nan"),
        "text": "λ\n\"'\0",
        "pairs": ((1, "a"), [("b", 2.0)]),
        3: {"deep": {"er": [[]]}},
        "scalars": [np.float32(0.1), np.int64(3), np.bool_(True), np.str_("word")],
        "arrays": [np.float32([[0.1, 2]]), np.zeros((0, 3)), np.array(5), np.array(["a", "βγ"]), np.array([True])],
        "order": [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(10)[::2]],
        "objects": np.array([["a", None], [1.5, "ü"]], dtype=object),
        "shared": [shared, shared],
    }
    model.random_ = [np.random.RandomState(3), np.random.default_rng(4)]
    save(model, tmp_path / "model.tw")
    again = load(tmp_path / "model.tw")
    objects = again.kept_.pop("objects"), model.kept_.pop("objects")
    assert objects[0].dtype == object and objects[0].tolist() == objects[1].tolist()
    assert same(again.kept_, model.kept_)
    assert again.kept_["order"][0].flags.f_contiguous
    assert again.kept_["shared"][0] is again.kept_["shared"][1]
    assert all(array.flags.writeable for array in again.kept_["arrays"])
    assert again.random_[0].rand() == np.random.RandomState(3).rand()
    assert again.random_[1].random() == np.random.default_rng(4).random()


# --- what cannot be saved ---


def test_functions_cannot_be_saved(trained, tmp_path):
    path = tmp_path / "model.tw"
    for bad, words in [
        (np.tanh, "activation of LinearRegression is a function, tanh, and a model file holds no code"),
        (lambda x: x, "activation of LinearRegression is a function, <lambda>"),
        (object(), "activation of LinearRegression is a object: a model file holds numbers"),
        (np.array([object()], dtype=object), "an entry of activation of LinearRegression is a object"),
        (np.array([1j]), "activation of LinearRegression is an array of complex128"),
        ({"f": [np.tanh]}, r"activation of LinearRegression['f'][0] is a function"),
    ]:
        model = linear()
        model.activation = bad
        with pytest.raises(ArgumentError) as error:
            save(model, path)
        assert words in str(error.value)
        assert not path.exists()


def test_what_is_not_ours_or_not_fitted_cannot_be_saved(tmp_path):
    class Mine(models.LinearRegression):
        pass

    for model, words in [
        (OtherKMeans(2).fit(X), "A KMeans cannot be saved"),
        (Mine().fit(X, y), "A Mine cannot be saved"),
        (3, "A int cannot be saved"),
        (models.LinearRegression(), "This LinearRegression is not fitted"),
    ]:
        with pytest.raises(ArgumentError, match=words):
            save(model, tmp_path / "model.tw")
        assert not (tmp_path / "model.tw").exists()


# --- a broken write ---


def test_a_broken_write_leaves_the_old_file(trained, tmp_path, monkeypatch):
    path = tmp_path / "model.tw"
    save(trained["linear"], path)
    path.chmod(0o640)
    old = path.read_bytes()
    write = container._write

    def full(file, content):
        write(file, content)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(container, "_write", full)
    with pytest.raises(OSError, match=r"could not be saved \(No space left on device\); what was there is untouched"):
        save(trained["kmeans"], path)
    monkeypatch.setattr(container, "_write", lambda file, content: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save(trained["kmeans"], path)
    assert path.read_bytes() == old and os.listdir(tmp_path) == ["model.tw"]
    monkeypatch.setattr(container, "_write", write)
    save(trained["kmeans"], path)
    assert type(load(path)) is models.KMeans and stat.S_IMODE(path.stat().st_mode) == 0o640


def test_places_where_no_file_can_be(trained, tmp_path):
    for place, words in [
        (tmp_path, "no ordinary file"),
        ("/dev/null", "no ordinary file"),
        (tmp_path / "nowhere" / "model.tw", "No such file"),
    ]:
        with pytest.raises(OSError, match=words):
            save(trained["linear"], place)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_link_stays_a_link(trained, tmp_path):
    (tmp_path / "link.tw").symlink_to(tmp_path / "model.tw")
    save(trained["linear"], tmp_path / "link.tw")
    assert (tmp_path / "link.tw").is_symlink() and (tmp_path / "model.tw").is_file()


# --- what is no model file ---


def refused(path, *words):
    """`load` refuses the file with one sentence that names it."""
    with pytest.raises(ArgumentError) as error:
        load(path)
    message = str(error.value)
    assert str(path) in message and "\n" not in message and len(message) < 900
    for word in words:
        assert word in message
    return True


@pytest.mark.parametrize("content", [b"", b"PK", b"x,y\n1,2\n", b"PK\x03\x04" + b"\0" * 100, b"\x80\x04."])
def test_other_files(tmp_path, content):
    (tmp_path / "model.tw").write_bytes(content)
    refused(tmp_path / "model.tw", "no model that thalweg has saved")


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trapped",)


def test_pickles_and_archives_of_others(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.tw"
    path.write_bytes(pickle.dumps(Trap()))
    refused(path)
    np.savez(open(path, "wb"), a=np.arange(3))
    refused(path, "it does not have the entries of one")
    np.savez(open(path, "wb"), **{"0": np.array([Trap()], dtype=object), "header": np.arange(2)})
    refused(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere.tw")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    refused("/dev/null", "is no model")
    assert os.listdir(tmp_path) == ["model.tw"]


def rewrite(path, header=None, arrays=(), extra=(), compression=zipfile.ZIP_STORED):
    """A zip made by hand."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        with zipfile.ZipFile(path, "w", compression) as entries:
            if header is not None:
                entries.writestr("header.json", header if isinstance(header, (str, bytes)) else json.dumps(header))
            for number, array in enumerate(arrays):
                entries.writestr(f"{number}.npy", array if isinstance(array, bytes) else npy(array))
            for name, content in extra:
                entries.writestr(name, content)


def npy(array, pickled=False):
    import io

    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=pickled)
    return stream.getvalue()


def declared(shape, dtype="<f8", data=b""):
    """The bytes of an .npy with a header of one's own."""
    head = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data


@pytest.fixture
def saved(trained, tmp_path):
    """A saved model, as the path, the header and the arrays."""
    path = tmp_path / "model.tw"
    save(trained["linear"], path)
    content = container.read(path, "")
    rewrite(path, content.header, content.arrays)
    assert same(answers(load(path)), answers(trained["linear"]))
    return path, content.header, content.arrays


def test_hostile_archives(saved):
    path, header, arrays = saved
    rewrite(path, header, arrays, extra=[("../../escape.npy", b"x")])
    refused(path, "it does not have the entries of one")
    rewrite(path, header, arrays, extra=[("header.json", b"{}")])
    refused(path, "it does not have the entries of one")
    rewrite(path, header, arrays, compression=zipfile.ZIP_DEFLATED)
    refused(path, "is compressed")
    rewrite(path, header, [np.zeros(10**6), *arrays[1:]], compression=zipfile.ZIP_DEFLATED)  # a small bomb
    assert path.stat().st_size < 20_000
    refused(path, "is compressed")
    rewrite(path, header, [declared((10**9, 10**9)), *arrays[1:]])
    refused(path, "0.npy is declared with another size than it has")
    rewrite(path, header, [declared((-1,)), *arrays[1:]])
    refused(path, "0.npy is declared with another size")
    rewrite(path, header, [declared((10**12,), "<U0"), *arrays[1:]])
    refused(path, "0.npy holds nothing")
    rewrite(path, header, [declared((3,), "|O", pickle.dumps([Trap()] * 3)), *arrays[1:]])
    refused(path, "0.npy holds object, which is neither numbers nor text")
    rewrite(path, header, [npy(np.array([Trap()], dtype=object), True), *arrays[1:]])
    refused(path, "0.npy holds object")
    rewrite(path, header, [declared((1,), [("a", "<f8")], b"\0" * 8), *arrays[1:]])
    refused(path, "which is neither numbers nor text")
    rewrite(path, header, [declared("__import__('os').mkdir('trapped')"), *arrays[1:]])
    refused(path)
    rewrite(path, header, [b"\x93NUMPY\x09\x00" + b"\0" * 50, *arrays[1:]])
    refused(path, "unknown format")
    rewrite(path, "[" * 200_000, arrays)
    refused(path, "is damaged")
    rewrite(path, "[1, 2]", arrays)
    refused(path, "its header is no object")
    rewrite(path, b'{"format": "\xff"}', arrays)
    refused(path, "is damaged")
    rewrite(path, '{"version": ' + "9" * 10_000 + "}", arrays)
    refused(path, "is damaged")


def test_a_size_that_lies(saved):
    """The sizes of entries in the directory at the end of the file, made larger."""
    path = saved[0]
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02")
    for offset in (20, 24):
        data[place + offset : place + offset + 4] = (2**31 - 5).to_bytes(4, "little")
    path.write_bytes(data)
    refused(path, "declared larger than the file")


def changed(header, *keys, to):
    """The header with one place in it changed; `...` takes it out."""
    copy = json.loads(json.dumps(header))
    place = copy
    for key in keys[:-1]:
        place = place[key]
    if to is ...:
        del place[keys[-1]]
    else:
        place[keys[-1]] = to
    return copy


@pytest.mark.parametrize(
    "keys, to, words",
    [
        (["format"], "another", "is no model that thalweg has saved"),
        (["version"], 2, "was saved by another version of thalweg"),
        (["version"], ..., "was saved by another version of thalweg"),
        (["content"], 3, "what it holds is no model"),
        (["content"], ..., "what it holds is no model"),
        (["content"], {"array": 0}, "what it holds is no model"),
        (["content"], {"array": True}, "an array that it does not have"),
        (["content"], {"array": -1}, "an array that it does not have"),
        (["content"], {"array": 99}, "an array that it does not have"),
        (["content"], {"pickle": "…"}, "a value of an unknown kind (pickle)"),
        (["content", "model"], "Popen", "it is a Popen, which is none of LinearRegression"),
        (["content", "model"], "os.system", "it is a os.system, which is none of"),
        (["content", "model"], "KMeans", "which this version does not know"),
        (["content", "parameters"], ..., "no parameters or no attributes"),
        (["content", "attributes"], [], "no parameters or no attributes"),
        (["content", "parameters", "surprise"], 1, "a parameter surprise, which this version does not know"),
        (["content", "parameters", "fit_intercept"], "no", "fit_intercept"),
        (["content", "attributes", "coef_"], ..., "does not work"),
        (["content", "attributes", "coef_"], "text", "does not work"),
        (["content", "attributes", "coef_"], {"list": [1]}, "does not work"),
        (["content", "attributes", "coef_"], None, "does not work"),
        (["content", "attributes", "n_features_in_"], 10**12, "its number of features, 1000000000000, is not possible"),
        (["content", "attributes", "n_features_in_"], 0, "is not possible"),
        (["content", "attributes", "n_features_in_"], "3", "does not work"),
        (["content", "attributes", "n_features_in_"], 4, "does not work"),
        (["content", "attributes", "predict"], 1, "an attribute predict, which no such model has"),
        (["content", "attributes", "__class__"], 1, "an attribute __class__, which no such model has"),
        (["content", "attributes", "a b"], 1, "an attribute a b, which no such model has"),
        (["content", "attributes", "feature_names_in_"], {"list": ["a"]}, "names of features do not fit"),
        (["content", "attributes", "_solution"], 3, "does not work"),
        (["content", "attributes", "_solution"], {"record": "Solution", "fields": {}}, "does not work"),
        (["content", "attributes", "_solution"], {"record": "Solution", "fields": {"a": 1}}, "its Solution has a"),
        (["content", "attributes", "_solution"], {"record": "Popen", "fields": {}}, "unknown kind"),
        (["content", "attributes", "more_"], {"texts": ["a"], "shape": [10**9]}, "of another size than it says"),
        (["content", "attributes", "more_"], {"texts": [{}], "shape": [1]}, "with something else in it"),
        (["content", "attributes", "more_"], {"generator": "os", "state": {"dict": []}}, "unknown random generator os"),
        (["content", "attributes", "more_"], {"generator": "PCG64", "state": 3}, "does not work"),
        (["content", "attributes", "more_"], {"dict": [[1]]}, "a dict that is none"),
        (["content", "attributes", "more_"], {"dict": [[{"list": []}, 1]]}, "does not work"),
        (["content", "attributes", "more_"], [1], "a list where a value should be"),
    ],
)  # fmt: skip
def test_hostile_headers(saved, keys, to, words):
    path, header, arrays = saved
    rewrite(path, changed(header, *keys, to=to), arrays)
    refused(path, words)


def test_a_header_that_is_too_deep(saved):
    path, header, arrays = saved
    deep = 1
    for _ in range(300):
        deep = {"list": [deep]}
    rewrite(path, changed(header, "content", "attributes", "more_", to=deep), arrays)
    refused(path, "nested too deeply")


@pytest.mark.parametrize("name, parameter", [("pipeline", "memory"), ("classifier", "checkpoint")])
def test_a_file_names_no_other_places(trained, name, parameter, tmp_path):
    path = tmp_path / "model.tw"
    model = clone(trained[name]).set_params(**{parameter: str(tmp_path / "elsewhere")})
    model.__dict__.update({k: v for k, v in vars(trained[name]).items() if k != parameter})
    save(model, path)
    assert getattr(load(path), parameter) is None
    content = container.read(path, "")
    rewrite(path, changed(content.header, "content", "parameters", parameter, to=str(tmp_path)), content.arrays)
    refused(path, f"it sets {parameter} of {type(model).__name__}")


# --- by chance ---


@pytest.mark.parametrize("name", MAKERS)
def test_corrupt_bytes(trained, name, tmp_path):
    """400 corruptions a model: what is read is the model itself, or the file is refused."""
    path = tmp_path / "model.tw"
    save(trained[name], path)
    data, truth = path.read_bytes(), {k: np.asarray(v) for k, v in answers(trained[name]).items()}
    rng = np.random.default_rng(sum(map(ord, name)))
    count = {"refused": 0, "the same": 0}
    for _ in range(400):
        bad = bytearray(data)
        match rng.integers(5):
            case 0:
                bad[rng.integers(len(bad))] ^= 1 << int(rng.integers(8))
            case 1:
                del bad[rng.integers(len(bad)) :]
            case 2:
                at = int(rng.integers(len(bad)))
                bad[at : at + int(rng.integers(1, 200))] = rng.bytes(int(rng.integers(1, 200)))
            case 3:
                at = int(rng.integers(len(bad)))
                bad[at : at + 64] = bytes(len(bad[at : at + 64]))
            case 4:
                a, b = sorted(rng.integers(len(bad), size=2).tolist())
                bad[a:b] = bad[a:b][::-1]
        path.write_bytes(bad)
        try:
            again = load(path)
        except ArgumentError as error:
            assert str(path) in str(error)
            count["refused"] += 1
        else:
            assert same({k: np.asarray(v) for k, v in answers(again).items()}, truth)
            count["the same"] += 1
    assert count["refused"] > 250


@pytest.mark.parametrize("name", MAKERS)
def test_corrupt_content(trained, name, tmp_path):
    """200 changes a model, in an archive that is whole: never another error than ours."""
    path = tmp_path / "model.tw"
    save(trained[name], path)
    content = container.read(path, "")
    rng = np.random.default_rng(sum(map(ord, name)))
    strange = [
        None, True, -1, 0, 2**70, 1e308, float("nan"), "", "predict", [], {}, {"array": 0}, {"list": []},
        {"tuple": [1]}, {"dict": []}, {"scalar": "int8", "value": 3000}, {"texts": ["a"], "shape": [1]},
        {"model": "KMeans", "parameters": {}, "attributes": {}}, {"record": "Solution", "fields": {}},
        {"generator": "RandomState", "state": None},
    ]  # fmt: skip
    refusals = 0
    for _ in range(200):
        header = json.loads(json.dumps(content.header))
        arrays = list(content.arrays)
        if arrays and rng.integers(4) == 0:
            k = int(rng.integers(len(arrays)))
            other = [arrays[k].ravel()[:-1], arrays[k][None], np.zeros(3, "U2"), np.full(arrays[k].shape, np.nan)]
            arrays[k] = other[int(rng.integers(len(other)))]
        else:
            places = list(every_place(header))
            place, key = places[int(rng.integers(len(places)))]
            if isinstance(place, dict) and rng.integers(3) == 0:
                del place[key]
            else:
                place[key] = strange[int(rng.integers(len(strange)))]
        rewrite(path, header, arrays)
        try:
            load(path)
        except ArgumentError as error:
            assert str(path) in str(error) and "\n" not in str(error)
            refusals += 1
    assert refusals > 20


def every_place(tree):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for key, value in items:
        yield tree, key
        if isinstance(value, (dict, list)):
            yield from every_place(value)


def test_the_table_of_classes_is_what_there_is():
    for name in persistence.CLASSES:
        assert persistence._class(name) is not None, name
        assert persistence._class(name).__name__ == name
