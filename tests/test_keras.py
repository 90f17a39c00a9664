import copy
import os
import pickle

import numpy as np
import pandas as pd
import pytest
from frameworks import required

from augmentlab import (
    CenterCrop,
    Compose,
    ConvertChannels,
    Crop,
    HorizontalFlip,
    Invert,
    MixUp,
    OneOf,
    Resize,
    Rotate,
    Rotate90,
    Sample,
    Standardize,
    VerticalFlip,
    augment_batch,
    choice,
    engine,
    integers,
    uniform,
)
from augmentlab.keras import AugmentedPyDataset, tf_map

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
keras = required("keras")
tf = required("tensorflow")

COUNT = 20
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 12, 16, 3)).astype(np.uint8)
LABELS = np.arange(COUNT)
PIPELINE = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-20, 20))])


def expected(seed, epoch, pipeline=PIPELINE):
    """What the package itself makes of the images."""
    return augment_batch(IMAGES, pipeline, seed, epoch)


def batches(**options):
    return AugmentedPyDataset(IMAGES, LABELS, PIPELINE, **{"batch_size": 8, "seed": 5, "dtype": "uint8"} | options)


class Recorder(keras.Model):
    """A model that keeps what it is trained on."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.net = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(COUNT)])

    def call(self, images):
        return self.net(images)

    def train_step(self, data):
        self.seen.append([part.numpy() for part in data])
        return {"loss": 0.0}


def trained(dataset, epochs, **options):
    """Images and labels of each epoch, as a model that is fitted sees them."""
    model = Recorder()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
    model.fit(dataset, epochs=epochs, verbose=0, shuffle=False, **options)
    per_epoch = np.split(np.arange(len(model.seen)), epochs)
    return [[np.concatenate([model.seen[k][part] for k in epoch]) for part in (0, 1)] for epoch in per_epoch]


# --- PyDataset --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"workers": 3}, {"workers": 2, "use_multiprocessing": True}])
def test_fit_sees_each_image_once_an_epoch_drawn_anew(options):
    dataset = batches(epoch=4, **options)
    for epoch, (images, labels) in enumerate(trained(dataset, 3), start=5):
        assert sorted(labels) == list(range(COUNT))
        assert np.array_equal(images, expected(5, epoch)[labels])
        assert np.array_equal(labels, batches(epoch=epoch).order())
    assert dataset.epoch == 8
    assert np.array_equal(trained(dataset, 1)[0][0], expected(5, 9)[batches(epoch=9).order()])


def test_orders_differ_by_epoch_and_seed_and_may_be_left_out():
    orders = [tuple(batches(**one).order()) for one in ({}, {"epoch": 1}, {"seed": 1})]
    assert len(set(orders)) == 3
    plain = batches(shuffle=False)
    assert np.array_equal(np.concatenate([labels for _, labels in plain]), LABELS)
    assert [len(images) for images, _ in plain] == [8, 8, 4]
    assert len(plain) == plain.num_batches == 3
    with pytest.raises(IndexError, match=r"index must be in 0\.\.2; got 3"):
        plain[3]


def test_it_is_a_pydataset_that_can_be_copied_and_subclassed():
    dataset = batches(epoch=2, workers=2, max_queue_size=4)
    assert isinstance(dataset, keras.utils.PyDataset)
    assert isinstance(dataset, AugmentedPyDataset)
    assert (dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size) == (2, False, 4)
    for other in (pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):
        assert type(other) is type(dataset)
        assert np.array_equal(other[1][0], dataset[1][0])
        other.on_epoch_end()
        assert (other.epoch, dataset.epoch) == (3, 2)

    class Reversed(AugmentedPyDataset):
        def order(self):
            return super().order()[::-1]

    mine = Reversed(IMAGES, LABELS, PIPELINE, batch_size=8, seed=5)
    assert isinstance(mine, keras.utils.PyDataset)
    assert isinstance(mine, Reversed)
    assert np.array_equal(mine.order(), batches().order()[::-1])


def test_a_series_of_labels_is_read_by_place():
    labels = pd.Series(LABELS, index=LABELS[::-1])
    dataset = AugmentedPyDataset(IMAGES, labels, HorizontalFlip(), batch_size=COUNT, shuffle=False)
    assert dataset[0][1].tolist() == LABELS.tolist()


def test_dtypes_and_channels():
    images, _ = AugmentedPyDataset(IMAGES[..., 0], LABELS, Invert(), shuffle=False)[0]
    assert (images.shape, images.dtype) == ((COUNT, 12, 16, 1), np.float32)
    assert np.array_equal(images[..., 0], (255 - IMAGES[..., 0]).astype(np.float32) / np.float32(255))
    listed = AugmentedPyDataset([*IMAGES[:3], IMAGES[3, :6]], LABELS[:4], Resize(height=6, width=8), dtype="uint8")
    assert listed[0][0].shape == (4, 6, 8, 3)


@pytest.mark.parametrize("target", ["mask", "heatmap"])
def test_masks_move_with_their_images(target):
    masks = IMAGES[..., 0] if target == "mask" else IMAGES[..., 0] / np.float32(255)
    dataset = AugmentedPyDataset(IMAGES, masks, HorizontalFlip(p=0.5), target=target, batch_size=COUNT, dtype="uint8")
    images, moved = dataset[0]
    assert moved.dtype == masks.dtype
    assert np.array_equal(moved, images[..., 0] if target == "mask" else images[..., 0] / np.float32(255))


def test_mixed_batches_have_vectors_for_labels():
    pipeline = Compose([HorizontalFlip(p=0.5), MixUp(alpha=1, num_classes=COUNT)])
    dataset = AugmentedPyDataset(IMAGES, LABELS, pipeline, batch_size=8, seed=3, shuffle=False, dtype="uint8")
    images, labels = dataset[1]
    want = pipeline([Sample(IMAGES[k], label=int(k)) for k in range(8, 16)], rng=(3, 0, *range(8, 16), 1))
    assert np.array_equal(images, [one.image for one in want])
    assert labels.dtype == np.float32
    assert np.allclose(labels, [one.label for one in want])


def halves():
    """Dark and bright images, and which they are."""
    labels = np.arange(64) % 2
    noise = np.random.default_rng(1).integers(0, 60, (64, 8, 8, 1))
    return (noise + 150 * labels[:, None, None, None]).astype(np.uint8), labels


def learned(dataset):
    """The losses of a small model, epoch by epoch."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05), keras.losses.BinaryCrossentropy(from_logits=True))
    return model.fit(dataset, epochs=15, verbose=0, shuffle=False).history["loss"]


