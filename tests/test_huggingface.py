import copy
import os
import pickle

import numpy as np
import pytest
from frameworks import required
from PIL import Image

from augmentlab import (
    Compose,
    HorizontalFlip,
    MixUp,
    Rotate,
    Sample,
    Standardize,
    VerticalFlip,
    augment_batch,
    engine,
    uniform,
)
from augmentlab.huggingface import AugmentedColumns

os.environ.setdefault("HF_HUB_OFFLINE", "1")

COUNT = 12
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 10, 14, 3)).astype(np.uint8)
PIPELINE = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-20, 20))])
BATCH = {"image": list(IMAGES[:4]), "label": [5, 6, 7, 8], "index": [0, 1, 2, 3]}


def expected(seed, epoch, pipeline=PIPELINE):
    """What the package itself makes of the images."""
    return augment_batch(IMAGES, pipeline, seed, epoch)


@pytest.fixture
def dataset():
    """Images, labels, masks and numbers, as a data set of the library."""
    datasets = required("datasets")
    columns = {
        "image": [Image.fromarray(image) for image in IMAGES],
        "label": list(range(COUNT)),
        "annotation": [Image.fromarray(image[..., 0]) for image in IMAGES],
    }
    kinds = {"image": datasets.Image(), "label": datasets.Value("int64"), "annotation": datasets.Image()}
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(kinds))
    return made.add_column("index", range(COUNT))


# --- with the library -------------------------------------------------------------------------------------------------


def test_rows_are_drawn_by_their_number_in_any_order(dataset):
    augment = AugmentedColumns(PIPELINE, index="index", seed=3, dtype="uint8", mask="annotation")
    dataset.set_transform(augment)
    want = expected(3, 0)
    assert np.array_equal(dataset[4]["image"], want[4])
    assert np.array_equal(dataset[[7, 2]]["image"], want[[7, 2]])
    for row in dataset.shuffle(seed=1).select(range(5)):
        assert np.array_equal(row["image"], want[row["index"]])
        assert row["label"] == row["index"]
    augment.set_epoch(1)
    assert np.array_equal(np.stack(dataset[:]["image"]), expected(3, 1))


def test_masks_follow(dataset):
    dataset.set_transform(AugmentedColumns(HorizontalFlip(p=0.5), index="index", dtype="uint8", mask="annotation"))
    for row in dataset:
        assert np.array_equal(row["annotation"], row["image"][..., 0])
    dataset.set_transform(AugmentedColumns(HorizontalFlip(), index="index", output="pil", mask="annotation"))
    row = dataset[0]
    assert isinstance(row["image"], Image.Image)
    assert np.array_equal(np.asarray(row["image"]), IMAGES[0, :, ::-1])
    assert np.array_equal(np.asarray(row["annotation"]), IMAGES[0, :, ::-1, 0])
    dataset.set_transform(AugmentedColumns(HorizontalFlip(), label="annotation"))
    assert np.array_equal(np.asarray(dataset[0]["annotation"]), IMAGES[0, ..., 0])


def test_without_numbers_each_access_draws_anew(dataset):
    dataset.set_transform(AugmentedColumns(Rotate(angle=uniform(-90, 90)), label="annotation"))
    one, other = dataset[0]["image"], dataset[0]["image"]
    assert one.dtype == np.float32
    assert not np.array_equal(one, other)


def test_some_columns_alone_may_be_handed_over(dataset):
    dataset.set_transform(AugmentedColumns(PIPELINE, index="index"), columns=["image", "index"])
    assert list(dataset[0]) == ["image", "index"]
    dataset.set_transform(AugmentedColumns(PIPELINE, index="index"), columns=["image", "label"])
    with pytest.raises(ValueError, match=r"index must be a column .* got 'index', and the columns image, label"):
        dataset[0]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_of_pytorch_load_the_same_and_see_the_next_epoch(dataset, start):
    torch = required("torch")
    augment = AugmentedColumns(PIPELINE, index="index", output="torch", dtype="uint8")
    dataset = dataset.remove_columns("annotation")
    dataset.set_transform(augment)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=5, num_workers=2, persistent_workers=True, multiprocessing_context=start
    )
    for epoch in (0, 1):
        augment.set_epoch(epoch)
        images = torch.cat([batch["image"] for batch in loader])
        assert torch.equal(images, torch.from_numpy(expected(0, epoch).transpose(0, 3, 1, 2).copy()))


