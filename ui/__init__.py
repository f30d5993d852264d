"""What needs Streamlit and is no page."""
