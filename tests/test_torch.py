import copy
import pickle

import numpy as np
import pytest
from frameworks import required
from PIL import Image

from augmentlab import (
    CenterCrop,
    Compose,
    Crop,
    CutMix,
    GaussianNoise,
    HorizontalFlip,
    MixUp,
    Normalize,
    Resize,
    Rotate,
    Sample,
    Standardize,
    TrivialAugment,
    VerticalFlip,
    augment_batch,
    engine,
    uniform,
)
from augmentlab.torch import AugmentedDataset

torch = required("torch")
# Four workers on a machine of two cores.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

COUNT = 20
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, 12, 16, 3)).astype(np.uint8)
PIPELINE = Compose([HorizontalFlip(p=0.5), Rotate(angle=uniform(-20, 20)), GaussianNoise(std=uniform(0.01, 0.1))])


class Numbered(torch.utils.data.Dataset):
    """Each image with its number as label; at top level, for a spawned worker imports it."""

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        return IMAGES[index], index


class Endless(torch.utils.data.IterableDataset):
    """What has no items by index."""

    def __iter__(self):
        return iter(Numbered())

    def __len__(self):
        return 3


def loaded(dataset, **options):
    """All images and labels that a loader yields."""
    return passed(torch.utils.data.DataLoader(dataset, batch_size=6, **options))


def passed(loader):
    images, labels = zip(*loader, strict=True)
    return torch.cat(images), torch.cat(labels)


def expected(seed, epoch, pipeline=PIPELINE):
    """What the package itself makes of the images."""
    return torch.from_numpy(augment_batch(IMAGES, pipeline, seed, epoch).transpose(0, 3, 1, 2).copy())


# --- the same under any workers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("workers", "start"), [(0, None), (2, "fork"), (4, "fork"), (2, "spawn"), (4, "spawn")])
def test_images_are_the_same_under_any_workers(workers, start):
    dataset = AugmentedDataset(Numbered(), PIPELINE, seed=3, epoch=2, dtype="uint8")
    images, labels = loaded(dataset, num_workers=workers, multiprocessing_context=start)
    assert torch.equal(images, expected(3, 2))
    assert labels.tolist() == list(range(COUNT))


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_that_persist_see_the_next_epoch(start):
    dataset = AugmentedDataset(Numbered(), PIPELINE, dtype="uint8")
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=6, num_workers=2, persistent_workers=True, multiprocessing_context=start
    )
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        assert dataset.epoch == epoch
        assert torch.equal(passed(loader)[0], expected(0, epoch))


def test_no_draw_is_repeated_by_item_epoch_or_worker():
    class Alike(Numbered):
        def __getitem__(self, index):
            return IMAGES[0], index

    dataset = AugmentedDataset(Alike(), GaussianNoise(std=0.1), dtype="uint8")
    seen = set()
    for epoch in range(2):
        dataset.set_epoch(epoch)
        seen |= {image.numpy().tobytes() for image in loaded(dataset, num_workers=2)[0]}
    assert len(seen) == 2 * COUNT


def test_labels_stay_with_their_images_in_any_order():
    dataset = AugmentedDataset(Numbered(), PIPELINE, dtype="uint8")
    shuffled = torch.utils.data.Subset(dataset, [7, 3, 19, 0, 11, 5, 2])
    images, labels = loaded(shuffled, num_workers=2, shuffle=True, generator=torch.Generator().manual_seed(1))
    assert sorted(labels.tolist()) == [0, 2, 3, 5, 7, 11, 19]
    assert torch.equal(images, expected(0, 0)[labels])


def test_the_engine_is_that_of_its_making():
    pipeline = Rotate(angle=uniform(10, 40))
    with engine("reference"):
        dataset = AugmentedDataset(Numbered(), pipeline, dtype="uint8")
        want = expected(0, 0, pipeline)
    assert torch.equal(loaded(dataset, num_workers=2)[0], want)


def test_a_copy_has_an_epoch_of_its_own_that_its_workers_see():
    dataset = AugmentedDataset(Numbered(), PIPELINE, epoch=4, dtype="uint8")
    for other in (copy.deepcopy(dataset), pickle.loads(pickle.dumps(dataset))):
        assert other.epoch == 4
        other.set_epoch(5)
        assert (dataset.epoch, other.epoch) == (4, 5)
        loader = torch.utils.data.DataLoader(other, batch_size=6, num_workers=1, persistent_workers=True)
        for epoch in (5, 6):
            other.set_epoch(epoch)
            assert torch.equal(passed(loader)[0], expected(0, epoch))


