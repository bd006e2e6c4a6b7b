"""`python -m emotui`: the same as the `emotui` command."""

import sys

from emotui.cli import main

sys.exit(main())
