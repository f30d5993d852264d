"""Start the app: `python -m ui.launch [streamlit's options]`.

`streamlit run app.py` does the same as long as `.streamlit/config.toml` lies beside `app.py`. Without that file
Streamlit asks the network for this machine's public address before it reads a line of ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit.web.cli import main

from ui.serving.options import hold_when_read

APP = Path(__file__).resolve().parent.parent / "app.py"

if __name__ == "__main__":
    hold_when_read()
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    main()
