"""How far an explanation can be trusted: faithfulness, stability, random weights, a second opinion, marked regions."""