# --- what goes in and comes out ---------------------------------------------------------------------------------------


def test_dtypes_are_chosen():
    as_floats, as_bytes = (AugmentedDataset(Numbered(), PIPELINE, dtype=one)[1][0] for one in ("float32", torch.uint8))
    assert (as_floats.dtype, as_bytes.dtype) == (torch.float32, torch.uint8)
    assert torch.equal(as_floats, as_bytes / 255)
    image = AugmentedDataset([np.full((2, 2), 0.5)], Normalize(), dtype="uint8")[0]
    assert image.tolist() == [[[128, 128], [128, 128]]]
    image = AugmentedDataset([IMAGES[0]], Standardize(mean=(0.5,), std=(0.25,)))[0]
    assert torch.allclose(image, (torch.from_numpy(IMAGES[0]).permute(2, 0, 1) / 255 - 0.5) / 0.25, atol=1e-5)


@pytest.mark.parametrize("kind", ["array", "pillow", "tensor"])
@pytest.mark.parametrize("channels", [None, 3])
def test_images_of_all_kinds_are_the_same(kind, channels):
    array = IMAGES[0] if channels else IMAGES[0, ..., 0]
    planes = torch.from_numpy(array.copy()) if channels is None else torch.from_numpy(array.transpose(2, 0, 1).copy())
    item = {"array": array, "pillow": Image.fromarray(array), "tensor": planes}[kind]
    image, label, name = AugmentedDataset([(item, 3, "a.png")], HorizontalFlip(), dtype="uint8")[0]
    assert (label, name) == (3, "a.png")
    assert torch.equal(image, planes.flip(-1).reshape(-1, 12, 16))


def test_all_parts_are_on_the_cpu_whatever_the_default():
    item = {"image": IMAGES[0], "mask": IMAGES[0, ..., 0], "bboxes": [[0, 0, 3, 3]]}
    several = {"image": IMAGES[0], "masks": [IMAGES[0, ..., 0]]}
    with torch.device("meta"):
        dataset = AugmentedDataset([item, several], HorizontalFlip())
        parts = [*dataset[0].values(), dataset[1]["image"], dataset[1]["masks"][0]]
    dataset.set_epoch(3)
    assert dataset.epoch == 3
    assert {str(one.device) for one in parts} == {"cpu"}


def test_an_image_shares_no_memory_with_the_data():
    images = [np.zeros((4, 4), np.uint8)]
    AugmentedDataset(images, HorizontalFlip(p=0), dtype="uint8")[0].fill_(9)
    assert not images[0].any()


def test_masks_follow_in_any_place():
    array = IMAGES[0]
    mask = array[..., 0] // 64
    flipped = torch.from_numpy(mask[:, ::-1].copy())
    for item, named in [
        ((array, mask), {"mask": 1}),
        ((array, Image.fromarray(mask)), {"mask": 1}),
        ((array, torch.from_numpy(mask)), {"mask": 1}),
        ((array, [{"seg": mask}]), {"mask": (1, 0, "seg")}),
        ({"img": array, "seg": mask}, {"image": "img", "mask": "seg"}),
    ]:
        for p in (1, 0):
            moved = AugmentedDataset([item], HorizontalFlip(p=p), **named)[0]
            found = moved["seg"] if isinstance(moved, dict) else moved[1]
            found = found[0]["seg"] if isinstance(found, list) else found
            assert torch.equal(found, flipped if p else torch.from_numpy(mask.copy()))
    planes = torch.from_numpy(np.stack([mask, mask % 2]))
    assert torch.equal(
        AugmentedDataset([{"image": array, "mask": planes}], HorizontalFlip())[0]["mask"], planes.flip(-1)
    )


