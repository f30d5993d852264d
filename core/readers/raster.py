def accepts(head, name): return False
def read(s,o): return []
