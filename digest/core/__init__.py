"""What the numbers mean: pure functions and frozen data, standard library only, no clock."""