def test_detection_as_torchvision_has_it():
    target = {
        "boxes": torch.tensor([[1.0, 2, 5, 6], [12, 0, 16, 3]]),
        "labels": torch.tensor([7, 9]),
        "masks": torch.zeros(2, 12, 16, dtype=torch.bool),
        "image_id": 5,
    }
    target["masks"][0, 2:6, 1:5] = True
    named = {"bboxes": (1, "boxes"), "bbox_labels": (1, "labels"), "masks": (1, "masks")}
    image, moved = AugmentedDataset([(IMAGES[0], target)], HorizontalFlip(), dtype="uint8", **named)[0]
    assert torch.equal(image, torch.from_numpy(IMAGES[0].copy()).permute(2, 0, 1).flip(-1))
    assert moved["boxes"].tolist() == [[11, 2, 15, 6], [0, 0, 4, 3]]
    assert (moved["labels"].tolist(), moved["image_id"]) == ([7, 9], 5)
    assert torch.equal(moved["masks"], target["masks"].flip(-1))
    assert target["boxes"][0, 0] == 1  # what came is as it was
    crop = AugmentedDataset(
        [(IMAGES[0], target | {"boxes": target["boxes"][1:], "labels": target["labels"][1:]})],
        Resize(height=6, width=8),
        **named,
    )[0][1]
    assert crop["boxes"].tolist() == [[6, 0, 8, 1.5]]
    assert crop["masks"].shape == (2, 6, 8)
    none = {
        "boxes": torch.zeros(0, 4),
        "labels": torch.zeros(0, dtype=torch.int64),
        "masks": torch.zeros(0, 12, 16) > 0,
    }
    moved = AugmentedDataset([(IMAGES[0], none)], Resize(height=6, width=8), **named)[0][1]
    assert [tuple(moved[name].shape) for name in ("boxes", "labels", "masks")] == [(0, 4), (0,), (0, 6, 8)]
    assert moved["labels"].dtype == torch.int64


@pytest.mark.parametrize("as_lists", [False, True])
def test_all_that_belongs_to_a_box_goes_with_it(as_lists):
    target = {
        "boxes": torch.tensor([[0.0, 0, 3, 3], [5, 4, 9, 8], [13, 9, 16, 12]]),
        "labels": torch.tensor([7, 9, 8]),
        "area": torch.tensor([9.0, 16, 9]),
        "masks": torch.zeros(3, 12, 16, dtype=torch.bool),
    }
    for number, (x, y, right, bottom) in enumerate(target["boxes"].int().tolist()):
        target["masks"][number, y:bottom, x:right] = True
    if as_lists:
        target = {name: list(value) for name, value in target.items()}
    follow = [(1, "labels"), (1, "area"), (1, "masks")]
    named = {"bboxes": (1, "boxes"), "bbox_labels": follow, "masks": (1, "masks")}
    moved = AugmentedDataset([(IMAGES[0], target)], CenterCrop(height=0.5, width=0.5), **named)[0][1]
    assert moved["boxes"].tolist() == [[1, 1, 5, 5]]
    assert (list(moved["labels"]), list(moved["area"])) == ([9], [16])
    assert [(one.shape, int(one.sum())) for one in moved["masks"]] == [((6, 8), 16)]
    none = AugmentedDataset([(IMAGES[0], target)], Crop(height=0.1, width=0.1, x=0.3, y=0.05), **named)[0][1]
    assert [len(none[name]) for name in ("boxes", "labels", "area", "masks")] == [0, 0, 0, 0]
    whole = AugmentedDataset([(IMAGES[0], target)], HorizontalFlip(p=0), **named)[0][1]
    assert [len(one) for one in whole.values()] == [3, 3, 3, 3]
    for named, error in [
        ({"bbox_labels": follow}, r"bboxes must be named where bbox_labels are; got \[.*\] alone"),
        (
            {"bboxes": (1, "boxes"), "bbox_labels": [(1, "crowd")], "masks": (1, "masks")},
            "bbox_labels must be one for each of 3 boxes at 'crowd' of 1 of item 0; got 0",
        ),
    ]:
        with pytest.raises(ValueError, match=error):
            AugmentedDataset([(IMAGES[0], target)], HorizontalFlip(), **named)[0]


def test_dicts_and_samples_hold_what_a_call_with_keywords_does():
    boxes, points = [[0.25, 0.5, 0.5, 0.5]], [[3, 4]]
    item = {"image": IMAGES[0], "bboxes": boxes, "bbox_labels": ["cat"], "keypoints": points, "label": "x", "id": 4}
    moved = AugmentedDataset([item], VerticalFlip(), bbox_format="yolo")[0]
    assert moved["bboxes"].tolist() == [[0.25, 0.5, 0.5, 0.5]]
    assert moved["keypoints"].tolist() == [[3, 7]]
    assert (moved["bbox_labels"], moved["label"], moved["id"]) == (["cat"], "x", 4)
    sample = Sample(IMAGES[0], mask=IMAGES[0, ..., 0], boxes=[[0, 0, 4, 6]], heatmap=np.ones((12, 16)), label=2)
    for p, box in ((1, [0, 6, 4, 12]), (0, [0, 0, 4, 6])):
        moved = AugmentedDataset([sample], VerticalFlip(p=p))[0]
        assert list(moved) == ["image", "mask", "heatmap", "bboxes", "label"]
        assert moved["bboxes"].tolist() == [box]
        assert all(isinstance(moved[name], torch.Tensor) for name in ("image", "mask", "heatmap"))
        assert moved["label"] == 2


