"""The release of this package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("spherical-grn")
except PackageNotFoundError:  # a checkout that is not installed
    VERSION = "0+unknown"
