"""Tables as Markdown show text as text, one row a line."""

from ui.tables import markdown_table


def test_cells_are_text_and_rows_stay_rows():
    found = markdown_table([{"Fact": "a|b", "Value": "*x*\n| y |"}, {"Fact": "c"}]).splitlines()
    assert found == ["| Fact | Value |", "| --- | --- |", r"| a\|b | \*x\* \| y \| |", "| c |  |"]


def test_a_reading_needs_no_pandas():
    import subprocess
    import sys

    code = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('app.py', default_timeout=120)\n"
        "app.query_params.update({'sample': 'brain', 'model': 'brain-tumour-mri'})\n"
        "app.run()\n"
        "while not app.get('plotly_chart'): app.run()\n"
        "assert not app.exception\n"
        "print(sorted({'pandas', 'pyarrow', 'sqlalchemy', 'sklearn', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stderr[-2000:]
