"""People and a model read the same cases: the design of a session, its storage, its statistics and its export.

Every reader reads every case twice, first without and then with the model's answer and heatmap, in an order of their
own (a sequential reading study). Images are never stored, only names of cases, answers and times.
"""
