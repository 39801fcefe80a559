"""Train from a checkout: the same as `grn train`.

python train.py                                                    the demo: simulated cells
python train.py data=beeline data.dataset=mDC data.network=STRING  a shared data set
python train.py data=file data.cells=cells.h5ad data.tfs=tfs.txt   your own cells
"""

import sys

from grn.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