def test_a_data_set_for_pytorch_takes_one_of_the_library(dataset):
    required("torch")
    from augmentlab.torch import AugmentedDataset

    row = AugmentedDataset(dataset, PIPELINE, seed=3, mask="annotation", dtype="uint8")[4]
    assert np.array_equal(row["image"], expected(3, 0)[4].transpose(2, 0, 1))
    assert row["annotation"].shape == (10, 14)
    assert row["label"] == 4


def test_a_network_takes_a_step(dataset):
    torch = required("torch")
    dataset = dataset.remove_columns("annotation")
    dataset.set_transform(AugmentedColumns(PIPELINE, index="index", output="torch"))
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(420, COUNT))
    before = network[1].weight.detach().clone()
    batch = next(iter(torch.utils.data.DataLoader(dataset, batch_size=6)))
    torch.nn.functional.cross_entropy(network(batch["image"]), batch["label"]).backward()
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    assert not torch.equal(network[1].weight, before)


# --- alone ------------------------------------------------------------------------------------------------------------


def test_a_batch_of_columns_is_one_of_rows():
    augment = AugmentedColumns(PIPELINE, index="index", seed=2, epoch=1, dtype="uint8")
    made = augment(BATCH)
    assert list(made) == ["image", "label", "index"]
    assert np.array_equal(made["image"], expected(2, 1)[:4])
    assert (made["label"], made["index"]) == (BATCH["label"], BATCH["index"])
    assert np.array_equal(BATCH["image"], IMAGES[:4])
    for other in (copy.deepcopy(augment), pickle.loads(pickle.dumps(augment))):
        other.set_epoch(0)
        assert (other.epoch, augment.epoch) == (0, 1)
        assert np.array_equal(other(BATCH)["image"], expected(2, 0)[:4])
    assert augment({"image": [], "index": []}) == {"image": [], "index": []}


def test_the_engine_is_that_of_its_making():
    with engine("reference"):
        augment, want = AugmentedColumns(PIPELINE, index="index", dtype="uint8"), expected(0, 0)[:4]
    assert np.array_equal(augment(BATCH)["image"], want)


def test_boxes_in_a_column_of_annotations_follow():
    batch = {"img": [IMAGES[0]], "objects": [{"bbox": [[1, 2, 3, 4]], "category": ["cat"], "id": [7]}]}
    named = {"bboxes": ("objects", "bbox"), "bbox_labels": ("objects", "category"), "bbox_format": "coco"}
    made = AugmentedColumns(VerticalFlip(), image="img", **named)(batch)
    assert made["objects"][0]["bbox"].tolist() == [[1, 4, 3, 4]]
    assert made["objects"][0]["category"] == ["cat"]
    assert made["objects"][0]["id"] == [7]


def test_rows_that_are_asked_for_together_are_mixed():
    pipeline = MixUp(alpha=1, num_classes=9)
    made = AugmentedColumns(pipeline, index="index", seed=4, dtype="uint8")(BATCH)
    samples = [Sample(image, label=label) for image, label in zip(BATCH["image"], BATCH["label"], strict=True)]
    want = pipeline(samples, rng=(4, 0, 0, 1, 2, 3, 1))
    assert np.array_equal(made["image"], [one.image for one in want])
    assert np.allclose(made["label"], [one.label for one in want])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"output": "tensor"}, "output must be one of 'numpy', 'torch', 'pil'; got 'tensor'"),
        ({"pipeline": Standardize(), "output": "pil"}, "dtype must be 'float32' for a pipeline that leaves"),
        ({"seed": -1}, "seed must be an int >= 0; got -1"),
        ({"masc": "m"}, "AugmentedColumns takes the keywords image, mask, .*; got 'masc'"),
    ],
)
def test_a_wrong_argument_gets_one_sentence(arguments, error):
    with pytest.raises((TypeError, ValueError), match=error):
        AugmentedColumns(**{"pipeline": PIPELINE} | arguments)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"index": [0, 1, 2, "3"]}, "column 'index' must be an int >= 0; got '3'"),
        (
            {"seg": [Image.fromarray(IMAGES[0])] * 4},
            "item 0 holds a Pillow image at 'seg'; pass for example mask='seg'",
        ),
        ({"image": [None] * 4}, "image of item 0 must be an image; got None"),
    ],
)
def test_a_wrong_column_gets_one_sentence(change, error):
    with pytest.raises((TypeError, ValueError), match=error):
        AugmentedColumns(PIPELINE, index="index")(BATCH | change)