@pytest.mark.parametrize("name", ["mask", "masks", "heatmap", "bboxes", "keypoints", "label"])
def test_an_item_may_have_none_of_what_others_have(name):
    for pipeline in (HorizontalFlip(), HorizontalFlip(p=0)):
        moved = AugmentedDataset([{"image": IMAGES[0], "seg": None}], pipeline, dtype="uint8", **{name: "seg"})[0]
        assert moved["seg"] is None
        assert moved["image"].shape == (3, 12, 16)


@pytest.mark.parametrize(
    ("item", "named", "error"),
    [
        (
            (IMAGES[0], IMAGES[0, ..., 0]),
            {},
            r"item 0 holds an array of shape \(12, 16\) at 1; pass for example mask=1",
        ),
        ((IMAGES[0], Image.new("L", (3, 3))), {}, "item 0 holds a Pillow image at 1"),
        ((IMAGES[0], {"boxes": 1}), {}, r"holds annotations at 1; .* bboxes=\(1, 'boxes'\), or label=1"),
        ((IMAGES[0], 2, [{"bbox": 1}]), {}, "holds annotations at 2"),
        ({"image": IMAGES[0], "seg": IMAGES[0, ..., 0]}, {}, "at 'seg'; pass for example mask='seg'"),
        (
            {"img": IMAGES[0]},
            {},
            "image must be named, such as image='img', where item 0 has none; got a dict with 'img'",
        ),
        ((IMAGES[0],), {"mask": 1}, "mask must be at 1 of item 0; got tuple of 1"),
        ({"image": IMAGES[0]}, {"bboxes": ("objects", "bbox")}, "bboxes must be at 'bbox' of 'objects' of item 0"),
        (None, {}, "image of item 0 must be an image; got None"),
        (IMAGES[0] * 2.0, {}, "image of item 0 must be float in"),
        (torch.zeros(12, 16, 3), {}, r"image of item 0 must be .*\(C, H, W\) as a tensor, .*; got \(12, 16, 3\)"),
        (Image.new("P", (3, 3)), {}, "image of item 0 must be gray, RGB or RGBA"),
    ],
)
def test_what_cannot_be_known_is_refused(item, named, error):
    with pytest.raises((TypeError, ValueError), match=error):
        AugmentedDataset([item], HorizontalFlip(), **named)[0]


def test_an_error_tells_the_item():
    dataset = AugmentedDataset([IMAGES[0], {"image": IMAGES[1], "mask": np.zeros((3, 3), int)}], HorizontalFlip())
    with pytest.raises(ValueError, match="mask must have the image's height and width") as caught:
        dataset[1]
    assert caught.value.__notes__ == ["in item 1"]


def test_what_is_called_a_label_is_left_as_it_is():
    mask = IMAGES[0, ..., 0]
    for item, named in [((IMAGES[0], mask, 5), {"label": 1}), ((IMAGES[0], mask, mask), {"label": [1, 2]})]:
        assert AugmentedDataset([item], HorizontalFlip(), **named)[0][1:] == item[1:]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"dataset": Endless()}, "dataset must have a length and items by index; got Endless"),
        ({"dataset": {"train": Numbered()}}, "dataset must have a length and items by index; got dict"),
        ({"mask": [1, 2]}, r"mask must be one place .*; got \[1, 2\]"),
        ({"image": -1}, "image must be a key, or a place counted from 0; got -1"),
        ({"dataset": iter([])}, "dataset must have a length and items by index; got list_iterator"),
        ({"pipeline": "flip"}, "pipeline must be a Transform; got str"),
        ({"seed": -1}, "seed must be an int >= 0; got -1"),
        ({"epoch": 1.5}, "epoch must be an int >= 0; got 1.5"),
        ({"dtype": "float16"}, "dtype must be 'float32' or 'uint8'; got 'float16'"),
        ({"pipeline": Standardize(), "dtype": "uint8"}, r"dtype must be 'float32' for a pipeline that leaves \[0, 1\]"),
        ({"boxes": 1}, "AugmentedDataset takes the keywords image, mask, .*; got 'boxes'"),
    ],
)
def test_a_wrong_argument_gets_one_sentence(arguments, error):
    with pytest.raises((TypeError, ValueError), match=error):
        AugmentedDataset(**{"dataset": Numbered(), "pipeline": HorizontalFlip()} | arguments)


