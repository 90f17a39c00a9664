from augmentlab import data as data
from augmentlab import huggingface as huggingface
from augmentlab import interop as interop
from augmentlab import keras as keras
from augmentlab import models as models
from augmentlab import params as params
from augmentlab import plots as plots
from augmentlab import policies as policies
from augmentlab import render as render
from augmentlab import report as report
from augmentlab import sklearn as sklearn
from augmentlab import study as study
from augmentlab import torch as torch
from augmentlab import transforms as transforms
from augmentlab import widgets as widgets
from augmentlab.bases import BatchTransform as BatchTransform
from augmentlab.bases import GeometricTransform as GeometricTransform
from augmentlab.bases import PixelTransform as PixelTransform
from augmentlab.bases import PointTransform as PointTransform
from augmentlab.batch import augment_batch as augment_batch
from augmentlab.compose import Blend as Blend
from augmentlab.compose import Compose as Compose
from augmentlab.compose import OneOf as OneOf
from augmentlab.compose import RandomOrder as RandomOrder
from augmentlab.compose import SomeOf as SomeOf
from augmentlab.data import Dataset as Dataset
from augmentlab.distributions import choice as choice
from augmentlab.distributions import integers as integers
from augmentlab.distributions import loguniform as loguniform
from augmentlab.distributions import uniform as uniform
from augmentlab.documents import from_dict as from_dict
from augmentlab.engines import engine as engine
from augmentlab.interop import compare_frameworks as compare_frameworks
from augmentlab.interop import from_albumentations as from_albumentations
from augmentlab.interop import from_torchvision as from_torchvision
from augmentlab.measures import strength as strength
from augmentlab.policies import AugMix as AugMix
from augmentlab.policies import AutoAugment as AutoAugment
from augmentlab.policies import RandAugment as RandAugment
from augmentlab.policies import TrivialAugment as TrivialAugment
from augmentlab.sample import Sample as Sample
from augmentlab.sample import as_image as as_image
from augmentlab.study import Study as Study
from augmentlab.transform import Transform as Transform
from augmentlab.transforms.blur import *
from augmentlab.transforms.color import *
from augmentlab.transforms.distort import *
from augmentlab.transforms.erase import *
from augmentlab.transforms.geometric import *
from augmentlab.transforms.mix import *
from augmentlab.transforms.noise import *
from augmentlab.transforms.preprocess import *
from augmentlab.transforms.size import *
from augmentlab.transforms.weather import *
from augmentlab.widgets import Controls as Controls
from augmentlab.widgets import Explorer as Explorer
from augmentlab.widgets import LabelCheck as LabelCheck
from augmentlab.widgets import StudyView as StudyView
from augmentlab.widgets import explore as explore
from augmentlab.widgets import label_check as label_check

__version__: str
