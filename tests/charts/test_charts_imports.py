from __future__ import annotations

import subprocess
import sys


def test_matplotlib_is_imported_only_when_something_is_drawn() -> None:
    code = (
        "import sys, digest.charts, digest.core.charting;"
        "from digest.core.charts_spec import NoChart;"
        "digest.charts.draw([NoChart(name='a', title='A', sentence='A.')]);"
        "print([m for m in ('matplotlib', 'numpy', 'PIL') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_drawing_needs_no_pyplot() -> None:
    code = "import sys, digest.charts.drawing; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
