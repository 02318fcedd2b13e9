"""Objects: whole files under safe keys, in a folder or in any S3."""

from botstate.objects.local import LocalObjects
from botstate.objects.memory import MemoryObjects
from botstate.objects.protocol import OBJECTS, ObjectInfo, ObjectReader, Objects
from botstate.objects.service import ObjectsSettings, objects_service

__all__ = [
    "OBJECTS",
    "LocalObjects",
    "MemoryObjects",
    "ObjectInfo",
    "ObjectReader",
    "Objects",
    "ObjectsSettings",
    "objects_service",
]