@pytest.mark.parametrize("options", [{}, {"workers": 2, "use_multiprocessing": True}])
def test_a_model_learns_from_it(options):
    losses = learned(AugmentedPyDataset(*halves(), Rotate(angle=uniform(-20, 20)), batch_size=16, **options))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"targets": LABELS[:3]}, "targets must be one for each of 20 images; got 3"),
        ({"batch_size": 0}, "batch_size must be an int >= 1; got 0"),
        ({"target": "boxes"}, "target must be one of 'label', 'mask', 'heatmap'; got 'boxes'"),
        ({"pipeline": "flip"}, "pipeline must be a Transform; got str"),
        ({"seed": -1}, "seed must be an int >= 0; got -1"),
        ({"pipeline": Standardize(), "dtype": "uint8"}, r"dtype must be 'float32' for a pipeline that leaves \[0, 1\]"),
    ],
)
def test_a_wrong_argument_gets_one_sentence(arguments, error):
    with pytest.raises((TypeError, ValueError), match=error):
        AugmentedPyDataset(**{"images": IMAGES, "targets": LABELS, "pipeline": PIPELINE} | arguments)


# --- tf.data ----------------------------------------------------------------------------------------------------------


def numbered(*parts, repeat=1):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0]).repeat(repeat).enumerate()


