"""From a model file that somebody brings to a bundle at home: looked into, compiled apart, agreed on, kept."""
