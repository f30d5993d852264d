"""Start the app: `python -m ui.launch [streamlit's options]`.

`streamlit run app.py` works too, but its first visitor by a link to a page is told "Page not found": for the first
session of a server Streamlit looks for pages in a folder named `pages` by itself, before `st.navigation` names ours.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streamlit import config
from streamlit.runtime.pages_manager import PagesManager
from streamlit.web.cli import main

APP = Path(__file__).resolve().parent.parent / "app.py"

if __name__ == "__main__":
    PagesManager.uses_pages_directory = False  # what `st.navigation` sets as well, only too late for the first session
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    port = (
        sys.argv[sys.argv.index("--server.port") + 1]
        if "--server.port" in sys.argv
        else config.get_option("server.port")
    )
    print(f"ScanLens: http://localhost:{port} (Ctrl+C stops it)", flush=True)
    main()
