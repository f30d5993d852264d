"""From a recipe to a bundle: data, networks, the loop, measurements and the card."""