@pytest.mark.parametrize("parallel", [None, 4])
def test_numbers_go_on_over_repetitions(parallel):
    augment = tf_map(PIPELINE, seed=3, epoch=2, size=COUNT, dtype="uint8")
    images, labels = zip(*numbered(IMAGES, LABELS, repeat=2).map(augment, num_parallel_calls=parallel), strict=True)
    assert np.array_equal(np.stack(images), np.concatenate([expected(3, 2), expected(3, 3)]))
    assert np.array_equal(labels, np.tile(LABELS, 2))


def test_without_a_size_each_pass_sees_the_same_draws():
    dataset = numbered(IMAGES).map(tf_map(PIPELINE, seed=3)).repeat(2)
    images = np.stack(list(dataset.as_numpy_iterator()))
    assert np.array_equal(images[:COUNT], images[COUNT:])
    assert np.array_equal(images[:COUNT], expected(3, 0).astype(np.float32) / np.float32(255))


def test_numbers_stay_with_images_that_are_shuffled():
    dataset = numbered(IMAGES, LABELS).shuffle(COUNT, seed=1).map(tf_map(PIPELINE, dtype="uint8")).batch(COUNT)
    images, labels = next(iter(dataset))
    assert labels.numpy().tolist() != LABELS.tolist()
    assert np.array_equal(images, expected(0, 0)[labels])


def test_the_engine_is_that_of_its_making():
    with engine("reference"):
        augment, want = tf_map(PIPELINE, dtype="uint8"), expected(0, 0)
    assert np.array_equal(np.stack(list(numbered(IMAGES).map(augment).as_numpy_iterator())), want)


@pytest.mark.parametrize("as_dict", [False, True])
def test_masks_move_and_all_else_is_handed_on(as_dict):
    parts = {"image": IMAGES, "mask": IMAGES[..., 0].astype(np.int32), "name": LABELS.astype(str)}
    dataset = tf.data.Dataset.from_tensor_slices(parts if as_dict else tuple(parts.values())).enumerate()
    dataset = dataset.map(tf_map(HorizontalFlip(p=0.5), target="mask", dtype="uint8"))
    spec = dataset.element_spec["mask"] if as_dict else dataset.element_spec[1]
    assert (spec.shape.as_list(), spec.dtype) == ([12, 16], tf.int32)
    for index, found in enumerate(dataset.as_numpy_iterator()):
        image, mask, name = found.values() if as_dict else found
        assert np.array_equal(image[..., 0], mask)
        assert name.decode() == str(index)


@pytest.mark.parametrize(
    ("pipeline", "shape", "known"),
    [
        (PIPELINE, (12, 16, 3), [12, 16, 3]),
        (Resize(height=6, width=8), (12, 16, 1), [6, 8, 1]),
        (CenterCrop(height=0.5, width=0.5), (12, 16), [6, 8, 1]),
        (ConvertChannels(), (12, 16, 3), None),
        (PIPELINE, (None, None, 3), [None, None, 3]),
        (PIPELINE, (None, None), [None, None, 1]),
        (PIPELINE, (None, None, None), [None, None, None]),
        (OneOf([Resize(height=6, width=8), VerticalFlip()]), (12, 16, 3), [None, None, None]),
        (Compose([Crop(height=uniform(0.5, 0.9))]), (12, 16, 3), [None, None, None]),
        (Rotate90(turns=integers(0, 3)), (12, 16, 3), [None, None, None]),
        (Resize(height=choice(6, 8), width=8), (12, 16, 3), [None, None, None]),
        (Resize(height=6, width=8, p=0.5), (12, 16, 3), [None, None, None]),
        (Compose([Resize(height=6, width=8)], p=0.5), (12, 16, 3), [None, None, None]),
        (PIPELINE, None, None),
    ],
)
def test_shapes_are_known_where_the_draw_cannot_change_them(pipeline, shape, known):
    dataset = tf.data.Dataset.from_generator(lambda: [IMAGES[0]], output_signature=tf.TensorSpec(shape, tf.uint8))
    found = dataset.enumerate().map(tf_map(pipeline)).element_spec.shape
    if isinstance(pipeline, ConvertChannels):
        made = pipeline(IMAGES[0])
        assert found.as_list() == [*made.shape, 1][:3]
    else:
        assert (None if found.rank is None else found.as_list()) == known


