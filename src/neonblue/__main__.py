"""``python -m neonblue`` is the same as the command ``neonblue``."""

from neonblue.cli import main

raise SystemExit(main())
