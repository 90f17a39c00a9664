import pickle

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone, is_classifier

from augmentlab import Affine, data, models, uniform
from augmentlab.models import cnn

torch = pytest.importorskip("torch")

QUICK = {"steps": 60, "width": 4, "device": "cpu"}


def halves(count=60, shape=(8, 8), dtype=np.uint8, seed=0):
    """Images of two classes, bright on the left or on the right, and their labels."""
    labels = np.arange(count) % 2
    values = np.random.default_rng(seed).random((count, *shape)) * 0.4
    half = shape[1] // 2
    values[labels == 0, :, :half] += 0.5
    values[labels == 1, :, half:] += 0.5
    return (np.rint(values * 255).astype(np.uint8) if dtype == np.uint8 else values.astype(dtype)), labels


def weights(model):
    return {name: value.numpy().copy() for name, value in model.network_.state_dict().items()}


def same(one, other):
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)


@pytest.mark.parametrize("shape", [(8, 8), (2, 2), (16, 16, 1), (33, 5), (20, 28, 3), (40, 36, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_it_learns_from_images_of_any_size_and_kind(shape, dtype):
    images, labels = halves(shape=shape, dtype=dtype)
    model = models.TorchCNN(**QUICK, random_state=0).fit(images[:40], labels[:40])
    assert (model.predict(images[40:]) == labels[40:]).mean() > 0.9


@pytest.mark.parametrize(("side", "blocks"), [(8, 2), (16, 2), (17, 3), (32, 3), (33, 4), (64, 4), (200, 4)])
def test_the_network_comes_down_to_about_four_by_four(side, blocks):
    network = cnn._network(torch, (side, side, 3), 2, 5, np.random.default_rng(0))
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in network) == blocks
    assert network[-1].in_features == 2 * 2 ** (blocks - 1) * min(4, -(-side // 2**blocks)) ** 2
    assert network.eval()(torch.zeros(1, 3, side, side)).shape == (1, 5)


def test_it_is_a_classifier_of_scikit_learn():
    model = models.torch_cnn(steps=30, width=4, lr=0.01, device="cpu")
    assert is_classifier(model)
    assert clone(model).get_params() == model.get_params()
    assert repr(models.torch_cnn(steps=30)) == "TorchCNN(steps=30)"
    assert type(models.for_images(model)) is models.TorchCNN
    assert models.with_seed(model, 5).random_state == 5
    assert models.split_features(model)[0] is None
    images, labels = halves()
    names = np.array(["left", "right"])[labels]
    fitted = model.set_params(random_state=1).fit(images, names)
    assert fitted.classes_.tolist() == ["left", "right"]
    assert (fitted.predict(images) == names).mean() > 0.9
    probabilities = fitted.predict_proba(images)
    assert (probabilities.shape, probabilities.dtype) == ((60, 2), np.float64)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(images))
    assert fitted.predict(images[:0]).shape == (0,)


def test_one_class_is_predicted_always():
    images, _ = halves(10)
    assert (models.TorchCNN(**QUICK).fit(images, np.full(10, 7)).predict(images) == 7).all()


def test_the_network_does_not_depend_on_its_dtype():
    images, labels = halves()
    one, other = (
        models.TorchCNN(**QUICK, random_state=3).fit(given, labels) for given in (images, images / np.float64(255))
    )
    assert same(one, other)


def test_equal_seeds_give_equal_bits_whatever_the_threads_and_the_global_state():
    images, labels = halves()
    before = torch.get_num_threads()
    fitted = []
    for threads, state in ((1, 0), (2, 1)):
        torch.set_num_threads(threads)
        torch.manual_seed(state)
        expected = torch.random.get_rng_state()
        fitted.append(models.TorchCNN(**QUICK, random_state=3).fit(images, labels))
        assert torch.equal(torch.random.get_rng_state(), expected)
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert same(*fitted)
    assert fitted[0].predict_proba(images).tobytes() == fitted[1].predict_proba(images).tobytes()
    other = models.TorchCNN(**QUICK, random_state=4).fit(images, labels)
    assert not same(fitted[0], other)


@pytest.mark.slow
def test_equal_seeds_give_equal_bits_in_workers():
    images, labels = halves()
    model = models.TorchCNN(**QUICK, random_state=3)
    here = clone(model).fit(images, labels)
    for there in Parallel(n_jobs=2)(delayed(model.fit)(images, labels) for _ in range(2)):
        assert same(there, here)
        assert there.predict_proba(images).tobytes() == here.predict_proba(images).tobytes()


def test_a_pickle_predicts_the_same_bits():
    images, labels = halves()
    unfitted = pickle.loads(pickle.dumps(models.TorchCNN(**QUICK, random_state=3)))
    model = unfitted.fit(images, labels)
    again = pickle.loads(pickle.dumps(model))
    assert again.predict_proba(images).tobytes() == model.predict_proba(images).tobytes()


@pytest.mark.parametrize(("steps", "batch_size"), [(7, 10), (20, 10), (21, 60), (5, 1000)])
def test_every_arm_takes_the_same_steps_on_rows_of_its_own_epochs(steps, batch_size):
    images, labels = halves(45)
    calls = []

    def augment(epoch, rows):
        calls.append((epoch, rows))
        return images[rows]

    model = models.TorchCNN(steps=steps, batch_size=batch_size, width=2, device="cpu", random_state=0)
    model.fit(images, labels, augment=augment)
    assert model.steps_ == len(calls) == steps
    size = min(batch_size, 45)
    assert {len(rows) for _, rows in calls} == {size}
    assert [epoch for epoch, _ in calls] == [step // (45 // size) for step in range(steps)]
    for epoch in range(calls[-1][0] + 1):
        seen = np.concatenate([rows for number, rows in calls if number == epoch])
        assert len(np.unique(seen)) == len(seen)  # no row twice in an epoch
    without = clone(model).fit(images, labels)
    assert same(model, without)  # the identity, as the control's copies


def test_what_augment_returns_is_what_it_learns_from():
    images, labels = halves()
    flipped = models.TorchCNN(**QUICK, random_state=0).fit(
        images, labels, augment=lambda _epoch, rows: images[rows][:, :, ::-1]
    )
    assert (flipped.predict(images) == labels).mean() < 0.1
    assert (flipped.predict(images[:, :, ::-1]) == labels).mean() > 0.9


def test_images_of_another_shape_are_refused():
    images, labels = halves()
    message = r"augment\(epoch, rows\) must return an image of shape \(8, 8\) for each of 60 rows; got .* \(60, 4, 8\)"
    with pytest.raises(ValueError, match=message):
        models.TorchCNN(**QUICK).fit(images, labels, augment=lambda _epoch, rows: images[rows][:, ::2])


def test_early_stopping_holds_images_out_and_stops():
    images, labels = halves()
    seen = set()

    def augment(epoch, rows):
        seen.update(rows)
        return images[rows]

    labels[: len(labels) // 2] = np.random.default_rng(0).permutation(labels[: len(labels) // 2])
    settings = {"width": 4, "device": "cpu", "lr": 0.02, "random_state": 0}
    model = models.TorchCNN(steps=500, early_stopping=0.25, **settings).fit(images, labels, augment=augment)
    assert len(seen) == 45
    assert model.steps_ < 500
    whole = models.TorchCNN(steps=model.steps_, **settings).fit(images, labels)
    assert whole.steps_ == model.steps_


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"steps": 0}, "steps must be an int >= 1; got 0"),
        ({"steps": True}, "steps must be an int >= 1; got True"),
        ({"batch_size": 2.5}, r"batch_size must be an int >= 2; got 2\.5"),
        ({"width": "wide"}, "width must be an int >= 1; got 'wide'"),
        ({"lr": 0}, "lr must be a number above 0; got 0"),
        ({"lr": float("nan")}, "lr must be a number above 0; got nan"),
        ({"early_stopping": 1}, "early_stopping must be None or a share between 0 and 1; got 1"),
        ({"early_stopping": True}, "early_stopping must be None or a share between 0 and 1; got True"),
        ({"device": 0}, 'device must be "auto" or the name of a device of PyTorch; got 0'),
    ],
)
def test_parameters_that_cannot_be_are_refused_at_once(parameters, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        models.torch_cnn(**parameters)
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        models.TorchCNN(**parameters).fit(*halves(4))


@pytest.mark.slow
def test_fresh_shifts_help_on_scattered_digits():
    scattered = data.scattered_digits()
    images, labels = np.asarray(scattered.images), scattered.labels
    train, validation = np.arange(300), np.arange(300, 900)
    shift = Affine(translate_x=uniform(-3 / 16, 3 / 16), translate_y=uniform(-3 / 16, 3 / 16))

    def shifted(epoch, rows):
        return np.stack([shift(images[row], rng=(0, epoch, int(row))) for row in rows])

    hits = []
    for augment in (None, shifted):
        model = models.torch_cnn(steps=500, device="cpu").set_params(random_state=0)
        model.fit(images[train], labels[train], augment=augment)
        hits.append((model.predict(images[validation]) == labels[validation]).mean())
    assert hits[0] > 0.4  # one of ten classes by chance
    assert hits[1] > hits[0] + 0.1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_is_found_and_left_again():
    images, labels = halves()
    model = models.TorchCNN(steps=60, width=4, random_state=0).fit(images, labels)
    assert {parameter.device.type for parameter in model.network_.parameters()} == {"cpu"}
    assert (model.predict(images) == labels).mean() > 0.9