def test_a_given_shape_is_held():
    dataset = tf.data.Dataset.from_generator(
        lambda: [IMAGES[0]], output_signature=tf.TensorSpec(None, tf.uint8)
    ).enumerate()
    good = dataset.map(tf_map(PIPELINE, shape=(12, None, 3)))
    assert good.element_spec.shape.as_list() == [12, None, 3]
    assert next(iter(good)).shape == (12, 16, 3)
    with pytest.raises(tf.errors.OpError, match=r"shape must be that of each image, \(12, 16, 3\) for number 0"):
        next(iter(dataset.map(tf_map(PIPELINE, shape=(12, 12, 3)))))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"pipeline": MixUp(alpha=1)}, "pipeline mixes the samples of a batch, which AugmentedPyDataset does"),
        ({"size": 0}, "size must be an int >= 1; got 0"),
        ({"shape": (12, 16)}, r"shape must be \(H, W, C\), with None for a side that is not known; got \(12, 16\)"),
        ({"epoch": -1}, "epoch must be an int >= 0; got -1"),
        ({"target": "label2"}, "target must be one of"),
        ({"dtype": "int8"}, "dtype must be 'float32' or 'uint8'; got 'int8'"),
    ],
)
def test_a_wrong_argument_of_the_function_gets_one_sentence(arguments, error):
    with pytest.raises((TypeError, ValueError), match=error):
        tf_map(**{"pipeline": PIPELINE} | arguments)


@pytest.mark.parametrize(
    ("parts", "target", "error"),
    [
        ((IMAGES,), "label", r"elements must be numbered, as dataset\.enumerate\(\)"),
        ((IMAGES, LABELS), "label", r"elements must be numbered, as dataset\.enumerate\(\)"),
        ((LABELS, {"img": IMAGES}), "label", r"elements must have an image at \('image',\); got \['img'\]"),
        ((LABELS, (IMAGES,)), "mask", r"elements must have image and mask at \(0, 1\); got \[0\]"),
        ((LABELS, IMAGES), "mask", r"elements must have image and mask at \(0, 1\); got \[0\]"),
    ],
)
def test_elements_without_what_is_needed_get_one_sentence(parts, target, error):
    dataset = tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0])
    with pytest.raises((TypeError, ValueError), match=error):
        dataset.map(tf_map(PIPELINE, target=target))


def test_images_of_a_batch_come_out_in_one_shape():
    drawn = AugmentedPyDataset(IMAGES, LABELS, Crop(height=uniform(0.3, 0.9)), batch_size=COUNT)
    with pytest.raises(ValueError, match=r"images must come out of the pipeline in one shape; got \[\(5, 16, 3\)"):
        drawn[0]


def test_a_model_that_is_fitted_to_a_repeated_dataset_sees_new_draws_in_each_epoch():
    augment = tf_map(PIPELINE, seed=1, size=COUNT, dtype="uint8")
    dataset = numbered(IMAGES, LABELS, repeat=None).map(augment).batch(5).prefetch(2)
    for epoch, (images, labels) in enumerate(trained(dataset, 2, steps_per_epoch=COUNT // 5)):
        assert np.array_equal(labels, LABELS)
        assert np.array_equal(images, expected(1, epoch))


def test_a_model_learns_from_a_mapped_dataset():
    losses = learned(numbered(*halves()).map(tf_map(Rotate(angle=uniform(-20, 20)))).batch(16))
    assert losses[-1] < 0.8 * losses[0]
