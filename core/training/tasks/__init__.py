"""What training asks of a task: its network, batches, loss, choice of checkpoint and measurements."""
