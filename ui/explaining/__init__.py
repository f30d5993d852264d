"""The page that explains one scan by several methods and models."""
