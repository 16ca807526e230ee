"""Lets `python -m recon` run the command line."""

import sys

from recon.cli import main

sys.exit(main())
