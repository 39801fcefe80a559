"""Colours of all pictures, which colour-blind readers can tell apart (Okabe & Ito 2008)."""

ACTIVATION = "#D55E00"
REPRESSION = "#0072B2"
UNSIGNED = "#666666"
REGULATOR = "#333333"
TARGET = "#F0F0F0"
METHODS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#CC79A7", "#D55E00", "#999999")
# A diverging map that contains the colours of repression and activation.
SIGNED_MAP = ("#013A5E", REPRESSION, "#8FC1DE", "#F7F7F7", "#F2B48A", ACTIVATION, "#6B2D00")
FOCUS = "#E69F00"