def test_items_are_those_of_a_sequence():
    dataset = AugmentedDataset(Numbered(), PIPELINE, dtype="uint8")
    assert torch.equal(dataset[-1][0], dataset[COUNT - 1][0])
    assert torch.equal(dataset[torch.tensor(2)][0], dataset[2][0])
    assert len(list(dataset)) == len(dataset) == COUNT
    with pytest.raises(IndexError, match=r"index must be in -20\.\.19; got 20"):
        dataset[COUNT]
    with pytest.raises(TypeError, match="epoch must be an int >= 0; got -1"):
        dataset.set_epoch(-1)


# --- batches that are mixed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mixing", [MixUp(alpha=1, num_classes=COUNT), CutMix(alpha=1, num_classes=COUNT)])
def test_batches_are_mixed_alike_under_any_workers(mixing):
    dataset = AugmentedDataset(Numbered(), Compose([HorizontalFlip(p=0.5), mixing]), seed=2, dtype="uint8")
    images, labels = loaded(dataset)
    assert labels.dtype == torch.float32
    assert torch.allclose(labels.sum(1), torch.ones(COUNT))
    assert (labels.max(1).values < 1).any()
    samples = [Sample(IMAGES[k], label=k) for k in range(6)]
    first = dataset.pipeline(samples, rng=(2, 0, 0, 1, 2, 3, 4, 5, 1))
    assert np.array_equal(images[1], first[1].image.transpose(2, 0, 1))
    assert np.allclose(labels[1], first[1].label)
    again = loaded(dataset, num_workers=2)
    assert torch.equal(again[0], images)
    assert torch.equal(again[1], labels)
    dataset.set_epoch(1)
    assert not torch.equal(loaded(dataset)[0], images)


def test_a_label_that_would_stay_behind_is_to_be_named():
    items = [{"image": image, "fine": number} for number, image in enumerate(IMAGES[:4])]
    mixing = MixUp(alpha=1, num_classes=4)
    with pytest.raises(TypeError, match="label must be named for a pipeline that mixes samples, such as label='fine'"):
        AugmentedDataset(items, mixing).__getitems__([0, 1])
    with pytest.raises(TypeError, match=r"such as label=0, or label=\[\] where there is none; got item 0, tuple of 2"):
        AugmentedDataset([(0, IMAGES[0])], mixing, image=1).__getitems__([0])
    assert AugmentedDataset(items, mixing, label="fine").__getitems__([0, 1])[0]["fine"].shape == (4,)
    assert AugmentedDataset(items, mixing, label=[]).__getitems__([0, 1])[0]["fine"] == 0
    follow = {"bboxes": "boxes", "bbox_labels": ["fine"]}
    with pytest.raises(TypeError, match="bbox_labels must be one place for a pipeline that mixes samples"):
        AugmentedDataset([items[0] | {"boxes": []}], mixing, **follow).__getitems__([0])


def test_an_item_alone_is_not_mixed():
    dataset = AugmentedDataset(Numbered(), MixUp(alpha=1, num_classes=COUNT))
    with pytest.raises(
        TypeError, match="pipeline mixes the samples of a batch, so that no item is had alone; got MixUp"
    ):
        dataset[0]


# --- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pipeline", [TrivialAugment(), Compose([TrivialAugment(), MixUp(alpha=1, num_classes=2)])])
def test_a_network_learns_from_it(pipeline):
    generator = torch.Generator().manual_seed(0)
    labels = np.arange(40) % 2
    noise = np.random.default_rng(1).integers(0, 60, (40, 8, 8, 3))
    images = (noise + np.where(labels, 150, 20)[:, None, None, None]).astype(np.uint8)
    dataset = AugmentedDataset(list(zip(images, labels.tolist(), strict=True)), pipeline)
    loader = torch.utils.data.DataLoader(dataset, batch_size=10, shuffle=True, generator=generator)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 2))
    torch.nn.init.zeros_(network[1].weight)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.02)
    losses = []
    for epoch in range(6):
        dataset.set_epoch(epoch)
        for batch, target in loader:
            loss = torch.nn.functional.cross_entropy(network(batch), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
