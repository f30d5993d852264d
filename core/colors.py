"""Colours of figures: told apart by the colour-blind, and readable on light and dark."""

#: Okabe and Ito (2008), "Color Universal Design", without black; in the order in which categories take them.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")

#: For lines and grids: a grey with more than 3:1 against white and against the dark theme.
NEUTRAL = "#7F7F7F"
GRID = "rgba(127, 127, 127, 0.25)"

#: No background of its own, so that the theme shows through.
CLEAR = "rgba(0, 0, 0, 0)"
