"""Skeletons: layouts, the shared data type, and mapping between layouts."""

from csre_ros.skeleton.depth import DepthImage, lifted
from csre_ros.skeleton.layout import SkeletonLayout
from csre_ros.skeleton.layouts import LAYOUTS, get_layout
from csre_ros.skeleton.mapping import LayoutMapping, mirror
from csre_ros.skeleton.pinhole import Pinhole
from csre_ros.skeleton.skeleton import FloatArray, Frame, Skeleton, in_image_heights

__all__ = [
    "LAYOUTS",
    "DepthImage",
    "FloatArray",
    "Frame",
    "LayoutMapping",
    "Pinhole",
    "Skeleton",
    "SkeletonLayout",
    "get_layout",
    "in_image_heights",
    "lifted",
    "mirror",
]
