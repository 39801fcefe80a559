"""Tools on a network: activity, drivers, specificity, differences, knock-outs; also `grn.tl`."""
